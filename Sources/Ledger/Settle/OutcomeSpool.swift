public import Logging

/// Keeps outcomes on the local disk while Postgres is away. What it accepted is fsynced.
public final class OutcomeSpool: Sendable {
    /// - Parameter directory: is created when it is missing; one process at a time.
    public init(directory: String, logger: Logger) throws { preconditionFailure("not built yet") }

    /// Writes a command and returns when it is on the disk.
    public func write(_ command: Command) async throws { preconditionFailure("not built yet") }

    /// Whether the last write succeeded and one can be made now; false is not ready.
    public var isWritable: Bool { preconditionFailure("not built yet") }

    /// Commands that wait to be appended.
    public var count: Int { preconditionFailure("not built yet") }
}
