/// A reply of Redis (RESP2).
public enum RedisValue: Sendable, Hashable {
    /// A null bulk string or a null array.
    case null
    case integer(Int64)
    /// Bytes of any value, at most ``RedisConfiguration/maximumReplyBytes`` of them.
    case bulk([UInt8])
    /// A status line such as `OK`.
    case simple(String)
    /// An error inside an array; an error that is the whole answer is thrown as ``RedisError``.
    case error(String)
    case array([RedisValue])
}

extension RedisValue {
    /// Whether the reply is a null bulk string or a null array.
    public var isNull: Bool { self == .null }

    /// The text of a status line or of a bulk string that is valid UTF-8.
    public var string: String? {
        switch self {
        case .simple(let text): text
        case .bulk(let bytes): String(validating: bytes, as: UTF8.self)
        case .null, .integer, .error, .array: nil
        }
    }

    /// An integer, or the decimal text of one, as HGET returns what HINCRBY keeps.
    public var int64: Int64? {
        switch self {
        case .integer(let value): value
        case .bulk, .simple: string.flatMap { Int64($0) }
        case .null, .error, .array: nil
        }
    }

    /// The bytes of a bulk string or of a status line.
    public var bytes: [UInt8]? {
        switch self {
        case .bulk(let bytes): bytes
        case .simple(let text): Array(text.utf8)
        case .null, .integer, .error, .array: nil
        }
    }

    /// The elements of an array.
    public var array: [RedisValue]? {
        if case .array(let values) = self { values } else { nil }
    }

    /// The text of the reply.
    /// - Throws: ``RedisError`` with `decodingFailed` when it has none.
    public func requireString() throws(RedisError) -> String {
        guard let string else { throw RedisError(.decodingFailed, "expected text, not \(kind)") }
        return string
    }

    /// The integer that the reply is.
    /// - Throws: ``RedisError`` with `decodingFailed` when it is none.
    public func requireInt64() throws(RedisError) -> Int64 {
        guard let int64 else { throw RedisError(.decodingFailed, "expected an integer, not \(kind)") }
        return int64
    }

    /// The elements of the reply.
    /// - Throws: ``RedisError`` with `decodingFailed` when it is no array.
    public func requireArray() throws(RedisError) -> [RedisValue] {
        guard let array else { throw RedisError(.decodingFailed, "expected an array, not \(kind)") }
        return array
    }

    private var kind: String {
        switch self {
        case .null: "a null"
        case .integer: "an integer"
        case .bulk: "a bulk string"
        case .simple: "a status"
        case .error: "an error"
        case .array: "an array"
        }
    }
}
