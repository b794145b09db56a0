import DequeModule
public import Logging
public import Postgres
import Synchronization

/// Appends commands to the ledger, many in one transaction.
///
/// There is one in a process. What is queued is sent, and while that commits the next batch gathers; no timer waits for
/// company. Host `run()` beside the callers; nothing is sent without it.
public final class Appender: Sendable {
    /// - Parameters:
    ///   - maximumBatch: the most events of one transaction, at most 128.
    ///   - queueLimit: the most commands that may wait.
    ///   - signal: is told of every commit.
    public init(
        configuration: PostgresConfiguration, maximumBatch: Int = 128, queueLimit: Int = 16_384, signal: LedgerSignal? = nil,
        logger: Logger
    ) {}

    /// Appends a command, and returns when its events are durable or refused for a reason that is an answer.
    ///
    /// The task's cancellation does not end it: an append that was sent can't be taken back. The deadline does.
    public func append(_ command: Command, deadline: Duration = .seconds(10)) async throws(AppendError) -> AppendResult {
        preconditionFailure("not built yet")
    }

    /// The writer: returns after `shutdown()` or cancellation, when everything that was accepted is answered.
    /// - Throws: when the server is not fit to hold a ledger, for example with `synchronous_commit` off.
    public func run() async throws { preconditionFailure("not built yet") }

    /// Accepts no more, sends what waits, and returns when all callers have their answers.
    public func shutdown() async { preconditionFailure("not built yet") }

    /// Whether Postgres answered last time.
    public var isAvailable: Bool { preconditionFailure("not built yet") }

    /// Counters since the start.
    public var statistics: AppenderStatistics { preconditionFailure("not built yet") }
}
