internal import Catalogue
internal import Dialects
internal import Ledger
internal import Money

/// No route gave an answer; nothing reached the client.
struct RelayFailure: Error, Sendable {
    /// The last route's, or where the request may only have been too long for that one, that of the last before with room for it.
    let failure: UpstreamFailure
    let route: Route
    let attempts: [Attempt]

    /// How the request ended: with nothing produced, or with what a provider may bill although the client has nothing of it.
    ///
    /// - Parameters:
    ///   - status: What the client is told.
    ///   - isClientGone: Whether the client left before anything came.
    func ending(of admitted: AdmittedRequest, status: Int, isClientGone: Bool) -> Ending {
        let prompt = admitted.understood.scan.settledPromptTokens(at: route.mapping)
        let given = admitted.understood.images
        switch failure.kind {
        case .cancelled where isClientGone:
            return Ending(
                kind: .cancelled, status: 499, route: route, attempts: attempts,
                usage: failure.sentRequest ? TokenUsage(promptTokens: prompt, images: given) : nil,
                isEstimated: failure.sentRequest,
                error: OutcomeError(type: "client_error", code: "request_cancelled"), unifiedFinishReason: .canceled)
        case .tooLarge, .noRoom:
            let images = admitted.understood.entered.entrance.kind == .image ? admitted.understood.scan.choices : 0
            return Ending(
                kind: .failed, status: status, route: route, attempts: attempts,
                usage: TokenUsage(estimated: prompt, completionTokens: 0, images: images).given(given), isEstimated: true,
                error: failure.outcomeError, unifiedFinishReason: failure.unifiedFinishReason)
        default:
            return Ending(
                kind: .failed, status: status, route: route, attempts: attempts, error: failure.outcomeError,
                unifiedFinishReason: failure.unifiedFinishReason)
        }
    }
}
