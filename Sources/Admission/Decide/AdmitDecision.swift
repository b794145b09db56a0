public import Ledger
public import Money

/// What Redis answered.
public enum AdmitDecision: Sendable, Hashable {
    case admitted(Admission)
    case denied(Denial)
    /// What routing depends on was changed by the event at this position, which the request was made without: nothing is held.
    case stale(policy: Int64)
    /// The organization's state is not in Redis, and building it was tried and failed in time: answer 503 with Retry-After.
    case unknown
}

/// A request that may go on, with its hold in place on the organization, the project and the key.
public struct Admission: Sendable, Hashable {
    /// The epoch that the authorization must carry; append refuses it when a newer one has begun.
    public let epoch: Int64
    /// Redis's time, which is written into the authorization: it says which of the key's periods the request counts in. While that
    /// clock is behind the newest of them, because it went back, the time at which that one begins.
    public let admittedAt: Timestamp
    /// The least over the limited scopes after the hold, nano-dollars. Below zero only when the hold was zero.
    public let available: NanoDollars
    /// What the organization alone could hold after it, nano-dollars.
    public let balance: NanoDollars
    /// The position of the newest event that changed what the organization's routing depends on, 0 when there is none.
    public let policy: Int64
    /// Whether the organization is charged at most the hold.
    public let strict: Bool
    /// Whether the organization has the bodies of its requests kept.
    public let isRetained: Bool

    public init(
        epoch: Int64, admittedAt: Timestamp, available: NanoDollars, balance: NanoDollars, policy: Int64, strict: Bool,
        isRetained: Bool = false
    ) {
        self.epoch = epoch
        self.admittedAt = admittedAt
        self.available = available
        self.balance = balance
        self.policy = policy
        self.strict = strict
        self.isRetained = isRetained
    }
}

/// A request that may not go on; nothing was held.
public struct Denial: Sendable, Hashable {
    public enum Reason: String, Sendable, Hashable, CaseIterable {
        /// No such key, a deleted one, or a token that the key no longer has.
        case unknownKey = "unknown_key"
        case keyInactive = "key_inactive"
        case keyExpired = "key_expired"
        case projectInactive = "project_inactive"
        case organizationInactive = "organization_inactive"
        /// The caller's own policy refuses the request, and it is the newest.
        case permission = "permission_denied"
        /// The request may cost more than it would hold, and the organization is strict.
        case unbounded
        case balance
        case keyLimit = "key_limit"
        /// What the key may spend in the current period.
        case periodLimit = "period_limit"
        case projectLimit = "project_limit"
        case requestsPerMinute = "requests_per_minute"
        case tokensPerMinute = "tokens_per_minute"
    }

    /// Where the limit is that was reached.
    public enum Scope: String, Sendable, Hashable, CaseIterable {
        case organization
        case project
        case apiKey = "api_key"
    }

    public let reason: Reason
    public let scope: Scope
    /// What could be held now, nano-dollars: the least over the limited scopes. Only for `balance` and the limits.
    public let available: NanoDollars?
    /// After how long the same request would pass. Only for the rates and the period, and nil when it asks
    /// for more than a minute gives.
    public let retryAfter: Duration?

    public init(reason: Reason, scope: Scope, available: NanoDollars? = nil, retryAfter: Duration? = nil) {
        self.reason = reason
        self.scope = scope
        self.available = available
        self.retryAfter = retryAfter
    }
}
