internal import Admission
internal import Catalogue
internal import CoreMetrics
internal import Dialects
internal import Ledger
internal import Logging
internal import Money

/// How a request ended, before it is priced.
struct Ending: Sendable {
    enum Kind: Sendable {
        case completed, failed, cancelled
    }

    var kind: Kind
    /// The HTTP status that the client got or would have got.
    var status: Int
    /// The route that produced something, else the one that was tried last; nil when none was.
    var route: Route?
    var attempts: [Attempt]
    /// What was used; nil when nothing was, and then nothing is charged.
    var usage: TokenUsage?
    /// True when the usage was counted here because the provider did not report it.
    var isEstimated = false
    var error: OutcomeError?
    var finishReason: String?
    var unifiedFinishReason: UnifiedFinishReason
    /// When the first byte went to the client of a stream.
    var firstByteAt: ContinuousClock.Instant?
    /// The provider's answer as far as it came, for organizations that have it kept.
    var completion: [UInt8]?

    /// The same where the usage that the provider reported has no price that fits an amount: nobody is charged for that.
    var unpriced: Ending {
        var ending = self
        (ending.kind, ending.status, ending.usage) = (.failed, 502, nil)
        ending.error = OutcomeError(type: "upstream_error", code: "usage_invalid")
        ending.unifiedFinishReason = .upstreamError
        return ending
    }
}

/// A request whose outcome is durable.
struct SettledRequest: Sendable {
    /// The customer's bill before the charge was cut to the hold.
    let bill: Bill
    let charged: NanoDollars
}

extension AdmittedRequest {
    /// What is taken from the balance for a bill.
    func charge(for bill: Bill) -> NanoDollars { admission.strict ? min(bill.total, held) : bill.total }
}

/// Turns an ending into money and makes the outcome durable before the client gets the last byte.
struct Settler: Sendable {
    let gateway: Gateway

    /// - Throws: 503 when neither the ledger nor the spool could take the outcome: the answer is not finished then.
    func settle(_ admitted: AdmittedRequest, _ ending: Ending) async throws(GatewayError) -> SettledRequest {
        let began = ContinuousClock.now
        let full: Bills
        do {
            full = try bills(ending)
        } catch {
            _ = try await settle(admitted, ending.unpriced)
            throw error
        }
        let isCached = admitted.cached != nil
        let bills = isCached ? (price: Bill.none, cost: Bill.none) : full
        let charged = admitted.charge(for: bills.price)
        guard gateway.configuration.keepsBooks else {
            gateway.admission.release(
                admitted.understood.incoming.id, address: admitted.understood.address, on: admitted.understood.incoming.eventLoop)
            return SettledRequest(bill: bills.price, charged: charged)
        }
        var outcome = outcome(admitted, ending, bills, charged: charged)
        let kept = admitted.admission.isRetained ? KeptBodies(admitted, ending, writer: gateway.payloads) : nil
        outcome.bodies = kept?.digests
        if isCached {
            // Nobody was asked.
            (outcome.cached, outcome.attempts) = (true, [])
            outcome.saved = (ending.route?.own == nil ? full.price : full.cost).total
            gateway.metrics.cacheHits.increment()
        }
        do {
            let event: NewEvent
            do {
                event = try self.event(admitted, ending.kind, outcome)
            } catch {
                // What is told beside the money must not keep the money out of the books.
                (outcome.routing, outcome.attempts) = (nil, outcome.attempts.suffix(1))
                event = try self.event(admitted, ending.kind, outcome)
            }
            let settlement = try await gateway.outcomes.settle(event)
            if case .spooled = settlement { gateway.metrics.spooled.increment() }
            if !admitted.isAuthorized { gateway.annotate(event.id, first: admitted.understood.incoming) }
        } catch {
            gateway.logger.critical(
                "an outcome could neither be appended nor spooled",
                metadata: ["request": "\(admitted.understood.incoming.id)", "error": "\(error)"])
            throw GatewayError.unavailable("The outcome of the request could not be recorded.")
        }
        kept?.put(of: admitted.understood.incoming.id, into: gateway.payloads)
        gateway.metrics.settlement.record(since: began)
        if admitted.isAuthorized, charged < admitted.held, isNearLimit(admitted) {
            // The projector settles the hold; until then a client near its limit is not refused for money it did not spend.
            gateway.admission.lower(
                admitted.understood.incoming.id, address: admitted.understood.address, to: charged,
                on: admitted.understood.incoming.eventLoop)
        }
        return SettledRequest(bill: bills.price, charged: charged)
    }

