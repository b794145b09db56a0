internal import Admission
internal import CoreMetrics
internal import Logging
internal import Money

extension AdmitStep {
    /// Asks whether the key may use the model at all, holding nothing: for requests that never reach a provider.
    ///
    /// - Throws: what the client is to be told.
    func inspect(_ understood: UnderstoodRequest) async throws(GatewayError) {
        let organization = understood.address.organization
        var policy = try await gateway.policies.policy(of: organization)
        for _ in 1...3 {
            var refusal: GatewayError?
            if case .failure(let error) = PermitStep(gateway: gateway).permit(understood, by: policy) { refusal = error }
            let decision: AdmitDecision
            do {
                decision = try await gateway.admission.admit(
                    AdmitRequest(
                        digest: understood.incoming.tokenDigest, address: understood.address, request: understood.incoming.id,
                        hold: .zero, tokens: 0, policy: policy.position, isUnbounded: false, isRefused: refusal != nil),
                    on: understood.incoming.eventLoop)
            } catch {
                throw GatewayError.unavailable("The limits of this organization can't be checked now; try again shortly.")
            }
            switch decision {
            case .admitted: return
            case .stale(let position): policy = try await gateway.policies.policy(of: organization, atLeast: position)
            case .unknown:
                throw GatewayError.unavailable("The limits of this organization are being restored; try again shortly.")
            case .denied(let denial):
                if denial.reason == .permission, let refusal { throw refusal }
                throw GatewayError(denial, bound: try HoldBound(understood))
            }
        }
        throw GatewayError.unavailable("The rules of this organization are changing; try again shortly.")
    }
}
