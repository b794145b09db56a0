public import Logging
public import Postgres

/// Makes outcomes durable, whatever happens: in the ledger, late after an abandonment, or in the spool.
public final class OutcomeWriter: Sendable {
    /// Where an outcome is now.
    public enum Settlement: Sendable, Hashable {
        /// In the ledger, at this position.
        case settled(position: Int64)
        /// In the ledger as `request.settled_late`, because the request had been abandoned.
        case settledLate(position: Int64)
        /// In the spool: durable, and appended when Postgres is back.
        case spooled
    }

    public init(appender: Appender, client: PostgresClient, spool: OutcomeSpool, logger: Logger) {
        preconditionFailure("not built yet")
    }

    /// Settles a request. `event` is an outcome of version 2 (expected version 1) or a single-event outcome (expected 0).
    /// - Throws: when neither ledger nor spool could take it, or the ledger refuses it for good.
    public func settle(_ event: NewEvent, deadline: Duration = .seconds(5)) async throws -> Settlement {
        preconditionFailure("not built yet")
    }

    /// Appends everything that lies in the spool; call it before admission opens.
    /// - Returns: how many commands were taken from the spool.
    @discardableResult
    public func drain() async throws -> Int { preconditionFailure("not built yet") }

    /// Drains whenever Postgres is back, until cancelled.
    public func run() async { preconditionFailure("not built yet") }
}
