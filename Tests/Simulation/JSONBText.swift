import JSON

extension JSONValue {
    /// As Postgres prints a `jsonb` (schema/README.md, "The hash"). Numbers of events are integers, which it leaves as they are.
    var jsonbText: String {
        switch self {
        case .null: "null"
        case .bool(let flag): flag ? "true" : "false"
        case .number(let text): text
        case .string(let text): Self.quoted(text)
        case .array(let elements): "[" + elements.map(\.jsonbText).joined(separator: ", ") + "]"
        case .object(let members): Self.text(of: members)
        }
    }

    private static func text(of members: [Member]) -> String {
        var newest: [String: JSONValue] = [:]
        for member in members { newest[member.name] = member.value }
        let texts = newest.keys.sorted(by: precedes).map { "\(quoted($0)): \(newest[$0]?.jsonbText ?? "null")" }
        return "{" + texts.joined(separator: ", ") + "}"
    }

    /// Shorter names come first, and those of one length by their bytes.
    private static func precedes(_ one: String, _ other: String) -> Bool {
        one.utf8.count == other.utf8.count ? one.utf8.lexicographicallyPrecedes(other.utf8) : one.utf8.count < other.utf8.count
    }

    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\u{8}": quoted += "\\b"
            case "\u{C}": quoted += "\\f"
            case "\n": quoted += "\\n"
            case "\r": quoted += "\\r"
            case "\t": quoted += "\\t"
            case "\u{0}"..<" ":
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
