/// A Swift type that a column can be read as.
public protocol PostgresDecodable {
    /// The value of a column that is not NULL.
    ///
    /// - Parameters:
    ///   - bytes: the column in Postgres's binary format, valid only during the call.
    ///   - type: the object id of the column's type.
    static func decode(_ bytes: UnsafeRawBufferPointer, type: UInt32) throws(PostgresError) -> Self

    /// The value of a column that is NULL; types other than Optional throw.
    static func decodeNull() throws(PostgresError) -> Self
}

extension PostgresDecodable {
    /// Throws `decodingFailed`.
    public static func decodeNull() throws(PostgresError) -> Self {
        throw PostgresError(.decodingFailed, "NULL where \(Self.self) was asked for")
    }

    static func mismatch(_ type: UInt32) -> PostgresError {
        PostgresError(.decodingFailed, "a value of type \(type) is no \(Self.self)")
    }
}

/// A Swift type of which arrays can be read: `[Int64]`, `[String?]`, and with it `[UInt8]`, which is a `bytea` or JSON text.
public protocol PostgresArrayElement {
    /// The value of a column that is not NULL, read as an array of this type.
    static func decodeArray(_ bytes: UnsafeRawBufferPointer, type: UInt32) throws(PostgresError) -> [Self]
}

/// A `timestamptz`: microseconds since 1970-01-01 UTC; the extremes of Int64 are the infinities.
public struct PostgresTimestamp: Sendable, Hashable, Comparable {
    /// Microseconds since 1970-01-01 UTC.
    public let microseconds: Int64

    /// A time by its microseconds since 1970-01-01 UTC.
    public init(microseconds: Int64) { self.microseconds = microseconds }

    /// Earlier before later.
    public static func < (a: Self, b: Self) -> Bool { a.microseconds < b.microseconds }
}

/// A `numeric` as its exact decimal text, such as `-12.50`, `NaN` or `Infinity`.
public struct PostgresNumeric: Sendable, Hashable {
    /// The decimal text, with as many places as the server's value has.
    public let text: String

    /// The value where it is a whole number, and the nearest extreme of Int64 where it is beyond them; nil for any other.
    public var clamped: Int64? { Int128(text).map { Int64(clamping: $0) } }
}
