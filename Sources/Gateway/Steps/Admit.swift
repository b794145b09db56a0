internal import Admission
internal import Catalogue
internal import CoreMetrics
internal import Dialects
internal import HTTPTypes
internal import Ledger
internal import Logging
internal import Money

/// A request that may be spent on: its authorization is durable, its hold stands in Redis.
struct AdmittedRequest: Sendable {
    let understood: UnderstoodRequest
    let admission: Admission
    /// What is held for it; zero when nothing can be charged, and then there is no authorization event either.
    let held: NanoDollars
    /// The completion bound that must be sent upstream because the client named none; nil when the client's own stands.
    let outputLimit: Int64?
    /// nil where the project does not cache.
    let cache: CacheUse?
    /// What is said to providers and by them, where bodies are kept and the client asks for these too.
    let trace: UpstreamTrace?
    /// How its organization stands with the model, where that is free.
    var free: FreeUse?

    /// The answer that was given before and is given again; then nobody is asked and nothing is charged.
    var cached: CachedAnswer? { cache?.found }

    /// The bound to send to `route`; the organization's own account is bounded by nobody but the client.
    ///
    /// Services refuse one that goes beyond the model's maximum, or beyond what the prompt leaves of the context. So where nobody
    /// knows the maximum, or the prompt is long, the model's own is not sent: what is held covers all that the model can do.
    func outputLimit(at route: Route) -> RequestEdits.OutputLimit? {
        guard route.own == nil, let outputLimit else { return nil }
        let (mapping, room) = (route.mapping, room(at: route))
        let isSafe = mapping.maximumOutput != nil && room == mapping.outputBound
        guard isLowered(at: route) || isSafe || route.foreign != nil else { return nil }
        return .init(field: mapping.outputLimitField, tokens: min(outputLimit, room))
    }

    /// The most tokens that a completion can be asked for at `route`: the model's maximum, or what the prompt is likely to leave
    /// of the context.
    func room(at route: Route) -> Int64 {
        let estimate = understood.scan.estimatedPromptTokens
        let left = route.mapping.contextSize - estimate - estimate / 4
        return min(route.mapping.outputBound, max(left, AdmitStep.smallestOutputBound))
    }

    /// The field that the client's bound must stand in at `route`; nil where it may stay in the one that the client wrote. What a
    /// customer's own service reads, the customer knows, and pays for.
    func limitField(at route: Route) -> OutputLimitField? {
        route.own == nil || understood.entered.isTranslated ? route.mapping.outputLimitField : nil
    }

    /// Whether the bound at `route` is lower than the model's own because little was left.
    func isLowered(at route: Route) -> Bool {
        route.own == nil && outputLimit.map { $0 < route.mapping.outputBound } ?? false
    }

    /// True when its first event is in the ledger already, so that an outcome is the second.
    var isAuthorized: Bool { held > .zero }
}

/// Checks every limit, holds the highest cost, and makes the authorization durable: nothing goes upstream before.
struct AdmitStep: Sendable {
    let gateway: Gateway

    /// A client's own bound is never lowered; one that is absent may be lowered to this and no further by a small balance.
    static let smallestOutputBound: Int64 = 4_096
    /// How often it is tried because an epoch ended or a policy changed in between.
    private static let attempts = 6

    /// - Throws: what the client is to be told; nothing is held then.
    func admit(_ understood: UnderstoodRequest) async throws(GatewayError) -> AdmittedRequest {
        guard gateway.lease.mayAdmit else {
            throw GatewayError.unavailable("The gateway can't reach the ledger and admits nothing for now.")
        }
        let organization = understood.address.organization
        var trial = try await trial(understood, by: try await gateway.policies.policy(of: organization))
        var endedEpoch: Int64?
        var mayLower = true
        for _ in 1...Self.attempts {
            let began = ContinuousClock.now
            let decision = try await decide(trial, endedEpoch: endedEpoch)
            gateway.metrics.admission.record(since: began)
            switch decision {
            case .unknown:
                throw GatewayError.unavailable("The limits of this organization are being restored; try again shortly.")
            case .stale(let position):
                trial = try await self.trial(
                    understood, by: try await gateway.policies.policy(of: organization, atLeast: position))
            case .denied(let denial):
                if denial.reason == .permission, let refusal = trial.refusal { throw refusal }
                if let available = denial.available, mayLower, try trial.bound.fit(into: available) {
                    mayLower = false
                    continue
                }
                // The organization's own accounts need no credits, and neither does what is free.
                if denial.reason.concernsCharges, let uncharged = try trial.unchargedRoutesAlone() {
                    trial = uncharged
                    continue
                }
                throw GatewayError(denial, bound: trial.bound)
            case .admitted(let admission):
                let understood = trial.understood
                let total = (try? admission.available.adding(trial.bound.amount)) ?? admission.available
                let balance = (try? admission.balance.adding(trial.bound.amount)) ?? admission.balance
                if try trial.bound.fit(into: total) {
                    gateway.admission.lower(
                        understood.incoming.id, address: understood.address, to: trial.bound.amount,
                        on: understood.incoming.eventLoop)
                }
                let trace =
                    admission.isRetained
                    ? UpstreamTrace(askedFor: understood.incoming.headers, limit: gateway.payloads.maximumBytes) : nil
                var admitted = AdmittedRequest(
                    understood: understood, admission: admission, held: trial.bound.amount,
                    outputLimit: trial.bound.outputLimit, cache: trial.cache, trace: trace)
                if !admitted.isAuthorized { try await expectRoom() }
                admitted.free = try await limitFree(admitted, balance: balance)
                guard admitted.isAuthorized else { return admitted }
                switch try await authorize(admitted) {
                case .authorized: return admitted
                case .staleEpoch(let current): endedEpoch = current
                }
            }
        }
        throw GatewayError.unavailable("The limits and rules of this organization are changing; try again shortly.")
    }

