public import Logging
public import Postgres

/// This process's sign of life in the ledger's database: while it is renewed, nobody abandons what the process authorized.
public final class InstanceLease: Sendable {
    /// The process's id; every authorization carries it.
    public let instance: InstanceID

    public init(instance: InstanceID = .mint(), client: PostgresClient, logger: Logger) { self.instance = instance }

    /// Whether a request may be admitted: the lease was renewed less than 45 s ago by the monotonic clock, and is not lost.
    public var mayAdmit: Bool { preconditionFailure("not built yet") }

    /// Whether the database said that the lease has run out. Then it is so for good: the process has to start again.
    public var isLost: Bool { preconditionFailure("not built yet") }

    /// Takes or renews the lease once.
    public func renew() async throws { preconditionFailure("not built yet") }

    /// Renews every 5 s until cancelled.
    public func run() async { preconditionFailure("not built yet") }

    /// Gives the lease up, after everything is settled.
    public func end() async throws { preconditionFailure("not built yet") }
}
