/// A sum over any number of accounts, in nano-dollars: each fits 64 bits, together they need not.
public struct NanoDollarSum: Sendable, Hashable, CustomStringConvertible {
    /// The number of nano-dollars.
    public private(set) var rawValue: Int128

    /// `rawValue` nano-dollars.
    public init(_ rawValue: Int128 = 0) { self.rawValue = rawValue }

    /// Adds an amount; no number of them that could be counted overflows.
    public mutating func add(_ amount: NanoDollars) { rawValue += Int128(amount.rawValue) }

    /// The sum in US dollars as the shortest exact text, as ``NanoDollars/decimal``.
    public var decimal: String { FixedPoint.format(rawValue, places: 9) }

    /// The same as `decimal`.
    public var description: String { decimal }
}

extension NanoDollars {
    /// The amount that a sum comes to; nil where it does not fit.
    public init?(exactly sum: NanoDollarSum) {
        guard let rawValue = Int64(exactly: sum.rawValue) else { return nil }
        self.init(rawValue)
    }
}
