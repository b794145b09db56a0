internal import JSON
public import Ledger
public import Money

import class FoundationEssentials.JSONEncoder

/// A JSON value that is answered, with its members in the order in which they are given.
///
/// Optional values are written as null, not left out: whoever reads an answer finds every documented member in it.
public enum WebValue: Sendable {
    case null
    case bool(Bool)
    case integer(Int64)
    case string(String)
    case array([WebValue])
    case object([(String, WebValue)])
    /// JSON text that was written elsewhere, by a database's `jsonb` for example.
    case raw([UInt8])

    public static func string(optional value: String?) -> WebValue { value.map(WebValue.string) ?? .null }
    public static func integer(optional value: Int64?) -> WebValue { value.map(WebValue.integer) ?? .null }
    /// ISO-8601 with milliseconds and `Z`.
    public static func time(_ value: Timestamp) -> WebValue { .string(value.web) }
    public static func time(_ value: Timestamp?) -> WebValue { value.map { .string($0.web) } ?? .null }
    /// The prefixed text form.
    public static func id<Kind>(_ value: Identifier<Kind>) -> WebValue { .string(value.description) }
    public static func id<Kind>(_ value: Identifier<Kind>?) -> WebValue { value.map { .string($0.description) } ?? .null }
    /// US dollars as a decimal string.
    public static func amount(_ value: NanoDollars) -> WebValue { .string(value.decimal) }
    public static func amount(_ value: NanoDollars?) -> WebValue { value.map { .string($0.decimal) } ?? .null }

    /// What a value encodes itself as, its members in the order of their names.
    public static func encoding(_ value: some Encodable) throws -> WebValue {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return .raw(Array(try encoder.encode(value)))
    }

    public var text: String { String(decoding: json, as: UTF8.self) }

    /// UTF-8 JSON text.
    public var json: [UInt8] {
        var bytes: [UInt8] = []
        write(into: &bytes)
        return bytes
    }

    private func write(into bytes: inout [UInt8]) {
        switch self {
        case .null: bytes.append(contentsOf: "null".utf8)
        case .bool(let value): bytes.append(contentsOf: (value ? "true" : "false").utf8)
        case .integer(let value): bytes.append(contentsOf: String(value).utf8)
        case .string(let value): bytes.appendJSON(string: value)
        case .raw(let text): bytes.append(contentsOf: text)
        case .array(let values):
            bytes.append(UInt8(ascii: "["))
            for (index, value) in values.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                value.write(into: &bytes)
            }
            bytes.append(UInt8(ascii: "]"))
        case .object(let members):
            bytes.append(UInt8(ascii: "{"))
            for (index, member) in members.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                bytes.appendJSON(string: member.0)
                bytes.append(UInt8(ascii: ":"))
                member.1.write(into: &bytes)
            }
            bytes.append(UInt8(ascii: "}"))
        }
    }
}

extension WebValue: ExpressibleByDictionaryLiteral, ExpressibleByArrayLiteral, ExpressibleByStringLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral, ExpressibleByNilLiteral
{
    public init(dictionaryLiteral elements: (String, WebValue)...) { self = .object(elements) }
    public init(arrayLiteral elements: WebValue...) { self = .array(elements) }
    public init(stringLiteral value: String) { self = .string(value) }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(integerLiteral value: Int64) { self = .integer(value) }
    public init(nilLiteral: ()) { self = .null }
}

extension Timestamp {
    /// ISO-8601 in UTC with milliseconds: `2026-11-24T20:33:40.123Z`.
    public var web: String { iso8601.dropLast(4) + "Z" }
}
