/// An amount of money: a whole number of nano-dollars (1e-9 USD), positive or negative.
///
/// It has no `+`: sums are checked and throw, because an amount that wraps is worse than a request that fails.
/// In JSON it is the bare integer.
public struct NanoDollars: Sendable, Hashable, Comparable, Codable, CustomStringConvertible {
    /// The number of nano-dollars.
    public let rawValue: Int64

    /// `rawValue` nano-dollars.
    public init(_ rawValue: Int64) { self.rawValue = rawValue }

    /// No money.
    public static let zero = NanoDollars(0)

    /// The amount that US-dollar text such as `"23.45"` or `"-0.000000001"` says, exactly: at most 9 decimal places.
    public init(decimal: String) throws(MoneyError) {
        rawValue = try FixedPoint.parse(decimal, places: 9, negative: true)
    }

    /// The amount in US dollars as the shortest exact text: `"23.45"`, `"0"`, `"-0.1"`.
    public var decimal: String { FixedPoint.format(rawValue, places: 9) }

    /// The same as `decimal`.
    public var description: String { decimal }

    /// The sum, or an overflow error.
    public func adding(_ other: NanoDollars) throws(MoneyError) -> NanoDollars {
        let (sum, overflow) = rawValue.addingReportingOverflow(other.rawValue)
        guard !overflow else { throw MoneyError(.overflow, "the sum does not fit") }
        return NanoDollars(sum)
    }

    /// The difference, or an overflow error.
    public func subtracting(_ other: NanoDollars) throws(MoneyError) -> NanoDollars {
        let (difference, overflow) = rawValue.subtractingReportingOverflow(other.rawValue)
        guard !overflow else { throw MoneyError(.overflow, "the difference does not fit") }
        return NanoDollars(difference)
    }

    /// The amount with the other sign; only the least amount has none.
    public func negated() throws(MoneyError) -> NanoDollars { try NanoDollars.zero.subtracting(self) }

    /// Orders by value.
    public static func < (left: NanoDollars, right: NanoDollars) -> Bool { left.rawValue < right.rawValue }

    /// Reads the bare integer.
    public init(from decoder: any Decoder) throws { rawValue = try decoder.singleValueContainer().decode(Int64.self) }

    /// Writes the bare integer.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(rawValue)
    }
}
