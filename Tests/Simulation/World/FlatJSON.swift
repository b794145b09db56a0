/// The members of one JSON object as `data ->> 'name'` of Postgres gives them; enough for what the events of this project hold.
package struct FlatJSON: Sendable {
    private var members: [String: String] = [:]
    private var names: Set<String> = []

    package init(_ bytes: [UInt8]) {
        var reader = Reader(bytes: bytes)
        reader.skip()
        guard reader.take(UInt8(ascii: "{")) else { return }
        while !reader.take(UInt8(ascii: "}")) {
            guard let name = reader.string() else { return }
            _ = reader.take(UInt8(ascii: ":"))
            guard let value = reader.value() else { return }
            names.insert(name)
            if value != "null" { members[name] = value }
            _ = reader.take(UInt8(ascii: ","))
        }
    }

    /// nil for a member that is missing or null.
    package subscript(name: String) -> String? { members[name] }

    /// Whether there is such a member, null or not.
    package func has(_ name: String) -> Bool { names.contains(name) }

    package func number(_ name: String) -> Int64? { members[name].flatMap { Int64($0) } }

    private struct Reader {
        let bytes: [UInt8]
        var at = 0

        mutating func skip() { while at < bytes.count, bytes[at] <= 0x20 { at += 1 } }

        mutating func take(_ byte: UInt8) -> Bool {
            skip()
            guard at < bytes.count, bytes[at] == byte else { return at >= bytes.count }
            at += 1
            return true
        }

        /// A string without its quotes; escapes stay as they are, for nothing that is folded has any.
        mutating func string() -> String? {
            skip()
            guard at < bytes.count, bytes[at] == UInt8(ascii: "\"") else { return nil }
            let start = at + 1
            at = start
            while at < bytes.count, bytes[at] != UInt8(ascii: "\"") { at += bytes[at] == UInt8(ascii: "\\") ? 2 : 1 }
            guard at < bytes.count else { return nil }
            defer { at += 1 }
            return String(decoding: bytes[start..<at], as: UTF8.self)
        }

        mutating func value() -> String? {
            skip()
            guard at < bytes.count else { return nil }
            if bytes[at] == UInt8(ascii: "\"") { return string() }
            let start = at
            var depth = 0
            while at < bytes.count {
                switch bytes[at] {
                case UInt8(ascii: "\""):
                    _ = string()
                    continue
                case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
                case UInt8(ascii: "}"), UInt8(ascii: "]"):
                    if depth == 0 { return String(decoding: bytes[start..<at], as: UTF8.self) }
                    depth -= 1
                case UInt8(ascii: ",") where depth == 0: return String(decoding: bytes[start..<at], as: UTF8.self)
                default: break
                }
                at += 1
            }
            return nil
        }
    }
}
