public import FoundationEssentials

/// A parameter of a statement, sent in binary with its type.
///
/// Its description names the type only, never the value.
public enum PostgresValue: Sendable {
    /// NULL; its type is what the server infers.
    case null
    /// `boolean`
    case bool(Bool)
    /// `integer`
    case int4(Int32)
    /// `bigint`
    case int8(Int64)
    /// `text`; a NUL character is refused before anything is sent
    case text(String)
    /// `bytea`
    case bytea([UInt8])
    /// `uuid`
    case uuid(UUID)
    /// `jsonb`, given as UTF-8 JSON text; a NUL byte is refused before anything is sent
    case jsonb([UInt8])
    /// `timestamptz`, microseconds since 1970-01-01 UTC; the extremes of Int64 are the infinities
    case timestamptz(Int64)
    /// `double precision`
    case float8(Double)
    /// `integer[]`
    case int4Array([Int32?])
    /// `bigint[]`
    case int8Array([Int64?])
    /// `text[]`
    case textArray([String?])
    /// `uuid[]`
    case uuidArray([UUID?])
    /// `jsonb[]`, each element UTF-8 JSON text
    case jsonbArray([[UInt8]?])
    /// `timestamptz[]`, microseconds since 1970-01-01 UTC
    case timestamptzArray([Int64?])
    /// `bytea[]`
    case byteaArray([[UInt8]?])
    /// `boolean[]`
    case boolArray([Bool?])
}

/// A statement and its parameters, for `PostgresConnection.pipeline`.
public struct PostgresStatement: Sendable {
    /// The SQL text with `$1`, `$2`, … for the parameters.
    public let sql: String
    /// The parameters in order.
    public let values: [PostgresValue]

    /// A statement with its parameters.
    public init(_ sql: String, _ values: [PostgresValue] = []) {
        self.sql = sql
        self.values = values
    }
}
