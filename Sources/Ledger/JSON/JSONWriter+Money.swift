public import Money

extension JSONWriter {
    /// A member in nano-dollars.
    public mutating func member(_ name: StaticString, _ value: NanoDollars) {
        key(name)
        self.value(value.rawValue)
    }

    /// One line of a price as an object.
    public mutating func value(_ line: PriceLine) {
        beginObject()
        member("component", line.component)
        member("quantity", line.quantity)
        member("unit", line.unit)
        member("price", line.price.rawValue)
        member("multiplier", line.multiplier.partsPerMillion)
        member("amount", line.amount)
        endObject()
    }
}
