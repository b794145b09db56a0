import Postgres

/// What a failed call of `ledger.append` means for its batch.
enum AppendFailure: Equatable {
    /// The transaction may have committed: the same batch is sent again on a new connection.
    case unknown
    /// Nothing was written, and the server may take the same batch later.
    case transient
    /// Nothing was written, because something in the batch never can be: it is halved until the culprit is alone.
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
        // Data, constraints and limits: also what ledger.append raises for a call that is malformed or too large. Only what is
        // listed here is the command's fault. Whatever else there is (lost rights, a missing function, a setting, a full disk)
        // is the server's, and ends: who took it for the command's would put outcomes aside for good.
        case "22", "23", "54": self = .poison(sqlState: state)
        // A shutdown or a broken connection may hit after the commit.
        case "08": self = .unknown
        case "57": self = state == "57014" ? .transient : .unknown
        default: self = .transient
        }
    }
}
