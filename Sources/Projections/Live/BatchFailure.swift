import Postgres

/// Why a batch was not applied; it was rolled back.
enum BatchFailure: Error {
    /// An event of (after, upto] can't be applied.
    case poison(after: Int64, upto: Int64, reason: String)
    /// An event of (after, upto] is newer than what this process understands. One of a later version can apply it.
    case unknown(after: Int64, upto: Int64, reason: String)
    /// The database or the mirror is away, or busy; later the same batch may go well.
    case outage(any Error)
    /// The copy that is read is another process's.
    case elsewhere(String)
    /// The tables are not this definition's.
    case outdated(String)
    /// The ledger does not have the event that the tables end with.
    case otherHistory(String)
    /// There is no checkpoint.
    case missing

    /// Whether an error is about the data and will come again with the same events.
    static func isPoison(_ error: any Error) -> Bool {
        switch error {
        case let error as ProjectionError: return error.code == .poison
        case let error as PostgresError:
            guard error.code == .server, let state = error.sqlState, !isMissing(error) else { return false }
            // Feature not supported, cardinality, data, constraints, invalid cursor or function use, syntax and access,
            // program limits (a text that is too long for an index), raised by a function.
            return ["0A", "21", "22", "23", "2F", "38", "39", "42", "44", "54", "P0"].contains { state.hasPrefix($0) }
        default: return false
        }
    }

    /// Whether a right is lost, or something that was made with the tables is gone: every event fails then, of every organization, and
    /// none once it is mended.
    static func isMissing(_ error: PostgresError) -> Bool {
        guard error.code == .server, let state = error.sqlState else { return false }
        // Privilege, schema, table, column, function, other object.
        return ["42501", "3F000", "42P01", "42703", "42883", "42704"].contains(state)
    }

    /// Whether the view `batch` has met an event that only a later version of the program understands: `refuse_schema_version` of
    /// schema/0101_unknown_events.sql.
    static func isUnknown(_ error: any Error) -> Bool {
        guard let error = error as? PostgresError, error.code == .server else { return false }
        return error.sqlState == unknownState
    }

    static let unknownState = "LG001"

    /// One line for the operator: what the server said, without values of events.
    static func reason(_ error: any Error) -> String {
        guard let error = error as? PostgresError else { return String(describing: error) }
        let about = [error.table.map { "table \($0)" }, error.constraint.map { "constraint \($0)" }].compactMap(\.self)
        let place = about.isEmpty ? "" : " (\(about.joined(separator: ", ")))"
        return "\(error.message)\(place) [\(error.sqlState ?? error.code.rawValue)]"
    }
}
