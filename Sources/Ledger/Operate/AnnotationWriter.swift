public import Logging
public import Postgres

/// Stores what says something about a person (client address, user agent, names) beside the events, off the critical path.
public final class AnnotationWriter: Sendable {
    public init(client: PostgresClient, queueLimit: Int = 8192, logger: Logger) { preconditionFailure("not built yet") }

    /// Queues an annotation; false when too many wait, then it is dropped and counted.
    /// - Parameter body: UTF-8 JSON.
    @discardableResult
    public func put(event: EventID, kind: String, body: [UInt8]) -> Bool { preconditionFailure("not built yet") }

    /// Annotations that were dropped since the start.
    public var dropped: Int64 { preconditionFailure("not built yet") }

    /// Writes batches until cancelled; then what is queued goes out once.
    public func run() async { preconditionFailure("not built yet") }
}
