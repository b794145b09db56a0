/// A JSON value as a tree: for what is small or cold. Members keep their order, numbers their exact text.
package enum JSONValue: Sendable, Hashable {
    case null
    case bool(Bool)
    /// The number as it stands in the text.
    case number(String)
    case string(String)
    case array([JSONValue])
    case object([Member])

    /// A name and its value.
    package struct Member: Sendable, Hashable {
        /// The name, decoded.
        package let name: String
        /// The value.
        package var value: JSONValue

        /// A member called `name`.
        package init(_ name: String, _ value: JSONValue) {
            self.name = name
            self.value = value
        }
    }

    /// An integer.
    package static func integer(_ value: some BinaryInteger) -> JSONValue { .number(String(value)) }

    /// An object of `members`, leaving out those that are nil.
    package static func members(_ members: [(String, JSONValue?)]) -> JSONValue {
        .object(members.compactMap { name, value in value.map { Member(name, $0) } })
    }

    /// The value of the last member called `name`, if this is an object that has one.
    package subscript(_ name: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.last { $0.name == name }?.value
    }

    /// The text, if this is a string.
    package var text: String? { if case .string(let text) = self { text } else { nil } }

    /// The elements, if this is an array.
    package var elements: [JSONValue]? { if case .array(let elements) = self { elements } else { nil } }

    /// The members, if this is an object.
    package var fields: [Member]? { if case .object(let members) = self { members } else { nil } }

    /// The flag, if this is true or false.
    package var flag: Bool? { if case .bool(let flag) = self { flag } else { nil } }

    /// The value, if this is an integer of 64 bits.
    package var int64: Int64? { if case .number(let text) = self { Int64(text) } else { nil } }
}

extension JSONValue {
    /// Reads one whole JSON text.
    package init(_ bytes: [UInt8], maximumDepth: Int = 128) throws(JSONError) {
        let text = bytes.span.bytes
        var cursor = JSONCursor(maximumDepth: maximumDepth)
        self = try cursor.value(text, depth: 0)
        try cursor.end(text)
    }

    /// The most values that a client's request may have where it must become a tree. Two bytes of text can be a value, which takes
    /// a hundred times as much memory in a tree.
    package static let maximumRequestValues = 1 << 18

    /// Reads one whole JSON text that a client sent.
    package init(request bytes: [UInt8]) throws(JSONError) {
        let text = bytes.span.bytes
        var cursor = JSONCursor(maximumValues: Self.maximumRequestValues)
        self = try cursor.value(text, depth: 0)
        try cursor.end(text)
    }

    /// The value of the last top-level member called `name`, without a tree of the others; nil where there is none.
    package static func member(_ name: String, of bytes: [UInt8]) throws(JSONError) -> JSONValue? {
        let text = bytes.span.bytes
        var cursor = JSONCursor(maximumValues: maximumRequestValues)
        guard try cursor.next(text) == UInt8(ascii: "{"), try cursor.enter(UInt8(ascii: "{"), UInt8(ascii: "}"), text, depth: 0)
        else { return nil }
        var found: JSONValue?
        repeat {
            if try cursor.name(text).decoded(text) == name {
                found = try cursor.value(text, depth: 1)
            } else {
                _ = try cursor.next(text)
                try cursor.skip(text, depth: 1)
            }
        } while try cursor.another(UInt8(ascii: "}"), text)
        return found
    }

    /// Appends the shortest text of the value.
    package func write(into bytes: inout [UInt8]) {
        switch self {
        case .null: bytes.append(contentsOf: "null".utf8)
        case .bool(let flag): bytes.append(contentsOf: (flag ? "true" : "false").utf8)
        case .number(let text): bytes.append(contentsOf: text.utf8)
        case .string(let text): bytes.appendJSON(string: text)
        case .array(let elements):
            bytes.append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                element.write(into: &bytes)
            }
            bytes.append(UInt8(ascii: "]"))
        case .object(let members):
            bytes.append(UInt8(ascii: "{"))
            for (index, member) in members.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                bytes.appendJSON(string: member.name)
                bytes.append(UInt8(ascii: ":"))
                member.value.write(into: &bytes)
            }
            bytes.append(UInt8(ascii: "}"))
        }
    }

    /// The shortest text of the value.
    package var bytes: [UInt8] {
        var bytes: [UInt8] = []
        write(into: &bytes)
        return bytes
    }
}

extension JSONCursor {
    /// Moves over one whole value and returns it.
    package mutating func value(_ text: RawSpan, depth: Int) throws(JSONError) -> JSONValue {
        guard valuesLeft > 0 else { throw JSONError(.tooMany, at: offset) }
        valuesLeft -= 1
        switch try next(text) {
        case UInt8(ascii: "\""):
            return .string(try string(text).decoded(text))
        case UInt8(ascii: "{"):
            var members: [JSONValue.Member] = []
            guard try enter(UInt8(ascii: "{"), UInt8(ascii: "}"), text, depth: depth) else { return .object([]) }
            repeat {
                let name = try name(text).decoded(text)
                members.append(.init(name, try value(text, depth: depth + 1)))
            } while try another(UInt8(ascii: "}"), text)
            return .object(members)
        case UInt8(ascii: "["):
            var elements: [JSONValue] = []
            guard try enter(UInt8(ascii: "["), UInt8(ascii: "]"), text, depth: depth) else { return .array([]) }
            repeat { elements.append(try value(text, depth: depth + 1)) } while try another(UInt8(ascii: "]"), text)
            return .array(elements)
        case UInt8(ascii: "t"):
            try literal("true", text)
            return .bool(true)
        case UInt8(ascii: "f"):
            try literal("false", text)
            return .bool(false)
        case UInt8(ascii: "n"):
            try literal("null", text)
            return .null
        default:
            let range = try number(text).range
            return .number(String(decoding: text.copy(range), as: UTF8.self))
        }
    }
}

extension [UInt8] {
    /// Appends `string` as JSON text with its quotes, escaping what the grammar demands.
    package mutating func appendJSON(string: String) {
        append(UInt8(ascii: "\""))
        for byte in string.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                append(UInt8(ascii: "\\"))
                append(byte)
            case 0x0A: append(contentsOf: #"\n"#.utf8)
            case 0x0D: append(contentsOf: #"\r"#.utf8)
            case 0x09: append(contentsOf: #"\t"#.utf8)
            case 0..<0x20:
                append(contentsOf: #"\u00"#.utf8)
                append(contentsOf: [byte >> 4, byte & 15].map { $0 < 10 ? $0 + UInt8(ascii: "0") : $0 - 10 + UInt8(ascii: "a") })
            default: append(byte)
            }
        }
        append(UInt8(ascii: "\""))
    }
}
