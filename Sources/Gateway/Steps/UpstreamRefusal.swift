internal import Catalogue
internal import Dialects
internal import Ledger

extension UpstreamFailure {
    /// What the client is told. A provider's status is the client's status, because nothing was sent before it was known.
    func clientError(route: Route) -> GatewayError {
        let provider = route.provider.id
        switch kind {
        case .connect:
            return GatewayError(
                APIError(
                    status: 502, message: "The provider \(provider) could not be reached.", code: "fetch_failed",
                    type: "upstream_error"))
        case .timeout:
            return GatewayError(APIError(status: 504, message: "The provider \(provider) did not answer in time."))
        case .interrupted:
            return GatewayError(
                APIError(
                    status: 502, message: "The provider \(provider) broke off its answer.", code: "upstream_error",
                    type: "upstream_error"))
        case .malformed:
            return GatewayError(
                APIError(
                    status: 502, message: "The provider \(provider) gave an answer that can't be read.", code: "upstream_error",
                    type: "upstream_error"))
        case .tooLarge:
            return Self.charged(
                APIError(
                    status: 502, message: "The answer of the provider \(provider) is too large for this gateway; ask for less.",
                    code: "answer_too_large", type: "upstream_error"))
        case .noRoom:
            return Self.charged(
                APIError(
                    status: 503, message: "This gateway has no memory for the provider's answer now; try again shortly.",
                    code: "overloaded"))
        case .cancelled:
            return GatewayError(APIError(status: 499, message: "The request was cancelled."))
        case .status, .request:
            let answer = APIError.upstream(status: status ?? 502, body: body, provider: "The provider \(provider)")
            let told = SentCredential(of: route).hidden(in: answer)
            return GatewayError(told, retryAfter: retryAfter ?? (status == 429 ? 1 : nil))
        }
    }

    /// A client has nothing of an answer that is charged as far as it is known, and should know before it asks for another.
    private static func charged(_ answer: APIError) -> GatewayError {
        var error = GatewayError(answer)
        error.isWorthRetrying = false
        return error
    }

    /// How the ledger records it.
    var outcomeError: OutcomeError {
        switch kind {
        case .status: OutcomeError(type: unifiedFinishReason.rawValue, code: "status_\(status ?? 0)", upstreamStatus: status)
        default: OutcomeError(type: unifiedFinishReason.rawValue, code: kind.rawValue)
        }
    }

    /// By whose fault it is.
    var unifiedFinishReason: UnifiedFinishReason {
        switch kind {
        case .cancelled: .canceled
        case .request: (status ?? 400) < 500 ? .clientError : .gatewayError
        case .status:
            switch status ?? 500 {
            case 401, 402, 403, 405, 407: .gatewayError
            case 404, 429: .upstreamError
            case 400..<500: .clientError
            default: .upstreamError
            }
        default: .upstreamError
        }
    }
}