    /// What is charged nothing has no event before its outcome, which would find the ledger away when somebody has been asked already.
    ///
    /// - Throws: 503 when neither the ledger nor the spool would take the outcome.
    private func expectRoom() async throws(GatewayError) {
        guard gateway.configuration.keepsBooks, await !gateway.outcomes.hasRoom() else { return }
        throw GatewayError.unavailable("The outcome of the request could not be recorded now; try again shortly.")
    }

    /// A request as one policy lets it go on.
    private struct Trial {
        /// With the routes that are left.
        let understood: UnderstoodRequest
        let policy: Int64
        /// Why none is left. Only admission knows whether the policy that says so is the newest, so it is asked all the same.
        let refusal: GatewayError?
        var bound: HoldBound
        var cache: CacheUse?

        /// Without what is charged; nil when that leaves everything or nothing.
        ///
        /// The organization's own accounts alone where it has any: behind one that fails nobody would count what is free.
        func unchargedRoutesAlone() throws(GatewayError) -> Trial? {
            let own = understood.routes.filter { $0.own != nil }
            let uncharged = own.isEmpty ? understood.routes.filter(\.mapping.prices.isFree) : own
            guard refusal == nil, !uncharged.isEmpty, uncharged.count < understood.routes.count else { return nil }
            let narrowed = understood.narrowed(to: uncharged)
            return Trial(
                understood: narrowed, policy: policy, refusal: nil, bound: try HoldBound(narrowed), cache: cache)
        }
    }

    private func trial(
        _ understood: UnderstoodRequest, by policy: OrganizationPolicy
    ) async throws(GatewayError) -> Trial {
        let funded: UnderstoodRequest
        switch payable(understood, by: policy) {
        case .success(let found): funded = found
        case .failure(let refusal):
            return Trial(understood: understood, policy: policy.position, refusal: refusal, bound: try HoldBound(understood))
        }
        let cache = await CacheStep(gateway: gateway).look(for: understood, by: policy)
        // Only where the request itself could go: what a rule forbids is not had from the cache either.
        if let found = cache?.found, let route = funded.routes.first(where: { $0.answers(found) }) {
            let narrowed = funded.narrowed(to: [route])
            return Trial(
                understood: narrowed, policy: policy.position, refusal: nil, bound: HoldBound(cached: narrowed), cache: cache)
        }
        var elsewhere: UnderstoodRequest?
        // Who pays an account of its own there does not pay the house elsewhere.
        if let other = funded.elsewhere, funded.routes.allSatisfy({ $0.own == nil }) {
            elsewhere = try? payable(other, by: policy).get()
        }
        let ranked = await RankStep(gateway: gateway).rank(funded, elsewhere: elsewhere)
        return Trial(
            understood: ranked, policy: policy.position, refusal: nil, bound: try HoldBound(ranked), cache: cache?.missed)
    }

    /// The request as far as rules allow it and somebody pays it; where it names no model, at the cheapest of those that are left.
    private func payable(
        _ understood: UnderstoodRequest, by policy: OrganizationPolicy
    ) -> Result<UnderstoodRequest, GatewayError> {
        let result = PermitStep(gateway: gateway).permit(understood, by: policy).flatMap { FundStep().fund($0, by: policy) }
        guard !understood.others.isEmpty else { return result }
        // What is cheap where it may not go, or where nobody pays, is not cheap.
        let left = ([result] + understood.others.map { payable($0, by: policy) }).compactMap { try? $0.get() }
        guard let cheapest = left.map({ (request: $0, price: $0.likelyPrice) }).min(by: { $0.price < $1.price }) else {
            return result
        }
        return .success(cheapest.request)
    }

