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
}
