/// The value of a header and its parameters: `form-data; name="image"; filename="a.png"` (RFC 9110, 5.6.6).
struct HeaderValue {
    /// What stands before the parameters, in lower case.
    let value: String
    /// By their names in lower case.
    private(set) var parameters: [String: String] = [:]

    /// - Returns: nil for what is malformed, and where a parameter stands twice, because whoever else reads it may take the other.
    init?(_ bytes: [UInt8]) {
        let end = bytes.firstIndex(of: UInt8(ascii: ";")) ?? bytes.count
        var first = bytes[..<end].drop(while: Self.isBlank)
        while let last = first.last, Self.isBlank(last) { first = first.dropLast() }
        guard let text = String(validating: first, as: UTF8.self) else { return nil }
        self.value = text.lowercased()
        var rest = bytes[end...]
        while rest.first == UInt8(ascii: ";") {
            rest = rest.dropFirst().drop(while: Self.isBlank)
            if rest.isEmpty { break }
            guard let equals = rest.firstIndex(of: UInt8(ascii: "=")), Self.isToken(rest[..<equals]) else { return nil }
            let name = String(decoding: rest[..<equals], as: UTF8.self).lowercased()
            rest = rest[(equals + 1)...]
            guard let said = Self.said(&rest), let text = String(validating: said, as: UTF8.self),
                parameters.updateValue(text, forKey: name) == nil
            else { return nil }
            rest = rest.drop(while: Self.isBlank)
        }
        guard rest.isEmpty else { return nil }
    }

    /// Takes a parameter's value from the beginning of `rest`; nil for a quoted one without an end.
    private static func said(_ rest: inout ArraySlice<UInt8>) -> [UInt8]? {
        guard rest.first == UInt8(ascii: "\"") else {
            let said = rest.prefix { $0 != UInt8(ascii: ";") && !isBlank($0) }
            rest = rest.dropFirst(said.count)
            return Array(said)
        }
        rest = rest.dropFirst()
        var text: [UInt8] = []
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\"") { return text }
            // Some write the backslashes of a path as they are.
            if byte == UInt8(ascii: "\\"), let next = rest.first, next == UInt8(ascii: "\"") || next == UInt8(ascii: "\\") {
                rest = rest.dropFirst()
                text.append(next)
            } else {
                text.append(byte)
            }
        }
        return nil
    }

    static func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }

    /// Whether it is a word that needs no quotes (RFC 9110, 5.6.2).
    static func isToken(_ bytes: some Collection<UInt8>) -> Bool {
        !bytes.isEmpty && bytes.allSatisfy { isLetterOrDigit($0) || "!#$%&'*+-.^_`|~".utf8.contains($0) }
    }

    static func isLetterOrDigit(_ byte: UInt8) -> Bool { (byte | 0x20) &- 0x61 < 26 || byte &- 0x30 < 10 }
}
