/// Decimal text to and from an integer of a fixed number of places, without ever passing through floating point.
enum FixedPoint {
    /// `text` times ten to the power of `places`, exactly. The form is `-?[0-9]+(\.[0-9]+)?`: no sign `+`, no exponent, no
    /// separators, no spaces, because every one of them is a way for two readers to see two amounts.
    static func parse(_ text: String, places: Int, negative: Bool) throws(MoneyError) -> Int64 {
        var digits = Substring(text).utf8
        let isNegative = digits.first == UInt8(ascii: "-")
        if isNegative { digits.removeFirst() }
        var value: Int128 = 0
        var wholeDigits = 0
        var fractionDigits = 0
        var pointSeen = false
        for byte in digits {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                if pointSeen { fractionDigits += 1 } else { wholeDigits += 1 }
                guard fractionDigits <= places else {
                    throw MoneyError(.tooManyPlaces, "more than \(places) decimal places")
                }
                value = value * 10 + Int128(byte - UInt8(ascii: "0"))
                guard value <= Int128(Int64.max) + 1 else { throw MoneyError(.overflow, "the amount does not fit") }
            case UInt8(ascii: ".") where !pointSeen && wholeDigits > 0:
                pointSeen = true
            default:
                throw MoneyError(.invalidDecimal, "not a decimal number")
            }
        }
        guard wholeDigits > 0, pointSeen == (fractionDigits > 0) else {
            throw MoneyError(.invalidDecimal, "not a decimal number")
        }
        for _ in fractionDigits..<places { value *= 10 }
        guard let exact = Int64(exactly: isNegative ? -value : value) else {
            throw MoneyError(.overflow, "the amount does not fit")
        }
        guard negative || exact >= 0 else { throw MoneyError(.negative, "below zero") }
        return exact
    }

    /// The shortest decimal text of `value` divided by ten to the power of `places`.
    static func format(_ value: some FixedWidthInteger, places: Int) -> String {
        guard value != 0 else { return "0" }
        var digits = Array(String(value.magnitude).utf8)
        if digits.count <= places {
            digits.insert(contentsOf: repeatElement(UInt8(ascii: "0"), count: places + 1 - digits.count), at: 0)
        }
        let whole = digits.count - places
        var end = digits.count
        while end > whole, digits[end - 1] == UInt8(ascii: "0") { end -= 1 }
        var text = value < 0 ? "-" : ""
        text += String(decoding: digits[..<whole], as: UTF8.self)
        if end > whole { text += "." + String(decoding: digits[whole..<end], as: UTF8.self) }
        return text
    }
}
