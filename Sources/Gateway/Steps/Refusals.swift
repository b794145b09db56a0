internal import Admission
internal import Dialects
internal import Ledger
internal import Money

extension GatewayError {
    /// What a client is told when admission refuses.
    init(_ denial: Denial, bound: HoldBound) {
        let scope = denial.scope.rawValue.replacing("_", with: " ")
        let answer: APIError =
            switch denial.reason {
            case .unknownKey:
                GatewayError.unknownKey.answer
            case .keyInactive:
                GatewayError.keyInactive.answer
            case .keyExpired:
                GatewayError.keyExpired.answer
            case .projectInactive, .organizationInactive:
                GatewayError.gone(scope).answer
            case .permission:
                APIError(status: 403, message: "Access denied.", code: "permission_denied", type: "invalid_request_error")
            case .unbounded:
                bound.unboundedPart ?? .invalid("messages", "The highest cost of this request has no bound.")
            case .balance, .keyLimit, .periodLimit, .projectLimit:
                APIError(
                    status: 402, message: Self.tooDear(denial, scope: scope, bound: bound),
                    code: denial.reason == .balance ? "insufficient_credits" : "usage_limit_reached")
            case .requestsPerMinute:
                APIError(status: 429, message: "The limit of requests a minute of this key is reached.")
            case .tokensPerMinute where denial.retryAfter == nil:
                APIError(
                    status: 429,
                    message: "This request counts as \(bound.expectedTokens) tokens, more than this key may use in a minute; "
                        + "lower max_tokens, or the prompt.")
            case .tokensPerMinute:
                APIError(status: 429, message: "The limit of tokens a minute of this key is reached.")
            }
        // Whole seconds, rounded up: a retry a moment too early is refused again.
        let wait = denial.retryAfter.map { Int($0.components.seconds) + ($0.components.attoseconds > 0 ? 1 : 0) }
        self.init(answer, retryAfter: wait, scope: denial.scope.rawValue, reason: denial.reason.rawValue)
    }

    private static func tooDear(_ denial: Denial, scope: String, bound: HoldBound) -> String {
        let what =
            switch denial.reason {
            case .balance: "credits of the organization do"
            case .periodLimit: "usage limit of the \(scope) for this period does"
            default: "usage limit of the \(scope) does"
            }
        let available = denial.available.map { "; \(max($0, .zero).decimal) USD can be spent" } ?? ""
        return "The \(what) not cover this request, which may cost \(bound.amount.decimal) USD\(available)."
    }

    /// Whether a known key was refused. Shed load and lost servers are not the client's doing, and whoever finds a key that was
    /// deleted, or a token that was replaced, fills no ledger with it: they only count in metrics.
    var isDenial: Bool { status < 500 && reason != Denial.Reason.unknownKey.rawValue }

    /// What a client is told when the ledger did not take the authorization: nothing was sent to any provider.
    init(_ error: AppendError) {
        self =
            switch error.code {
            case .overloaded: .overloaded
            case .unavailable, .rejected, .shutDown, .deadlineExceeded:
                .unavailable("The ledger can't be written now, so no paid request is taken; try again shortly.")
            }
    }
}
