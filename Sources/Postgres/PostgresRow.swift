/// One row of an answer. It keeps its whole answer alive, so copy out what is to be kept long.
///
/// Its description shows no data.
public struct PostgresRow: Sendable {
    let result: ServerResult
    let index: Int

    /// The value of a column, by number from 0.
    ///
    /// Throws `decodingFailed` when the column does not exist, has another type, or is NULL and `T` is no Optional.
    public func decode<T: PostgresDecodable>(_ column: Int, as type: T.Type = T.self) throws(PostgresError) -> T {
        guard column >= 0, column < result.columnCount else {
            throw PostgresError(.decodingFailed, "there is no column \(column): the answer has \(result.columnCount)")
        }
        do {
            guard let bytes = result.bytes(row: index, column: column) else { return try T.decodeNull() }
            return try T.decode(bytes, type: result.type(ofColumn: column))
        } catch {
            throw PostgresError(
                .decodingFailed, "column \(column) (\(result.name(ofColumn: column))) of row \(index): \(error.message)")
        }
    }

    /// The value of the first column of that name.
    ///
    /// Throws `decodingFailed` when the column does not exist, has another type, or is NULL and `T` is no Optional.
    public func decode<T: PostgresDecodable>(_ column: String, as type: T.Type = T.self) throws(PostgresError) -> T {
        guard let number = result.column(named: column) else {
            throw PostgresError(.decodingFailed, "there is no column \(column)")
        }
        return try decode(number, as: type)
    }

    /// Calls `body` with the column's bytes in Postgres's binary format, nil for NULL; they are valid only during the call.
    ///
    /// The column must exist.
    public func withBytes<R, E: Error>(_ column: Int, _ body: (UnsafeRawBufferPointer?) throws(E) -> R) throws(E) -> R {
        precondition(column >= 0 && column < result.columnCount, "there is no such column")
        return try body(result.bytes(row: index, column: column))
    }
}

/// The answer to a statement: its rows, and how many rows it touched. Its description shows no data.
public struct PostgresRows: Sendable, RandomAccessCollection {
    let result: ServerResult
    /// How many rows the statement inserted, updated, deleted, selected or copied.
    public let affected: Int

    init(_ result: ServerResult) {
        self.result = result
        affected = result.affected
    }

    /// 0
    public var startIndex: Int { 0 }
    /// The number of rows that came back.
    public var endIndex: Int { result.rowCount }
    /// A row by number.
    public subscript(position: Int) -> PostgresRow {
        precondition(position >= 0 && position < result.rowCount, "there is no such row")
        return PostgresRow(result: result, index: position)
    }
    /// The columns' names in order.
    public var columns: [String] { (0..<result.columnCount).map { result.name(ofColumn: $0) } }
}

extension PostgresRow: CustomStringConvertible, CustomReflectable {
    /// The row's number.
    public var description: String { "row \(index)" }
    /// Nothing of the data.
    public var customMirror: Mirror { Mirror(self, children: ["index": index]) }
}

extension PostgresRows: CustomStringConvertible, CustomReflectable {
    /// The number of rows.
    public var description: String { "\(count) rows, \(affected) affected" }
    /// Nothing of the data.
    public var customMirror: Mirror { Mirror(self, children: ["count": count, "affected": affected]) }
}
