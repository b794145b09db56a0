public import Logging
public import Postgres

import struct FoundationEssentials.UUID

/// Stores the bodies of requests beside the ledger, off the critical path, for organizations that want them kept.
public final class PayloadWriter: Sendable {
    private struct Payload {
        let request: UUID
        let kind: String
        let key: [UInt8]
        let body: [UInt8]
    }

    /// The longest body that is kept, in bytes.
    public let maximumBytes: Int
    private let queue: WriteBehind<Payload>

    /// - Parameter waitingLimit: the bytes that may wait in memory while Postgres is slow or away.
    public init(client: PostgresClient, maximumBytes: Int = 8 << 20, waitingLimit: Int = 64 << 20, logger: Logger) {
        self.maximumBytes = maximumBytes
        queue = WriteBehind(
            "payloads", limits: .init(waiting: waitingLimit, batch: 4 << 20, gathering: .milliseconds(50)), logger: logger,
            // The key and the row count too.
            cost: { $0.body.count + 256 }, mayRepeat: { ($0 as? PostgresError)?.code != .server }
        ) { batch in
            _ = try await client.query(
                """
                SELECT ledger.put_payload(p.request, p.kind, p.key, p.body)
                FROM unnest($1::uuid[], $2::text[], $3::bytea[], $4::bytea[]) AS p (request, kind, key, body)
                """,
                [
                    .uuidArray(batch.map(\.request)), .textArray(batch.map(\.kind)), .byteaArray(batch.map(\.key)),
                    .byteaArray(batch.map(\.body)),
                ], deadline: .seconds(30))
        }
    }

    /// Queues a body whose digest is in an event; false when too much waits, then it is dropped and counted.
    @discardableResult
    public func put(request: RequestID, kind: String, body: [UInt8], sealed: PayloadStore.Sealed) -> Bool {
        queue.put(Payload(request: request.uuid, kind: kind, key: sealed.key, body: body))
    }

    /// Counts a body that is longer than what is kept.
    public func drop() { queue.drop() }

    /// Bodies that were dropped since the start.
    public var dropped: Int64 { queue.dropped }

    /// Writes batches until cancelled; then what is queued goes out once.
    public func run() async { await queue.run() }
}
