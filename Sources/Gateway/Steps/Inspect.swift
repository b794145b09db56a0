internal import Admission
internal import CoreMetrics
internal import Logging
internal import Money

/// Whether a key may be used, for what never reaches a provider: nothing is held.
extension AdmitStep {
    /// Asks whether the key may use the model at all. It counts as a request.
    ///
    /// - Throws: what the client is to be told.
    func inspect(_ understood: UnderstoodRequest) async throws(GatewayError) {
        let denial = try await denial(of: understood.incoming, with: understood.address, counts: true) { policy in
            guard case .failure(let refusal) = PermitStep(gateway: gateway).permit(understood, by: policy) else { return nil }
            return refusal
        }
        if let denial { throw GatewayError(denial, bound: try HoldBound(understood)) }
    }

    /// Asks whether a key that is active may be used from where the client is. It counts in no limit.
    ///
    /// - Throws: what the client is to be told.
    func inspect(_ incoming: IncomingRequest, with address: KeyAddress) async throws(GatewayError) {
        let denial = try await denial(of: incoming, with: address, counts: false) { policy in
            PermitStep(gateway: gateway).refusal(of: incoming, with: address, by: policy)
        }
        // The read models, which have just said otherwise, have the same before a change is answered.
        if denial != nil { throw GatewayError.unavailable("This API key is being changed; try again shortly.") }
    }

    /// - Parameters:
    ///   - counts: False to learn only whether the policy is the newest, as admission says by denying what that refuses.
    ///   - verdict: Why a policy refuses.
    /// - Returns: why something else than the policy does.
    private func denial(
        of incoming: IncomingRequest, with address: KeyAddress, counts: Bool, _ verdict: (OrganizationPolicy) -> GatewayError?
    ) async throws(GatewayError) -> Denial? {
        var policy = try await gateway.policies.policy(of: address.organization)
        for _ in 1...3 {
            let refusal = verdict(policy)
            let decision: AdmitDecision
            do {
                decision = try await gateway.admission.admit(
                    AdmitRequest(
                        digest: incoming.tokenDigest, address: address, request: incoming.id, hold: .zero, tokens: 0,
                        policy: policy.position, isUnbounded: false, isRefused: refusal != nil || !counts),
                    on: incoming.eventLoop)
            } catch {
                throw GatewayError.unavailable("The limits of this organization can't be checked now; try again shortly.")
            }
            switch decision {
            case .admitted: return nil
            case .stale(let position):
                policy = try await gateway.policies.policy(of: address.organization, atLeast: position)
            case .unknown:
                throw GatewayError.unavailable("The limits of this organization are being restored; try again shortly.")
            case .denied(let denial):
                guard denial.reason == .permission else { return denial }
                if let refusal { throw refusal }
                return counts ? denial : nil
            }
        }
        throw GatewayError.unavailable("The rules of this organization are changing; try again shortly.")
    }
}
