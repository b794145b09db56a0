import Postgres

/// What a failed call of `ledger.append` means for its batch.
enum AppendFailure: Equatable {
    /// The transaction may have committed: the same batch is sent again on a new connection.
    case unknown
    /// Nothing was written, and the server may take the same batch later.
    case transient
    /// Nothing was written, because something in the batch can't be: it is halved until the culprit is alone.
    case poison(sqlState: String)

    init(_ error: PostgresError) {
        guard error.code == .server, let state = error.sqlState else {
            switch error.code {
            case .invalidParameter: self = .poison(sqlState: "22000")
            case .protocolViolation, .decodingFailed: self = .unknown
            default: self = error.outcomeUnknown ? .unknown : .transient
            }
            return
        }
        switch state.prefix(2) {
        // A shutdown or a broken connection may hit after the commit.
        case "08": self = .unknown
        case "57": self = state == "57014" ? .transient : .unknown
        // Serialization, resources (a full disk), the server's own I/O.
        case "40", "53", "58": self = .transient
        // A standby that is not promoted yet, a lock that was not free.
        case "25", "55": self = state == "25006" || state == "55P03" ? .transient : .poison(sqlState: state)
        default: self = .poison(sqlState: state)
        }
    }
}
