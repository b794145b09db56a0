public import Ledger
public import Money

/// May this request hold this much?
public struct AdmitRequest: Sendable, Hashable {
    /// SHA-256 of the token, 32 bytes; compared with the key's current one.
    public let digest: [UInt8]
    public let address: KeyAddress
    public let request: RequestID
    /// The highest cost that the request can reach, nano-dollars, not negative. Zero places no hold and asks no balance.
    public let hold: NanoDollars
    /// What the request counts for in the key's tokens per minute, not negative.
    public let tokens: Int64
    /// Up to which position of the ledger the caller knew what routing depends on when it chose where the request may go.
    public let policy: Int64
    /// Whether the request may cost more than the hold; strict organizations take no such request.
    public let isUnbounded: Bool
    /// Whether that policy refuses the request. Admission then denies it, unless the policy is not the newest.
    public let isRefused: Bool

    public init(
        digest: [UInt8], address: KeyAddress, request: RequestID, hold: NanoDollars, tokens: Int64, policy: Int64,
        isUnbounded: Bool = false, isRefused: Bool = false
    ) {
        self.digest = digest
        self.address = address
        self.request = request
        self.hold = hold
        self.tokens = tokens
        self.policy = policy
        self.isUnbounded = isUnbounded
        self.isRefused = isRefused
    }
}
