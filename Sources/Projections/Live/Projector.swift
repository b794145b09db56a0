public import Ledger
public import Logging
public import Postgres

/// Keeps one projection's tables in step with the ledger.
///
/// Any number of processes may run a projector of the same projection: one holds it, the others stand by and take over
/// within two seconds of its death.
public final class Projector: Sendable {
    /// What this process's projector does.
    public enum State: Sendable, Hashable {
        /// `run` has not begun, or has ended.
        case stopped
        /// Another process holds the projection, or the database can't be reached.
        case standby
        /// Applying what comes.
        case live
        /// Nothing is applied until a person has dealt with it; `position` is the event that could not be applied, where one
        /// event is the reason.
        case halted(position: Int64?, reason: String)
    }

    public let definition: ProjectionDefinition
    public var state: State { preconditionFailure("not built yet") }
    /// The last position that this process has applied, or 0.
    public var position: Int64 { preconditionFailure("not built yet") }

    /// - Parameters:
    ///   - configuration: A role that is, or may become, `llmgateway_projector`.
    ///   - signal: Wakes the projector; without it, it looks every 250 ms.
    ///   - mirror: Told of every batch before the checkpoint moves.
    public init(
        definition: ProjectionDefinition, configuration: PostgresConfiguration, signal: LedgerSignal?,
        mirror: (any ProjectionMirror)? = nil, logger: Logger
    ) {
        preconditionFailure("not built yet")
    }

    /// Applies events until the task is cancelled. Outages are logged and waited out.
    public func run() async { preconditionFailure("not built yet") }
}
