public import Ledger
public import Money

/// An organization's credits at a moment.
public struct Balance: Sendable, Equatable {
    public let organization: OrganizationID
    /// Everything ever credited, less what was refunded, expired, voided or frozen.
    public let credited: NanoDollars
    /// Everything charged for requests.
    public let charged: NanoDollars
    /// `credited` less `charged`.
    public let balance: NanoDollars
    /// The position up to which events were counted.
    public let position: Int64
}

/// Where to look at a balance from.
public enum BalanceView: Sendable, Hashable {
    /// As the ledger stands.
    case now
    /// As it was known at this time: what was recorded at or before it.
    case at(Timestamp)
    /// As it was after this position.
    case position(Int64)
    /// As is known now of this time: what happened at or before it, whenever it was recorded.
    case effective(Timestamp)
}
