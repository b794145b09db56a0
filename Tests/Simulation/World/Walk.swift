import Admission
import Foundation
import Ledger
import Money

/// A request of a client, as the world's chance makes it.
struct SimulatedRequest: Sendable {
    let id: RequestID
    let shop: Int
    let key: Int
    /// The highest that it can cost, nano-dollars.
    let hold: Int64
    /// What the provider will say that it costs; nil where the provider fails.
    let cost: Int64?
    /// How long the provider takes over it, microseconds; 0 is as long as chance says.
    var streams: Int64 = 0
    /// Whether it can cost nothing, and so holds nothing and is one event.
    var isFree = false
    /// Whether the client leaves before it has its whole answer.
    var isLeft = false
}

/// What a client was told.
enum Reply: Sendable, Equatable {
    /// The whole answer.
    case answered
    /// A refusal, or an answer that was not finished.
    case refused(String)
}

/// The walk of a request through a gateway: admit, authorize, relay, settle.
///
/// It stands for `AdmitStep`, `RelayStep` and `Settler` of Sources/Gateway, whose other halves (HTTP, catalogue, policies) have no place
/// here, and calls the same functions of the product in the same order.
extension SimulatedGateway {
    private static let attempts = 6

    func serve(_ request: SimulatedRequest) async -> Reply {
        guard isOpen, lease.mayAdmit else { return .refused("not open") }
        let shop = world.city.shops[request.shop]
        let digest = shop.digests[request.key]
        let address: KeyAddress
        do {
            // It matters that a key is known only once its organization's first events are projected: no hold is asked for before.
            guard let known = try await admission.address(ofDigest: digest, client: "client", on: Self.loop) else {
                return .refused("unknown key")
            }
            address = known
        } catch { return .refused("no address") }
        let admit = AdmitRequest(
            digest: digest, address: address, request: request.id, hold: request.isFree ? .zero : NanoDollars(request.hold),
            tokens: 1, policy: .max)
        var endedEpoch: Int64?
        for _ in 1...Self.attempts {
            let decision: AdmitDecision
            do {
                if let endedEpoch {
                    decision = try await admission.readmit(admit, staleEpoch: endedEpoch, on: Self.loop)
                } else {
                    decision = try await admission.admit(admit, on: Self.loop)
                }
            } catch {
                admission.release(request.id, address: address, on: Self.loop)
                return .refused("no decision")
            }
            guard case .admitted(let admitted) = decision else { return .refused("\(decision)".prefix(40).description) }
            if request.isFree { return await relay(request, admitted, address) }
            switch await authorize(request, admitted, address) {
            case .authorized: return await relay(request, admitted, address)
            case .again(let epoch): endedEpoch = epoch
            case .refused(let why): return .refused(why)
            }
        }
        return .refused("epochs changed too often")
    }

    private enum Authorization {
        case authorized
        case again(Int64)
        case refused(String)
    }

    private func authorize(
        _ request: SimulatedRequest, _ admitted: Admission, _ address: KeyAddress
    ) async -> Authorization {
        let event: NewEvent
        do {
            event = try NewEvent(
                RequestAuthorized(
                    instance: lease.instance, epoch: admitted.epoch, admittedAt: admitted.admittedAt, project: address.project,
                    apiKey: address.key, requestedModel: "m", model: "m", provider: "p", stream: false,
                    held: NanoDollars(request.hold), strict: admitted.strict), stream: .request(request.id), expectedVersion: 0,
                organization: address.organization, epoch: admitted.epoch)
        } catch { return .refused("\(error)") }
        if world.mutation == .callsTooEarly { _ = await provider(request) }
        do {
            let result = try await appender.append(Command(event))
            if !process.isDead { world.reference.heard(result, of: event, in: world.ledger) }
            switch result {
            case .appended: return .authorized
            case .staleEpoch(let current): return .again(current)
            case .already, .idempotencyConflict, .versionConflict:
                admission.release(request.id, address: address, on: Self.loop)
                return .refused("not authorized")
            }
        } catch {
            if !process.isDead { world.reference.heard(error, of: event) }
            if error.outcomeUnknown {
                _ = try? await outcomes.settle(
                    outcome(request, admitted, address, .failed, charged: 0, cost: 0))
            } else {
                admission.release(request.id, address: address, on: Self.loop)
            }
            return .refused("append failed")
        }
    }

    private func relay(_ request: SimulatedRequest, _ admitted: Admission, _ address: KeyAddress) async -> Reply {
        let cost = await provider(request)
        let full = request.isFree ? 0 : cost ?? 0
        let charged = admitted.strict && world.mutation != .chargesBeyondHolds ? min(full, request.hold) : full
        let isCharged = cost != nil
        if world.mutation == .answersTooEarly, isCharged, !process.isDead {
            world.reference.answered(request, charged: charged, on: machine, world)
        }
        do {
            let event = try outcome(
                request, admitted, address, isCharged ? (request.isLeft ? .cancelled : .completed) : .failed, charged: charged,
                cost: full)
            let settlement = try await outcomes.settle(event)
            guard !process.isDead else { return .refused("dead") }
            world.scheduler.note("settled \(settlement)", charged)
        } catch {
            return .refused("not settled")
        }
        if isCharged, !request.isFree, charged < request.hold {
            admission.lower(request.id, address: address, to: NanoDollars(charged), on: Self.loop)
        }
        guard isCharged else { return .refused("the provider failed") }
        guard !request.isLeft else { return .refused("the client left") }
        world.reference.answered(request, charged: charged, on: machine, world)
        return .answered
    }

