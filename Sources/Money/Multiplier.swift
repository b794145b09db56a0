/// A factor on a price, such as a discount or a service tier, in parts per million: `1_000_000` is one.
///
/// In JSON it is the bare integer.
public struct Multiplier: Sendable, Hashable, Comparable, Codable, CustomStringConvertible {
    /// The factor times one million.
    public let partsPerMillion: Int64

    /// The factor `partsPerMillion` / 1,000,000.
    public init(partsPerMillion: Int64) { self.partsPerMillion = partsPerMillion }

    /// The factor that changes nothing.
    public static let one = Multiplier(partsPerMillion: 1_000_000)

    /// The factor that text such as `"0.8"` says: at most 6 decimal places, not below zero.
    public init(decimal: String) throws(MoneyError) {
        partsPerMillion = try FixedPoint.parse(decimal, places: 6, negative: false)
    }

    /// The shortest exact text: `"0.8"`.
    public var decimal: String { FixedPoint.format(partsPerMillion, places: 6) }

    /// The same as `decimal`.
    public var description: String { decimal }

    /// Orders by value.
    public static func < (left: Multiplier, right: Multiplier) -> Bool { left.partsPerMillion < right.partsPerMillion }

    /// Reads the bare integer.
    public init(from decoder: any Decoder) throws { partsPerMillion = try decoder.singleValueContainer().decode(Int64.self) }

    /// Writes the bare integer.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(partsPerMillion)
    }
}
