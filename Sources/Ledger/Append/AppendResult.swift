/// What became of a command. All of these are answers; none is a failure of the ledger.
public enum AppendResult: Sendable, Hashable {
    /// The events are durable at these positions, put there by this call.
    case appended(first: Int64, last: Int64)
    /// The same events were there before, at these positions. Whoever did not send them before must not act on them.
    case already(first: Int64, last: Int64)
    /// An event of the same id is there with other content.
    case idempotencyConflict
    /// A stream is not at the expected version but at this one.
    case versionConflict(current: Int64)
    /// The organization's admission epoch is newer: this one.
    case staleEpoch(current: Int64)

    /// The position of the last event, if the events are in the ledger.
    public var position: Int64? {
        switch self {
        case .appended(_, let last), .already(_, let last): last
        case .idempotencyConflict, .versionConflict, .staleEpoch: nil
        }
    }
}

/// Why there is no answer to a command.
public struct AppendError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What went wrong.
    public enum Code: Sendable, Hashable {
        /// Postgres did not answer in time, or takes no events now.
        case unavailable
        /// More commands are waiting than the queue takes.
        case overloaded
        /// Postgres refused the command for itself, with this SQLSTATE.
        case rejected(sqlState: String)
        /// The appender has stopped.
        case shutDown
        /// Postgres answers, but not before the deadline.
        case deadlineExceeded
    }

    public let code: Code
    /// Whether the events may be in the ledger nevertheless. False is certain: they are not there, and this call will not
    /// bring them there. True is resolved by sending the same command again.
    public let outcomeUnknown: Bool
    /// What a person should know; never data of an event.
    public let message: String

    public init(_ code: Code, outcomeUnknown: Bool, _ message: String) {
        self.code = code
        self.outcomeUnknown = outcomeUnknown
        self.message = message
    }

    public var description: String {
        outcomeUnknown ? "\(message) (whether the events were appended is not known)" : message
    }
}
