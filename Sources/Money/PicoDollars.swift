/// A price of one unit (a token, an image, a request, a second): a whole number of pico-dollars (1e-12 USD).
///
/// Pico-dollars keep $0.0025 per million tokens exact. In JSON it is the bare integer.
public struct PicoDollars: Sendable, Hashable, Comparable, Codable, CustomStringConvertible {
    /// The number of pico-dollars per unit.
    public let rawValue: Int64

    /// `rawValue` pico-dollars per unit.
    public init(_ rawValue: Int64) { self.rawValue = rawValue }

    /// Free.
    public static let zero = PicoDollars(0)

    /// The price that US-dollar text per unit says, such as `"0.0000025"`: at most 12 decimal places, not below zero.
    public init(decimalPerUnit: String) throws(MoneyError) {
        rawValue = try FixedPoint.parse(decimalPerUnit, places: 12, negative: false)
    }

    /// The price that US-dollar text per million units says, such as `"2.50"`: at most 6 decimal places, not below zero.
    public init(perMillion: String) throws(MoneyError) {
        rawValue = try FixedPoint.parse(perMillion, places: 6, negative: false)
    }

    /// US dollars per unit as the shortest exact text: `"0.0000025"`.
    public var decimalPerUnit: String { FixedPoint.format(rawValue, places: 12) }

    /// US dollars per million units as the shortest exact text: `"2.5"`.
    public var perMillion: String { FixedPoint.format(rawValue, places: 6) }

    /// The same as `decimalPerUnit`.
    public var description: String { decimalPerUnit }

    /// Orders by value.
    public static func < (left: PicoDollars, right: PicoDollars) -> Bool { left.rawValue < right.rawValue }

    /// Reads the bare integer.
    public init(from decoder: any Decoder) throws { rawValue = try decoder.singleValueContainer().decode(Int64.self) }

    /// Writes the bare integer.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(rawValue)
    }
}
