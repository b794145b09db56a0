public import Money

/// How a payment came about.
public enum PaymentKind: String, Codable, Sendable, Hashable {
    /// A person pays in a browser.
    case checkout
    /// A person pays with a card that is kept at Stripe.
    case savedCard = "saved_card"
    /// The gateway pays with the default card, because credits ran low.
    case autoTopUp = "auto_top_up"
}

/// What is charged for a payment beyond what is credited, and by which rule.
public struct PaymentFee: Codable, Sendable, Hashable {
    /// The name of the rule: what it came to stands beside it, so that nobody has to know the rule to replay.
    public var rule: String
    /// For the card network and Stripe.
    public var processing: NanoDollars
    /// For a card of another country.
    public var international: NanoDollars
    /// What the platform keeps.
    public var platform: NanoDollars

    public init(rule: String, processing: NanoDollars, international: NanoDollars, platform: NanoDollars) {
        self.rule = rule
        self.processing = processing
        self.international = international
        self.platform = platform
    }
}

/// `payment.started`: before Stripe is asked for anything.
public struct PaymentStarted: EventData, Hashable {
    public static let type = "payment.started"
    public var kind: PaymentKind
    /// Stripe's id of the card that is charged, where it is known already.
    public var method: String?
    /// What is credited when it succeeds.
    public var amount: NanoDollars
    /// What is given on top of it.
    public var bonus: NanoDollars
    public var fee: PaymentFee
    /// What the card is charged: `amount` and the parts of `fee`, a whole number of cents.
    public var total: NanoDollars

    public init(
        kind: PaymentKind, method: String? = nil, amount: NanoDollars, bonus: NanoDollars = .zero, fee: PaymentFee,
        total: NanoDollars
    ) {
        self.kind = kind
        self.method = method
        self.amount = amount
        self.bonus = bonus
        self.fee = fee
        self.total = total
    }
}

/// `payment.succeeded`, next to what it credits.
public struct PaymentSucceeded: EventData, Hashable {
    public static let type = "payment.succeeded"
    /// Stripe's id, `pi_…`.
    public var intent: String
    /// What was paid.
    public var total: NanoDollars
    public var amount: NanoDollars
    /// `total` less `amount`.
    public var fee: NanoDollars
    public var bonus: NanoDollars
    /// The grant of the bonus.
    public var grant: GrantID?

    public init(
        intent: String, total: NanoDollars, amount: NanoDollars, fee: NanoDollars, bonus: NanoDollars, grant: GrantID?
    ) {
        self.intent = intent
        self.total = total
        self.amount = amount
        self.fee = fee
        self.bonus = bonus
        self.grant = grant
    }
}

/// `payment.failed`: nothing was paid, so far.
public struct PaymentFailed: EventData, Hashable {
    public static let type = "payment.failed"
    /// Stripe's id, `pi_…`; nil when there was none yet.
    public var intent: String?
    /// Stripe's code, `card_declined` for example, or the gateway's own.
    public var code: String
    /// What the card was to be charged, and what would have been credited.
    public var total: NanoDollars
    public var amount: NanoDollars

    public init(intent: String?, code: String, total: NanoDollars, amount: NanoDollars) {
        self.intent = intent
        self.code = code
        self.total = total
        self.amount = amount
    }
}

/// `payment.refunded`, next to the credit that it takes back. Each says what came on top of those before it.
public struct PaymentRefunded: EventData, Hashable {
    public static let type = "payment.refunded"
    /// What was paid back now.
    public var total: NanoDollars
    /// Its part of the credits.
    public var amount: NanoDollars
    /// Its part of the fee.
    public var fee: NanoDollars
    /// Its part of the bonus.
    public var bonus: NanoDollars
    /// What is frozen more because of it: less, so not above zero.
    public var frozen: NanoDollars
    /// What lost disputes take more of the frozen credits because of it: not above zero either.
    public var lost: NanoDollars

    public init(
        total: NanoDollars, amount: NanoDollars, fee: NanoDollars, bonus: NanoDollars, frozen: NanoDollars, lost: NanoDollars
    ) {
        self.total = total
        self.amount = amount
        self.fee = fee
        self.bonus = bonus
        self.frozen = frozen
        self.lost = lost
    }
}

/// `payment.fee_recorded`: what Stripe kept of a payment.
public struct PaymentFeeRecorded: EventData, Hashable {
    public static let type = "payment.fee_recorded"
    /// Stripe's movement, `txn_…`.
    public var balanceTransaction: String
    public var amount: NanoDollars

    public init(balanceTransaction: String, amount: NanoDollars) {
        self.balanceTransaction = balanceTransaction
        self.amount = amount
    }

    enum CodingKeys: String, CodingKey {
        case amount
        case balanceTransaction = "balance_transaction"
    }
}

/// `dispute.opened`, next to the credit that it freezes.
public struct DisputeOpened: EventData, Hashable {
    public static let type = "dispute.opened"
    /// Stripe's id.
    public var dispute: String
    /// What the payer wants back, and Stripe has taken.
    public var amount: NanoDollars
    /// What is frozen more because of it.
    public var frozen: NanoDollars

    public init(dispute: String, amount: NanoDollars, frozen: NanoDollars) {
        self.dispute = dispute
        self.amount = amount
        self.frozen = frozen
    }
}

/// `dispute.won`: Stripe has given the money back, and the credit can be spent again.
public struct DisputeWon: EventData, Hashable {
    public static let type = "dispute.won"
    public var dispute: String
    public var amount: NanoDollars
    /// What is frozen more because of it: less, so not above zero.
    public var frozen: NanoDollars

    public init(dispute: String, amount: NanoDollars, frozen: NanoDollars) {
        self.dispute = dispute
        self.amount = amount
        self.frozen = frozen
    }
}

/// `dispute.lost`: the money is gone, and the credit stays frozen for good.
public struct DisputeLost: EventData, Hashable {
    public static let type = "dispute.lost"
    public var dispute: String
    public var amount: NanoDollars
    /// The frozen credits that are lost with it.
    public var frozen: NanoDollars

    public init(dispute: String, amount: NanoDollars, frozen: NanoDollars) {
        self.dispute = dispute
        self.amount = amount
        self.frozen = frozen
    }
}

/// `auto_top_up.started`, with the payment's own event: nothing else is bought for the organization until that one is decided.
public struct AutoTopUpStarted: EventData, Hashable {
    public static let type = "auto_top_up.started"
    public var payment: PaymentID

    public init(payment: PaymentID) { self.payment = payment }
}

/// `bonus.promised`, with the event of the payment that it is for: a first purchase has one, also of two at the same moment.
public struct BonusPromised: EventData, Hashable {
    public static let type = "bonus.promised"
    public var payment: PaymentID

    public init(payment: PaymentID) { self.payment = payment }
}

/// `bonus.given`, after the event of the payment that has it: who expected the version before it has to look again, and then finds
/// that the organization's first purchase has had its bonus.
public struct BonusGiven: EventData, Hashable {
    public static let type = "bonus.given"
    public var payment: PaymentID

    public init(payment: PaymentID) { self.payment = payment }
}
