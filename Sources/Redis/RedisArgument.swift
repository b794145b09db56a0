/// One argument of a call: text, or bytes of any value.
public enum RedisArgument: Sendable, Hashable, ExpressibleByStringLiteral, ExpressibleByStringInterpolation {
    case string(String)
    case bytes([UInt8])

    public init(stringLiteral value: String) { self = .string(value) }

    /// The decimal text of an integer.
    public static func integer(_ value: Int64) -> RedisArgument { .string(String(value)) }

    /// How many bytes the argument has.
    var count: Int {
        switch self {
        case .string(let text): text.utf8.count
        case .bytes(let bytes): bytes.count
        }
    }
}
