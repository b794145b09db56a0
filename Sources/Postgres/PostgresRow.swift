/// One row of an answer. It keeps its whole answer alive, so copy out what is to be kept long.
public struct PostgresRow: Sendable {
    /// The value of a column, by number from 0.
    ///
    /// Throws `decodingFailed` when the column does not exist, has another type, or is NULL and `T` is no Optional.
    public func decode<T: PostgresDecodable>(_ column: Int, as type: T.Type = T.self) throws(PostgresError) -> T {
        preconditionFailure("not built yet")
    }

    /// The value of a column, by name.
    public func decode<T: PostgresDecodable>(_ column: String, as type: T.Type = T.self) throws(PostgresError) -> T {
        preconditionFailure("not built yet")
    }

    /// Calls `body` with the column's bytes in Postgres's binary format, nil for NULL; they are valid only during the call.
    public func withBytes<R, E: Error>(_ column: Int, _ body: (UnsafeRawBufferPointer?) throws(E) -> R) throws(E) -> R {
        preconditionFailure("not built yet")
    }
}

/// The answer to a statement.
public struct PostgresRows: Sendable, RandomAccessCollection {
    /// How many rows the statement inserted, updated, deleted, selected or copied.
    public let affected: Int

    /// 0
    public var startIndex: Int { 0 }
    /// The number of rows that came back.
    public var endIndex: Int { preconditionFailure("not built yet") }
    /// A row by number.
    public subscript(position: Int) -> PostgresRow { preconditionFailure("not built yet") }
    /// The columns' names in order.
    public var columns: [String] { preconditionFailure("not built yet") }
}
