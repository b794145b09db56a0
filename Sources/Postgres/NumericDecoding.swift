extension PostgresNumeric: PostgresDecodable {
    /// `numeric`, exactly
    public static func decode(_ bytes: UnsafeRawBufferPointer, type: UInt32) throws(PostgresError) -> PostgresNumeric {
        guard type == TypeID.numeric, let count: UInt16 = bytes.integer(at: 0), let weight: Int16 = bytes.integer(at: 2),
            let sign: UInt16 = bytes.integer(at: 4), let scale: UInt16 = bytes.integer(at: 6)
        else { throw mismatch(type) }
        switch sign {
        case 0xC000: return PostgresNumeric(text: "NaN")
        case 0xD000: return PostgresNumeric(text: "Infinity")
        case 0xF000: return PostgresNumeric(text: "-Infinity")
        default: break
        }
        // Digits are base 10000; the first one counts 10000^weight.
        var digits: [UInt16] = []
        for index in 0..<Int(count) {
            guard let digit: UInt16 = bytes.integer(at: 8 + 2 * index), digit < 10_000 else { throw mismatch(type) }
            digits.append(digit)
        }
        func group(_ position: Int) -> String {
            let index = Int(weight) - position
            let text = String(digits.indices.contains(index) ? digits[index] : 0)
            return String(repeating: "0", count: 4 - text.count) + text
        }
        var whole = weight < 0 ? "0" : (0...Int(weight)).reversed().map(group).joined()
        whole = String(whole.drop { $0 == "0" })
        if whole.isEmpty { whole = "0" }
        var fraction = ""
        var position = -1
        while fraction.count < Int(scale) {
            fraction += group(position)
            position -= 1
        }
        let text = scale == 0 ? whole : whole + "." + fraction.prefix(Int(scale))
        return PostgresNumeric(text: sign == 0x4000 ? "-" + text : text)
    }
}
