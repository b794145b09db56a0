public import Ledger
public import Money

/// The movements on the account at Stripe beside those in the ledger.
public struct Reconciliation: Sendable {
    /// What a movement is of.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        case charge
        case refund
        case dispute
        case subscription
    }

    /// What one payment or bill moved, on either side.
    public struct Line: Sendable, Hashable {
        public let kind: Kind
        /// Stripe's id of the payment intent, or of a subscription's bill.
        public let id: String
        /// nil where the ledger has none.
        public let here: NanoDollars?
        /// nil where Stripe has none.
        public let there: NanoDollars?

        /// Whether both sides say the same.
        public var isEqual: Bool { here == there }
    }

    public let from: Timestamp
    public let to: Timestamp
    /// In the order of kind and id; those that are equal too.
    public let lines: [Line]
    /// Movements that have nothing to do with customers: payouts, and what Stripe charges for itself. By Stripe's type.
    public let others: [String: NanoDollars]

    public var onlyHere: [Line] { lines.filter { $0.there == nil } }
    public var onlyThere: [Line] { lines.filter { $0.here == nil } }
    public var different: [Line] { lines.filter { $0.here != nil && $0.there != nil && !$0.isEqual } }
    public var isBalanced: Bool { lines.allSatisfy(\.isEqual) }
}
