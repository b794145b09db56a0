import CPostgres
import Glibc

/// A PGresult that Swift owns.
///
/// `@unchecked Sendable`: libpq never changes a PGresult after handing it out, reading one from several threads is allowed,
/// and only `deinit`, which runs once, frees it.
final class ServerResult: @unchecked Sendable {
    let pointer: OpaquePointer
    let rowCount: Int
    let columnCount: Int

    init(_ pointer: OpaquePointer) {
        self.pointer = pointer
        rowCount = Int(PQntuples(pointer))
        columnCount = Int(PQnfields(pointer))
    }

    deinit { PQclear(pointer) }

    /// How many rows the statement touched; 0 for statements that touch none.
    var affected: Int { Int(String(cString: PQcmdTuples(pointer))) ?? 0 }

    /// The command tag, such as `INSERT 0 1`.
    var commandTag: String { String(cString: PQcmdStatus(pointer)) }

    func name(ofColumn column: Int) -> String {
        PQfname(pointer, Int32(column)).map { String(cString: $0) } ?? ""
    }

    /// The first column of that name.
    func column(named name: String) -> Int? {
        name.withCString { wanted in
            (0..<columnCount).first { column in
                PQfname(pointer, Int32(column)).map { strcmp($0, wanted) == 0 } ?? false
            }
        }
    }

    func type(ofColumn column: Int) -> UInt32 { PQftype(pointer, Int32(column)) }

    /// The bytes of a field, nil for NULL; valid as long as the result lives. The caller has checked both indices.
    func bytes(row: Int, column: Int) -> UnsafeRawBufferPointer? {
        let row = Int32(row)
        let column = Int32(column)
        if PQgetisnull(pointer, row, column) != 0 { return nil }
        return UnsafeRawBufferPointer(start: PQgetvalue(pointer, row, column), count: Int(PQgetlength(pointer, row, column)))
    }
}

extension PostgresError {
    /// The error that a PGresult of status PGRES_FATAL_ERROR holds.
    ///
    /// One that ends the session, or that libpq made up because the connection broke, says nothing about the fate of the
    /// statement: the commit may have happened before the answer was lost.
    init(result: OpaquePointer, outcomeUnknownWhenLost: Bool) {
        func field(_ text: UnsafePointer<CChar>?) -> String? { text.map { String(cString: $0) } }
        let sqlState = field(postgres_error_sqlstate(result))
        let severity = field(postgres_error_severity(result))
        let lost = sqlState == nil || severity == "FATAL" || severity == "PANIC"
        let message =
            field(postgres_error_message(result)) ?? PostgresError.firstLine(of: PQresultErrorMessage(result))
            ?? "the server closed the connection"
        self.init(
            lost ? .connectionLost : .server, message, sqlState: sqlState,
            constraint: field(postgres_error_constraint(result)), table: field(postgres_error_table(result)),
            outcomeUnknown: lost && outcomeUnknownWhenLost)
    }

    /// libpq's messages end in a newline and may go on with advice.
    static func firstLine(of message: UnsafePointer<CChar>?) -> String? {
        guard let message else { return nil }
        let line = String(cString: message).prefix { $0 != "\n" }
        return line.isEmpty ? nil : String(line)
    }
}
