public import Money

/// `subscription.started`.
public struct SubscriptionStarted: EventData, Hashable {
    public static let type = "subscription.started"
    /// Stripe's id, `sub_…`.
    public var subscription: String
    /// The plan, as in `organization.updated`.
    public var plan: String
    /// `monthly` or `yearly`.
    public var cycle: String?
    /// Seconds since 1970; nil where it began without a trial.
    public var trialEnd: Int64?

    public init(subscription: String, plan: String, cycle: String?, trialEnd: Int64?) {
        self.subscription = subscription
        self.plan = plan
        self.cycle = cycle
        self.trialEnd = trialEnd
    }

    enum CodingKeys: String, CodingKey {
        case subscription, plan, cycle
        case trialEnd = "trial_end"
    }
}

/// `subscription.renewed`: it is paid for until then.
public struct SubscriptionRenewed: EventData, Hashable {
    public static let type = "subscription.renewed"
    /// Seconds since 1970.
    public var periodEnd: Int64

    public init(periodEnd: Int64) { self.periodEnd = periodEnd }

    enum CodingKeys: String, CodingKey { case periodEnd = "period_end" }
}

/// `subscription.changed`: another billing cycle.
public struct SubscriptionChanged: EventData, Hashable {
    public static let type = "subscription.changed"
    public var cycle: String

    public init(cycle: String) { self.cycle = cycle }
}

/// `subscription.cancelled`: it goes on to the end of the period.
public struct SubscriptionCancelled: EventData, Hashable {
    public static let type = "subscription.cancelled"
    /// Seconds since 1970.
    public var periodEnd: Int64?

    public init(periodEnd: Int64?) { self.periodEnd = periodEnd }

    enum CodingKeys: String, CodingKey { case periodEnd = "period_end" }
}

/// `subscription.resumed`: the cancellation was taken back.
public struct SubscriptionResumed: EventData, Hashable {
    public static let type = "subscription.resumed"
    public init() {}
}

/// `subscription.ended`: nothing brings it back.
public struct SubscriptionEnded: EventData, Hashable {
    public static let type = "subscription.ended"
    public init() {}
}

/// `subscription.paid`: one bill of it.
public struct SubscriptionPaid: EventData, Hashable {
    public static let type = "subscription.paid"
    /// Stripe's id, `in_…`.
    public var invoice: String
    public var amount: NanoDollars

    public init(invoice: String, amount: NanoDollars) {
        self.invoice = invoice
        self.amount = amount
    }
}

/// `subscription.payment_failed`: a bill could not be collected; Stripe tries again.
public struct SubscriptionPaymentFailed: EventData, Hashable {
    public static let type = "subscription.payment_failed"
    public var invoice: String
    public var amount: NanoDollars
    /// How often it was tried.
    public var attempts: Int64

    public init(invoice: String, amount: NanoDollars, attempts: Int64) {
        self.invoice = invoice
        self.amount = amount
        self.attempts = attempts
    }
}

/// `invoice.issued`: its number is its version in the stream of all invoices. Names and addresses lie beside the ledger, under
/// the event's id.
public struct InvoiceIssued: EventData, Hashable {
    public static let type = "invoice.issued"

    /// A line of an invoice.
    public struct Line: Codable, Sendable, Hashable {
        /// `credits`, `fees` or `subscription`.
        public var item: String
        public var amount: NanoDollars

        public init(item: String, amount: NanoDollars) {
            self.item = item
            self.amount = amount
        }
    }

    /// The payment that it is for.
    public var payment: PaymentID?
    /// The subscription that it is for, and Stripe's bill.
    public var subscription: SubscriptionID?
    public var stripeInvoice: String?
    public var lines: [Line]
    /// The sum of the lines: it is paid already.
    public var total: NanoDollars

    public init(
        payment: PaymentID? = nil, subscription: SubscriptionID? = nil, stripeInvoice: String? = nil, lines: [Line],
        total: NanoDollars
    ) {
        self.payment = payment
        self.subscription = subscription
        self.stripeInvoice = stripeInvoice
        self.lines = lines
        self.total = total
    }

    enum CodingKeys: String, CodingKey {
        case payment, subscription, lines, total
        case stripeInvoice = "stripe_invoice"
    }
}
