public import Money

/// Where granted credit came from.
public enum GrantKind: String, Codable, Sendable, Hashable {
    case promotional
    case paid
    case referral
    /// A correction upwards that is to expire, or to be used before or after other grants; any other is `credit.adjusted`.
    case adjustment
}

/// `credit.granted`.
public struct CreditGranted: EventData, Hashable {
    public static let type = "credit.granted"
    public var grant: GrantID
    public var kind: GrantKind
    public var amount: NanoDollars
    /// nil is never.
    public var expiresAt: Timestamp?
    /// Grants are used in the order priority, expiry, age; lower goes first.
    public var priority: Int64
    /// Of a referral: the organization whose spending it is a share of.
    public var referred: OrganizationID?

    public init(
        grant: GrantID, kind: GrantKind, amount: NanoDollars, expiresAt: Timestamp? = nil, priority: Int64 = 0,
        referred: OrganizationID? = nil
    ) {
        self.grant = grant
        self.kind = kind
        self.amount = amount
        self.expiresAt = expiresAt
        self.priority = priority
        self.referred = referred
    }

    enum CodingKeys: String, CodingKey {
        case grant, kind, amount, priority, referred
        case expiresAt = "expires_at"
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(grant, forKey: .grant)
        try container.encode(kind, forKey: .kind)
        try container.encode(amount, forKey: .amount)
        try container.encode(expiresAt, forKey: .expiresAt)
        try container.encode(priority, forKey: .priority)
        try container.encodeIfPresent(referred, forKey: .referred)
    }
}

/// `credit.topped_up`: `amount` is added to the balance, `fee` was paid on top of it.
public struct CreditToppedUp: EventData, Hashable {
    public static let type = "credit.topped_up"
    public var amount: NanoDollars
    public var fee: NanoDollars
    public var payment: PaymentID?

    public init(amount: NanoDollars, fee: NanoDollars = .zero, payment: PaymentID? = nil) {
        self.amount = amount
        self.fee = fee
        self.payment = payment
    }

    enum CodingKeys: String, CodingKey { case amount, fee, payment }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(amount, forKey: .amount)
        try container.encode(fee, forKey: .fee)
        try container.encode(payment, forKey: .payment)
    }
}

/// `credit.adjusted`: a correction by hand, with its sign.
public struct CreditAdjusted: EventData, Hashable {
    public static let type = "credit.adjusted"
    public var amount: NanoDollars
    public var reason: String
    /// The position of the event that is put right; nil where it is none in particular.
    public var corrects: Int64?

    public init(amount: NanoDollars, reason: String, corrects: Int64? = nil) {
        self.amount = amount
        self.reason = reason
        self.corrects = corrects
    }
}

/// `credit.refunded`: paid back, so taken from the balance.
public struct CreditRefunded: EventData, Hashable {
    public static let type = "credit.refunded"
    public var amount: NanoDollars
    public var payment: PaymentID?

    public init(amount: NanoDollars, payment: PaymentID? = nil) {
        self.amount = amount
        self.payment = payment
    }
}

/// `credit.expired`: what was left of a grant, or as much of it as no open request may still need.
///
/// A charge that is recorded between the look at what is left and this event counts against the grants that come next: the amount
/// stands, and no grant goes below zero.
public struct CreditExpired: EventData, Hashable {
    public static let type = "credit.expired"
    public var grant: GrantID
    public var amount: NanoDollars

    public init(grant: GrantID, amount: NanoDollars) {
        self.grant = grant
        self.amount = amount
    }
}

/// `credit.voided`: what is taken back of a grant that should not have been given, as the bonus of a payment that was paid back.
public struct CreditVoided: EventData, Hashable {
    public static let type = "credit.voided"
    public var grant: GrantID
    public var amount: NanoDollars
    public var payment: PaymentID?

    public init(grant: GrantID, amount: NanoDollars, payment: PaymentID? = nil) {
        self.grant = grant
        self.amount = amount
        self.payment = payment
    }
}

/// `credit.frozen`: can't be spent, because the payment that bought it is disputed. Lost with the dispute.
public struct CreditFrozen: EventData, Hashable {
    public static let type = "credit.frozen"
    public var amount: NanoDollars
    public var payment: PaymentID

    public init(amount: NanoDollars, payment: PaymentID) {
        self.amount = amount
        self.payment = payment
    }
}

/// `credit.unfrozen`: can be spent again, because the dispute was won or less of it stands against the payment.
public struct CreditUnfrozen: EventData, Hashable {
    public static let type = "credit.unfrozen"
    public var amount: NanoDollars
    public var payment: PaymentID

    public init(amount: NanoDollars, payment: PaymentID) {
        self.amount = amount
        self.payment = payment
    }
}
