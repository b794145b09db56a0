/// Why a call to Postgres failed.
///
/// Its description may be logged: it names the code, the SQLSTATE, the constraint and the table, and never a password or a
/// value of a parameter. `message` of a server's error may quote data and is for people who may see that data.
public struct PostgresError: Error, Sendable {
    /// What kind of failure it is; callers branch on this and on `sqlState`.
    public enum Code: String, Sendable, Hashable {
        /// The URL or a setting can't be used.
        case invalidConfiguration
        /// A parameter or the SQL text can't be sent (a NUL in text, too many parameters, too large); nothing was sent.
        case invalidParameter
        /// No connection could be opened.
        case connectionFailed
        /// The connection broke. `outcomeUnknown` tells whether the statement may have taken effect.
        case connectionLost
        /// The server answered with an error; `sqlState` is set.
        case server
        /// The deadline passed.
        case deadlineExceeded
        /// No connection of the pool came free in time, or too many statements wait on one connection.
        case poolExhausted
        /// A value does not have the asked for type.
        case decodingFailed
        /// The task was cancelled.
        case cancelled
        /// The connection or the pool was closed by its owner.
        case closed
        /// The call and the statement do not fit together, such as a COPY that was sent as a query.
        case protocolViolation
    }

    /// The kind of failure.
    public let code: Code
    /// The five characters of the server's SQLSTATE, when the server answered.
    public let sqlState: String?
    /// What happened. A server's message may quote data: log `description` instead.
    public let message: String
    /// The constraint that was violated, when the server named one.
    public let constraint: String?
    /// The table that the error is about, when the server named one.
    public let table: String?
    /// True when the statement may or may not have taken effect: it was sent, and its answer never came.
    public internal(set) var outcomeUnknown: Bool

    package init(
        _ code: Code, _ message: String, sqlState: String? = nil, constraint: String? = nil, table: String? = nil,
        outcomeUnknown: Bool = false
    ) {
        self.code = code
        self.message = message
        self.sqlState = sqlState
        self.constraint = constraint
        self.table = table
        self.outcomeUnknown = outcomeUnknown
    }
}

extension PostgresError {
    /// Whether the server lets nobody in by these settings: it does not know the role or the password, has no rule for them, or no such
    /// database. Unlike a server that is away, that seldom passes by itself. But it may: 28000 is also what is said while the server is away
    /// that Postgres asks (LDAP, PAM; https://github.com/postgres/postgres/blob/REL_15_STABLE/src/backend/libpq/auth.c, auth_failed), and
    /// a database or a password may be about to be made.
    public var isRefusal: Bool {
        guard code == .connectionFailed, let sqlState else { return false }
        return ["28000", "28P01", "3D000"].contains(sqlState)
    }

    /// An attempt to connect, as libpq's verbose message tells it: `… failed: FATAL:  3D000: database "x" does not exist`. There is no
    /// function that gives the SQLSTATE (https://www.postgresql.org/docs/15/libpq-control.html, PQsetErrorVerbosity).
    init(refusedWith line: String) {
        guard let gap = line.firstRange(of: ":  ") else {
            self.init(.connectionFailed, line)
            return
        }
        let (state, rest) = (line[gap.upperBound...].prefix(5), line[gap.upperBound...].dropFirst(5))
        guard state.utf8.count == 5, rest.hasPrefix(": "),
            state.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) })
        else {
            self.init(.connectionFailed, line)
            return
        }
        self.init(.connectionFailed, "\(line[..<gap.lowerBound])\(rest)", sqlState: String(state))
    }
}

extension PostgresError: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The failure without any data of the statement.
    public var description: String {
        var parts = ["Postgres \(code.rawValue)"]
        if let sqlState { parts.append("SQLSTATE \(sqlState)") }
        if let constraint { parts.append("constraint \(constraint)") }
        if let table { parts.append("table \(table)") }
        if !messageMayQuoteData { parts.append(message) }
        if outcomeUnknown { parts.append("outcome unknown") }
        return parts.joined(separator: ", ")
    }

    /// The same as `description`.
    public var debugDescription: String { description }

    /// Only `description`, so that a dump shows no data either.
    public var customMirror: Mirror { Mirror(self, children: ["description": description]) }

    /// Data exceptions (class 22) and text that SQL raised itself quote values; other messages name objects of the schema.
    private var messageMayQuoteData: Bool {
        guard code == .server, let sqlState else { return false }
        return sqlState.hasPrefix("22") || sqlState.hasPrefix("P0")
    }
}
