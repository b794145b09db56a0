public import Ledger
internal import Money

/// What is charged for a top-up beyond what is credited. Whole cents, half a cent up.
public enum FeeRule: String, Sendable, Hashable, CaseIterable {
    /// 5 % of the amount, and 1.5 % for a card of another country, on top.
    case added
    /// What makes the amount whole after a card fee of 2.9 % and 30 cents, 1.5 % for a card of another country, and 5 % on the
    /// free plan, all of them of the total.
    case grossedUp = "grossed_up"
    /// Nothing: for an installation that sells to itself.
    case none

    /// - Parameters:
    ///   - cents: what is credited.
    ///   - isInternational: whether the card is of another country than the seller.
    ///   - isFree: whether the organization is on the free plan.
    public func fee(cents: Int64, isInternational: Bool, isFree: Bool) -> PaymentFee {
        let processing: Int64
        let international: Int64
        let platform: Int64
        switch self {
        case .none: (processing, international, platform) = (0, 0, 0)
        case .added:
            processing = 0
            platform = Self.part(cents, perThousand: 50)
            international = isInternational ? Self.part(cents, perThousand: 15) : 0
        case .grossedUp:
            let share: Int64 = 29 + (isInternational ? 15 : 0) + (isFree ? 50 : 0)
            let total = Self.rounded((cents + 30) * 1_000, by: 1_000 - share)
            international = isInternational ? Self.part(total, perThousand: 15) : 0
            platform = isFree ? Self.part(total, perThousand: 50) : 0
            processing = total - cents - international - platform
        }
        return PaymentFee(
            rule: rawValue, processing: Self.amount(processing), international: Self.amount(international),
            platform: Self.amount(platform))
    }

    private static func part(_ cents: Int64, perThousand: Int64) -> Int64 { rounded(cents * perThousand, by: 1_000) }

    private static func rounded(_ value: Int64, by divisor: Int64) -> Int64 { (value * 2 + divisor) / (divisor * 2) }

    private static func amount(_ cents: Int64) -> NanoDollars { NanoDollars(cents * NanoDollars.perCent) }
}

extension PaymentFee {
    /// The sum of the parts.
    var total: NanoDollars {
        NanoDollars(processing.rawValue + international.rawValue + platform.rawValue)
    }
}

extension NanoDollars {
    /// Stripe counts in cents.
    static let perCent: Int64 = 10_000_000

    /// Whole cents; nil where the amount is none, or too large to be one.
    init?(cents: Int64) {
        let (value, overflow) = cents.multipliedReportingOverflow(by: Self.perCent)
        guard !overflow else { return nil }
        self.init(value)
    }
}
