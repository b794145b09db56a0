public import Logging
public import Postgres

import struct FoundationEssentials.UUID

/// Stores what says something about a person (client address, user agent, names) beside the events, off the critical path.
public final class AnnotationWriter: Sendable {
    private struct Annotation {
        let event: UUID
        let kind: String
        let body: [UInt8]
    }

    private let queue: WriteBehind<Annotation>

    public init(client: PostgresClient, queueLimit: Int = 8192, logger: Logger) {
        queue = WriteBehind(
            "annotations", limits: .init(waiting: queueLimit, batch: 512, gathering: .milliseconds(250)), logger: logger,
            cost: { _ in 1 }, mayRepeat: { ($0 as? PostgresError)?.code != .server }
        ) { batch in
            _ = try await client.query(
                "SELECT ledger.put_annotations($1, $2, $3)",
                [.uuidArray(batch.map(\.event)), .textArray(batch.map(\.kind)), .jsonbArray(batch.map(\.body))],
                deadline: .seconds(10))
        }
    }

    /// Queues an annotation; false when too many wait or the text can't be stored, then it is dropped and counted.
    /// - Parameter body: UTF-8 JSON.
    @discardableResult
    public func put(event: EventID, kind: String, body: [UInt8]) -> Bool {
        guard JSONText.problem(in: body) == nil, !kind.utf8.contains(0) else {
            queue.drop()
            return false
        }
        return queue.put(Annotation(event: event.uuid, kind: kind, body: body))
    }

    /// Annotations that were dropped since the start.
    public var dropped: Int64 { queue.dropped }

    /// Writes batches until cancelled; then what is queued goes out once.
    public func run() async { await queue.run() }
}
