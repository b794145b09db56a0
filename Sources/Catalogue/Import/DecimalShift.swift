/// Numbers of JSON as decimal text, without ever passing through floating point.
enum DecimalShift {
    /// `number`, which may have an exponent, times ten to the power of `places`, in the shortest plain form.
    ///
    /// - Returns: nil for what is no number, is negative, or has an exponent beyond 64.
    static func text(_ number: String, places: Int) -> String? {
        let parts = number.split(omittingEmptySubsequences: false) { $0 == "e" || $0 == "E" }
        guard let mantissa = parts.first, parts.count <= 2, let exponent = parts.count == 2 ? Int(parts[1]) : 0,
            abs(exponent) <= 64
        else { return nil }
        let sides = mantissa.split(separator: ".", omittingEmptySubsequences: false)
        let digits = sides.joined().utf8
        guard sides.count <= 2, !digits.isEmpty, digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { return nil }
        // Where the point stands among the digits, which may be before or behind all of them.
        let point = sides[0].utf8.count + exponent + places
        let padded = Array(repeating: UInt8(ascii: "0"), count: max(0, -point)) + digits
        let position = max(0, point)
        let whole = padded.prefix(position) + Array(repeating: UInt8(ascii: "0"), count: max(0, position - padded.count))
        let trimmed = whole.drop { $0 == UInt8(ascii: "0") }
        var fraction = padded.dropFirst(position)
        while fraction.last == UInt8(ascii: "0") { fraction.removeLast() }
        let text = trimmed.isEmpty ? "0" : String(decoding: trimmed, as: UTF8.self)
        return fraction.isEmpty ? text : text + "." + String(decoding: fraction, as: UTF8.self)
    }
}