    /// Whether so many holds as this one, as come before the projector settles it, could use up what was left.
    private func isNearLimit(_ admitted: AdmittedRequest) -> Bool {
        admitted.admission.available.rawValue / Self.holdsOfRoom <= admitted.held.rawValue
    }

    /// More than a gateway admits in the time in which holds are settled.
    private static let holdsOfRoom: Int64 = 4_096

    /// Ends an authorization of which it is not known whether it was appended: nothing went upstream, nothing is charged.
    ///
    /// If it was not appended, the ledger refuses this outcome, and the hold is voided by recovery. One that lay in the spool while
    /// that happened follows the void, and changes nothing.
    func cancelUnknown(_ admitted: AdmittedRequest) async {
        let ending = Ending(
            kind: .failed, status: 503, route: nil, attempts: [],
            error: OutcomeError(type: "gateway_error", code: "authorization_unknown"), unifiedFinishReason: .gatewayError)
        do {
            _ = try await settle(admitted, ending)
        } catch {
            gateway.logger.warning(
                "an unknown authorization was left to recovery", metadata: ["request": "\(admitted.understood.incoming.id)"])
        }
    }

    private typealias Bills = (price: Bill, cost: Bill)

    private func bills(_ ending: Ending) throws(GatewayError) -> Bills {
        do {
            guard let route = ending.route, let usage = ending.usage else {
                return (.none, .none)
            }
            return (try route.price(of: usage), try route.cost(of: usage))
        } catch {
            // Only a provider that reports an absurd usage comes here; the hold bounds what a client can ask for.
            throw GatewayError.unavailable("The provider reported a usage whose price does not fit an amount.")
        }
    }

    /// Bytes; services know words of a dozen.
    private static let longestReason = 64

    private func outcome(
        _ admitted: AdmittedRequest, _ ending: Ending, _ bills: Bills, charged: NanoDollars
    ) -> Outcome {
        let understood = admitted.understood
        return Outcome(
            instance: gateway.lease.instance, project: understood.address.project, apiKey: understood.address.key,
            requestedModel: understood.requestedModel, model: understood.model.id,
            provider: ending.route?.provider.id, upstreamModel: ending.route?.mapping.upstreamName, stream: understood.isStreamed,
            cached: false, estimated: ending.isEstimated, status: ending.status, error: ending.error,
            // Whatever the provider says: an event has its largest size.
            finishReason: ending.finishReason.map { String(decoding: $0.utf8.prefix(Self.longestReason), as: UTF8.self) },
            unifiedFinishReason: ending.unifiedFinishReason.rawValue,
            attempts: ending.attempts,
            usage: ending.usage ?? TokenUsage(),
            catalogueVersion: understood.catalogueVersion, credential: ending.route?.credential ?? .house,
            price: bills.price, cost: bills.cost, held: admitted.held, charged: charged,
            overrun: NanoDollars(bills.price.total.rawValue - charged.rawValue),
            durationMS: (ContinuousClock.now - understood.incoming.receivedAt).milliseconds,
            timeToFirstTokenMS: ending.firstByteAt.map { ($0 - understood.incoming.receivedAt).milliseconds },
            admittedAt: admitted.admission.admittedAt, providerKey: ending.route?.own?.id,
            routing: admitted.cached == nil ? understood.decision : nil)
    }

    private func event(_ admitted: AdmittedRequest, _ kind: Ending.Kind, _ outcome: Outcome) throws(EventError) -> NewEvent {
        let incoming = admitted.understood.incoming
        func make(_ data: some EventData) throws(EventError) -> NewEvent {
            try NewEvent(
                data, stream: .request(incoming.id), expectedVersion: admitted.isAuthorized ? 1 : 0,
                organization: admitted.understood.address.organization,
                metadata: EventMetadata(
                    clientRequestID: incoming.clientRequestID, source: admitted.isAuthorized ? nil : incoming.labels.source))
        }
        return switch kind {
        case .completed: try make(RequestCompleted(outcome: outcome))
        case .failed: try make(RequestFailed(outcome: outcome))
        case .cancelled: try make(RequestCancelled(outcome: outcome))
        }
    }
}