    private func decide(_ trial: Trial, endedEpoch: Int64?) async throws(GatewayError) -> AdmitDecision {
        let understood = trial.understood
        let isRefused = trial.refusal != nil
        let request = AdmitRequest(
            digest: understood.incoming.tokenDigest, address: understood.address, request: understood.incoming.id,
            hold: isRefused ? .zero : trial.bound.amount, tokens: isRefused ? 0 : trial.bound.expectedTokens,
            policy: trial.policy,
            isUnbounded: trial.bound.unboundedPart != nil, isRefused: isRefused)
        do {
            if let endedEpoch {
                return try await gateway.admission.readmit(request, staleEpoch: endedEpoch, on: understood.incoming.eventLoop)
            }
            return try await gateway.admission.admit(request, on: understood.incoming.eventLoop)
        } catch {
            gateway.logger.debug("admission gave no answer", metadata: ["request": "\(request.request)", "error": "\(error)"])
            // The hold may stand although its answer never came, and would be in everybody's way for a minute.
            gateway.admission.release(request.request, address: request.address, on: understood.incoming.eventLoop)
            throw GatewayError.unavailable("The limits of this organization can't be checked now; try again shortly.")
        }
    }

    private enum Authorization {
        case authorized
        /// The epoch that it was admitted in is over: it must be admitted again, in the one named here or a later one.
        case staleEpoch(current: Int64)
    }

    /// Appends `request.authorized`.
    private func authorize(_ admitted: AdmittedRequest) async throws(GatewayError) -> Authorization {
        guard gateway.configuration.keepsBooks else { return .authorized }
        let incoming = admitted.understood.incoming
        let address = admitted.understood.address
        let began = ContinuousClock.now
        do {
            let event = try NewEvent(
                RequestAuthorized(
                    instance: gateway.lease.instance, epoch: admitted.admission.epoch, admittedAt: admitted.admission.admittedAt,
                    project: address.project, apiKey: address.key, requestedModel: admitted.understood.requestedModel,
                    model: admitted.understood.model.id, provider: admitted.understood.routes[0].provider.id,
                    stream: admitted.understood.isStreamed, held: admitted.held, strict: admitted.admission.strict),
                stream: .request(incoming.id), expectedVersion: 0, organization: address.organization,
                metadata: EventMetadata(clientRequestID: incoming.clientRequestID, source: incoming.labels.source),
                occurredAt: incoming.occurredAt,
                epoch: admitted.admission.epoch)
            let result = try await gateway.appender.append(Command(event))
            gateway.metrics.authorization.record(since: began)
            switch result {
            case .appended:
                gateway.annotate(event.id, first: incoming)
                return .authorized
            case .staleEpoch(let current):
                return .staleEpoch(current: current)
            case .already, .idempotencyConflict, .versionConflict:
                // Another process holds this id: whatever it does with it, this one must not call a provider.
                release(admitted)
                throw GatewayError.unavailable("The request could not be authorized; try again.")
            }
        } catch let error as AppendError {
            if error.outcomeUnknown {
                await Settler(gateway: gateway).cancelUnknown(admitted)
            } else {
                release(admitted)
            }
            throw GatewayError(error)
        } catch let error as GatewayError {
            throw error
        } catch {
            release(admitted)
            var refusal = GatewayError.invalid("The request can't be recorded: \(error)", param: nil)
            refusal.mayHold = true
            throw refusal
        }
    }

    func release(_ admitted: AdmittedRequest) {
        let incoming = admitted.understood.incoming
        gateway.admission.release(incoming.id, address: admitted.understood.address, on: incoming.eventLoop)
    }
}

extension Route {
    fileprivate func answers(_ cached: CachedAnswer) -> Bool {
        provider.id == cached.provider && mapping.upstreamName == cached.model && own?.id == cached.providerKey
    }
}

extension Denial.Reason {
    /// Whether a request that is charged nothing would not have been refused.
    fileprivate var concernsCharges: Bool {
        switch self {
        case .balance, .keyLimit, .periodLimit, .projectLimit, .unbounded: true
        case .unknownKey, .keyInactive, .keyExpired, .projectInactive, .organizationInactive, .permission, .requestsPerMinute,
            .tokensPerMinute:
            false
        }
    }
}
