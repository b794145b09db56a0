public import Ledger
public import Money

/// An organization's account between two moments, as it was known at the later one.
public struct Statement: Sendable {
    /// A movement of the account.
    public struct Movement: Sendable, Hashable {
        /// The event in the ledger.
        public let position: Int64
        public let event: EventID
        public let recordedAt: Timestamp
        public let occurredAt: Timestamp
        /// The event's type, `request.completed` for example.
        public let type: String
        /// The event's stream, `request/req_…`.
        public let stream: String
        public let amount: NanoDollars
        /// After the movement.
        public let balance: NanoDollars
    }

    public let organization: OrganizationID
    /// The last position before the statement.
    public let after: Int64
    /// The last position of the statement.
    public let upTo: Int64
    public let opening: Balance
    public let closing: Balance
}
