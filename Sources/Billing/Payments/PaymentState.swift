internal import Ledger
internal import Money

/// A payment as the read model has it: what Stripe said, and what was made of it.
struct PaymentState: Sendable, Hashable {
    /// What was started by us.
    struct Terms: Sendable, Hashable {
        var amount: NanoDollars
        var bonus: NanoDollars
        /// What the card is to be charged.
        var total: NanoDollars
    }

    enum Stage: Int16, Sendable, Hashable {
        case nothing = 0
        case failed = 1
        case succeeded = 2
    }

    struct Dispute: Sendable, Hashable {
        enum Stage: Int16, Sendable, Hashable {
            case nothing = 0
            case opened = 1
            case won = 2
            case lost = 3
        }

        var id: String
        /// Cents.
        var amount: Int64
        var seen: Stage
        var posted: Stage
    }

    /// What the ledger has booked for a payment.
    struct Booked: Sendable, Hashable {
        var total = NanoDollars.zero
        var amount = NanoDollars.zero
        var fee = NanoDollars.zero
        var bonus = NanoDollars.zero
        var grant: GrantID?
    }

    var payment: PaymentID
    var organization: OrganizationID
    var intent: String?
    var terms: Terms?
    /// By the metadata of a payment that somebody else started.
    var baseAmount: NanoDollars?
    var seen = Stage.nothing
    /// Cents.
    var seenAmount: Int64 = 0
    /// Cents, in all.
    var seenRefunded: Int64 = 0
    var failure: String?
    var disputes: [Dispute] = []
    var posted = Stage.nothing
    var paid = Booked()
    var refunded = Booked()
    var frozen = NanoDollars.zero
    /// The part of `frozen` that lost disputes took.
    var lost = NanoDollars.zero
    /// Version of the payment's stream.
    var version: Int64 = 0
    /// Whether another payment of the organization has had the bonus that this one was promised.
    var isBonusTaken = false
    /// Version of the customer's stream, at which that is so.
    var customerVersion: Int64 = 0
}
