public import Money

/// What Stripe said about one of its objects, as far as the books need it. Amounts are in the currency's smallest unit (US
/// cents), times in seconds since 1970, identifiers Stripe's own.
///
/// Source: Stripe's API reference, the objects of these names.
public struct StripeFacts: Codable, Sendable, Hashable {
    public var payment: StripePayment?
    public var dispute: StripeDispute?
    public var subscription: StripeSubscription?
    public var invoice: StripeInvoice?

    public init(
        payment: StripePayment? = nil, dispute: StripeDispute? = nil, subscription: StripeSubscription? = nil,
        invoice: StripeInvoice? = nil
    ) {
        self.payment = payment
        self.dispute = dispute
        self.subscription = subscription
        self.invoice = invoice
    }
}

/// A payment intent, or a charge of one.
public struct StripePayment: Codable, Sendable, Hashable {
    /// How far it came, in order: later ones are never undone by earlier ones.
    public enum Status: String, Codable, Sendable, Hashable {
        case pending
        case failed
        case succeeded
    }

    public var intent: String
    public var charge: String?
    /// The payment that this gateway started; from the object's metadata.
    public var payment: PaymentID?
    public var organization: OrganizationID?
    public var status: Status
    /// ISO 4217 in lower case.
    public var currency: String
    public var amount: Int64
    /// What was paid back in all.
    public var refunded: Int64
    /// Why it failed, by Stripe's code.
    public var failure: String?
    /// What is credited, by the metadata of a payment that another version started; nano-dollars.
    public var baseAmount: NanoDollars?
    /// The movement on the account at Stripe, which knows Stripe's own fee.
    public var balanceTransaction: String?

    enum CodingKeys: String, CodingKey {
        case intent, charge, payment, organization, status, currency, amount, refunded, failure
        case baseAmount = "base_amount"
        case balanceTransaction = "balance_transaction"
    }

    public init(
        intent: String, charge: String? = nil, payment: PaymentID? = nil, organization: OrganizationID? = nil, status: Status,
        currency: String, amount: Int64, refunded: Int64 = 0, failure: String? = nil, baseAmount: NanoDollars? = nil,
        balanceTransaction: String? = nil
    ) {
        self.intent = intent
        self.charge = charge
        self.payment = payment
        self.organization = organization
        self.status = status
        self.currency = currency
        self.amount = amount
        self.refunded = refunded
        self.failure = failure
        self.baseAmount = baseAmount
        self.balanceTransaction = balanceTransaction
    }
}

/// A dispute: a payer's bank wants a payment back.
public struct StripeDispute: Codable, Sendable, Hashable {
    /// In order: a dispute that is decided stays so.
    public enum Status: String, Codable, Sendable, Hashable {
        case opened
        case won
        case lost
    }

    public var dispute: String
    public var intent: String
    public var status: Status
    public var currency: String
    public var amount: Int64

    public init(dispute: String, intent: String, status: Status, currency: String, amount: Int64) {
        self.dispute = dispute
        self.intent = intent
        self.status = status
        self.currency = currency
        self.amount = amount
    }
}

/// A subscription.
public struct StripeSubscription: Codable, Sendable, Hashable {
    /// By which the ledger knows it: made of `subscription`.
    public let id: SubscriptionID
    public let subscription: String
    public var customer: String
    public var organization: OrganizationID?
    /// `trialing`, `active`, `past_due`, `unpaid`, `canceled`, `incomplete`, `incomplete_expired` or `paused`.
    public var status: String
    /// `monthly` or `yearly`; nil for a price of another interval.
    public var cycle: String?
    public var periodEnd: Int64?
    public var trialStart: Int64?
    public var trialEnd: Int64?
    public var cancelsAtPeriodEnd: Bool
    public var cancelledAt: Int64?
    public var endedAt: Int64?

    enum CodingKeys: String, CodingKey {
        case id, subscription, customer, organization, status, cycle
        case periodEnd = "period_end"
        case trialStart = "trial_start"
        case trialEnd = "trial_end"
        case cancelsAtPeriodEnd = "cancels_at_period_end"
        case cancelledAt = "cancelled_at"
        case endedAt = "ended_at"
    }

    public init(
        subscription: String, customer: String, organization: OrganizationID? = nil, status: String, cycle: String? = nil,
        periodEnd: Int64? = nil, trialStart: Int64? = nil, trialEnd: Int64? = nil, cancelsAtPeriodEnd: Bool = false,
        cancelledAt: Int64? = nil, endedAt: Int64? = nil
    ) {
        id = SubscriptionID(foreign: "stripe", subscription)
        self.subscription = subscription
        self.customer = customer
        self.organization = organization
        self.status = status
        self.cycle = cycle
        self.periodEnd = periodEnd
        self.trialStart = trialStart
        self.trialEnd = trialEnd
        self.cancelsAtPeriodEnd = cancelsAtPeriodEnd
        self.cancelledAt = cancelledAt
        self.endedAt = endedAt
    }
}

/// A subscription's bill at Stripe.
public struct StripeInvoice: Codable, Sendable, Hashable {
    public var invoice: String
    /// By which the ledger knows the subscription.
    public let id: SubscriptionID
    public let subscription: String
    public var isPaid: Bool
    public var currency: String
    public var paid: Int64
    public var due: Int64
    /// How often Stripe tried to collect it.
    public var attempts: Int64

    enum CodingKeys: String, CodingKey {
        case invoice, id, subscription, currency, paid, due, attempts
        case isPaid = "is_paid"
    }

    public init(
        invoice: String, subscription: String, isPaid: Bool, currency: String, paid: Int64, due: Int64, attempts: Int64
    ) {
        self.invoice = invoice
        id = SubscriptionID(foreign: "stripe", subscription)
        self.subscription = subscription
        self.isPaid = isPaid
        self.currency = currency
        self.paid = paid
        self.due = due
        self.attempts = attempts
    }
}

/// `stripe.webhook_received`: verified, and kept before anything was made of it.
public struct StripeWebhookReceived: EventData, Hashable {
    public static let type = "stripe.webhook_received"
    /// Stripe's id of its event, `evt_…`.
    public var event: String
    /// Stripe's type, `charge.refunded` for example. Types that nothing is made of are kept too.
    public var kind: String
    /// When Stripe made it, seconds since 1970.
    public var created: Int64
    /// HMAC-SHA256 of the raw body, whose key lies beside it; 64 hexadecimal digits.
    public var digest: String
    public var facts: StripeFacts

    public init(event: String, kind: String, created: Int64, digest: String, facts: StripeFacts) {
        self.event = event
        self.kind = kind
        self.created = created
        self.digest = digest
        self.facts = facts
    }
}

/// `stripe.object_retrieved`: the same facts, from an answer of Stripe's API.
public struct StripeObjectRetrieved: EventData, Hashable {
    public static let type = "stripe.object_retrieved"
    /// When it was asked for, seconds since 1970.
    public var created: Int64
    public var facts: StripeFacts

    public init(created: Int64, facts: StripeFacts) {
        self.created = created
        self.facts = facts
    }
}

/// `customer.created`: how Stripe knows an organization.
public struct CustomerCreated: EventData, Hashable {
    public static let type = "customer.created"
    /// Stripe's id, `cus_…`.
    public var customer: String

    public init(customer: String) { self.customer = customer }
}
