/// `quantity` units at `price`, times `multiplier`, rounded half up to a nano-dollar once.
///
/// Exact up to the rounding: the product is taken in 128 bits. A product that does not fit there could not fit an amount
/// either, so every overflow is a true one. Nothing may be below zero; a credit is an amount, not a negative purchase.
public func amount(quantity: Int64, price: PicoDollars, multiplier: Multiplier) throws(MoneyError) -> NanoDollars {
    guard quantity >= 0, price.rawValue >= 0, multiplier.partsPerMillion >= 0 else {
        throw MoneyError(.negative, "a quantity, a price and a multiplier are not below zero")
    }
    let list = Int128(quantity) * Int128(price.rawValue)
    let (product, overflow) = list.multipliedReportingOverflow(by: Int128(multiplier.partsPerMillion))
    // 1e3 pico-dollars are a nano-dollar, and 1e6 parts are one.
    let divisor: Int128 = 1_000_000_000
    let (whole, rest) = product.quotientAndRemainder(dividingBy: divisor)
    guard !overflow, let rounded = Int64(exactly: whole + (rest >= divisor / 2 ? 1 : 0)) else {
        throw MoneyError(.overflow, "the amount of a line does not fit")
    }
    return NanoDollars(rounded)
}

/// One line of a bill: what was used, at which price, and what it comes to.
///
/// It carries everything that made the amount, so that a replay needs no catalogue. JSON keys are the names below; the price is
/// in pico-dollars per unit, the multiplier in parts per million, the amount in nano-dollars.
public struct PriceLine: Codable, Sendable, Hashable {
    /// What was used: `input`, `cached_input`, `cache_write`, `output`, `reasoning`, `image_input`, `image_output`, `request`,
    /// `image` or `generated_image`.
    public let component: String
    /// How many units.
    public let quantity: Int64
    /// The unit that is counted: `token`, `request` or `image`.
    public let unit: String
    /// The price of one unit before the multiplier.
    public let price: PicoDollars
    /// The factor on the price.
    public let multiplier: Multiplier
    /// What the line comes to, rounded half up to a nano-dollar.
    public let amount: NanoDollars

    /// A line as it was recorded; nothing is computed or checked.
    public init(
        component: String, quantity: Int64, unit: String, price: PicoDollars, multiplier: Multiplier, amount: NanoDollars
    ) {
        self.component = component
        self.quantity = quantity
        self.unit = unit
        self.price = price
        self.multiplier = multiplier
        self.amount = amount
    }

    /// A new line; its amount is computed.
    public init(
        component: String, quantity: Int64, unit: String, price: PicoDollars, multiplier: Multiplier = .one
    ) throws(MoneyError) {
        self.init(
            component: component, quantity: quantity, unit: unit, price: price, multiplier: multiplier,
            amount: try Money.amount(quantity: quantity, price: price, multiplier: multiplier))
    }
}

extension Sequence where Element == PriceLine {
    /// The sum of the lines: what the statement adds up to.
    public func total() throws(MoneyError) -> NanoDollars {
        var sum = NanoDollars.zero
        for line in self { sum = try sum.adding(line.amount) }
        return sum
    }
}