    /// What the provider charges; nil when it failed or did not answer.
    private func provider(_ request: SimulatedRequest) async -> Int64? {
        let world = world
        // Some think for long, so that whatever goes wrong finds requests open.
        if request.streams > 0 {
            await process.pause(request.streams)
        } else if world.scheduler.random.once(in: 2) {
            await process.pause(world.scheduler.random.within(100_000...4_000_000))
        }
        guard !process.isDead else { return nil }
        let answer = await world.network.exchange(process, world.providerServer, "provider", patience: 3_000_000) {
            () -> Int64? in
            world.reference.asked(request, in: world.ledger)
            return request.cost
        }
        guard !process.isDead else { return nil }
        return (try? answer.get()) ?? nil
    }

    private enum Kind { case completed, failed, cancelled }

    private func outcome(
        _ request: SimulatedRequest, _ admitted: Admission, _ address: KeyAddress, _ kind: Kind, charged: Int64, cost: Int64
    ) throws -> NewEvent {
        let outcome = Outcome(
            instance: lease.instance, project: address.project, apiKey: address.key, requestedModel: "m", model: "m",
            provider: "p", upstreamModel: "m", stream: false, cached: false, estimated: false, status: 200, error: nil,
            finishReason: nil, unifiedFinishReason: "completed", attempts: [], usage: .init(), catalogueVersion: "1",
            credential: .house, price: Bill(lines: [], total: NanoDollars(cost)),
            cost: Bill(lines: [], total: NanoDollars(cost)), held: request.isFree ? .zero : NanoDollars(request.hold),
            charged: NanoDollars(charged), overrun: NanoDollars(cost - charged), durationMS: 1, timeToFirstTokenMS: nil,
            admittedAt: admitted.admittedAt)
        func event(_ data: some EventData) throws -> NewEvent {
            try NewEvent(
                data, stream: .request(request.id), expectedVersion: request.isFree ? 0 : 1, organization: address.organization)
        }
        return switch kind {
        case .completed: try event(RequestCompleted(outcome: outcome))
        case .failed: try event(RequestFailed(outcome: outcome))
        case .cancelled: try event(RequestCancelled(outcome: outcome))
        }
    }

    /// A request that holds nothing and goes nowhere: it has a state built that is missing or of an epoch that is over.
    func ask(_ shop: City.Shop, atLeast epoch: Int64) async {
        let request = AdmitRequest(
            digest: shop.digests[0], address: shop.address[0], request: .mint(), hold: .zero, tokens: 0, policy: .max)
        _ = try? await admission.readmit(request, staleEpoch: epoch, on: Self.loop)
    }

    // MARK: What else is appended

    /// A delivery of Stripe's: books the payment unless it is booked, and says whether Stripe may forget it.
    func deliver(_ payment: PaymentID, of organization: OrganizationID, amount: Int64) async -> Bool {
        guard isOpen else { return false }
        do {
            let succeeded = try NewEvent(
                PaymentSucceeded(
                    intent: "pi", total: NanoDollars(amount), amount: NanoDollars(amount), fee: .zero, bonus: .zero, grant: nil),
                stream: .payment(payment), expectedVersion: world.mutation == .booksTwice ? nil : 0, organization: organization)
            let credit = try NewEvent(
                CreditToppedUp(amount: NanoDollars(amount), payment: payment), stream: .credit(organization),
                expectedVersion: nil, organization: organization)
            let result = try await appender.append(Command([succeeded, credit]))
            guard !process.isDead else { return false }
            world.reference.heard(result, of: succeeded, in: world.ledger)
            if case .versionConflict = result { return true }
            return result.position != nil
        } catch { return false }
    }

    /// A command that the server refuses: it alone may fail.
    func poison() async {
        guard isOpen,
            let event = try? NewEvent(
                id: .mint(), stream: StreamName(kind: .catalogue, id: .zero), expectedVersion: nil, type: City.poison,
                schemaVersion: 1, organization: nil, data: Array("{}".utf8), occurredAt: .now, epoch: nil)
        else { return }
        do {
            let result = try await appender.append(Command(event))
            if !process.isDead { world.reference.fail("a poisoned command was answered with \(result)") }
        } catch {}
    }

    /// A change of a key's limit by a person; only ever upwards, so that nothing that was spent is too much afterwards.
    func raise(_ key: APIKeyID, of organization: OrganizationID, to limit: Int64) async {
        await change(key, of: organization, APIKeyLimitChanged(usageLimit: .set(NanoDollars(limit))))
    }

    /// A person switches a key off, or deletes it.
    func turnOff(_ key: APIKeyID, of organization: OrganizationID, isDeleted: Bool) async {
        if isDeleted {
            await change(key, of: organization, APIKeyDeleted())
        } else {
            await change(key, of: organization, APIKeyStatusChanged(status: .inactive))
        }
    }

    private func change(_ key: APIKeyID, of organization: OrganizationID, _ data: some EventData) async {
        guard isOpen,
            let event = try? NewEvent(data, stream: .apiKey(key), expectedVersion: nil, organization: organization)
        else { return }
        do {
            let result = try await appender.append(Command(event))
            if !process.isDead { world.reference.heard(result, of: event, in: world.ledger) }
        } catch {
            if !process.isDead { world.reference.heard(error, of: event) }
        }
    }
}
