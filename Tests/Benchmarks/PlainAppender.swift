import DequeModule
import Ledger
import Logging
import Postgres
import Synchronization

import struct Foundation.UUID

/// The yardstick of `AppendBench`: the same group commit as the appender's, and a plain insert of the same rows into a table
/// of the same columns and indexes. No chain, no expected versions, no idempotency, no answer for each command.
final class PlainAppender: Sendable {
    private typealias Caller = CheckedContinuation<Result<Void, PostgresError>, Never>

    private struct State {
        var queued: Deque<(event: NewEvent, caller: Caller)> = []
        var sleeper: CheckedContinuation<Void, Never>?
        var isClosed = false
        var batches = 0
    }

    /// Run by a superuser. Its hash column is as wide as a real one.
    static let tables = """
        DROP SCHEMA IF EXISTS plain CASCADE;
        CREATE SCHEMA plain;
        CREATE TABLE plain.events (LIKE ledger.events);
        ALTER TABLE plain.events
            ALTER position ADD GENERATED ALWAYS AS IDENTITY,
            ALTER recorded_at SET DEFAULT clock_timestamp(),
            ALTER hash SET DEFAULT sha256(''),
            ADD CONSTRAINT events_position PRIMARY KEY (position),
            ADD CONSTRAINT events_stream UNIQUE (stream_kind, stream_id, stream_version);
        CREATE INDEX events_organization ON plain.events (organization, position);
        CREATE UNIQUE INDEX events_id ON plain.events (id) WHERE stream_kind <> 'request';
        """
    private static let sql = """
        INSERT INTO plain.events (id, stream_kind, stream_id, stream_version, type, schema_version, organization, data,
            metadata, occurred_at)
        SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        """

    private let state = Mutex(State())
    private let connection: PostgresConnection
    private let maximumBatch: Int

    init(_ configuration: PostgresConfiguration, maximumBatch: Int, logger: Logger) async throws {
        connection = try await PostgresConnection.connect(configuration, logger: logger)
        self.maximumBatch = maximumBatch
    }

    var batches: Int { state.withLock { $0.batches } }

    var backend: Int32 { connection.backendPID }

    func append(_ event: NewEvent) async throws {
        let result = await withCheckedContinuation { (caller: Caller) in
            let sleeper = state.withLock { state in
                state.queued.append((event, caller))
                defer { state.sleeper = nil }
                return state.sleeper
            }
            sleeper?.resume()
        }
        try result.get()
    }

    func run() async {
        while await waitForWork() {
            let batch = state.withLock { state in
                let size = min(maximumBatch, state.queued.count)
                defer { state.queued.removeFirst(size) }
                return Array(state.queued.prefix(size))
            }
            let result: Result<Void, PostgresError>
            do throws(PostgresError) {
                try await connection.query(Self.sql, Self.parameters(batch.map(\.event)))
                result = .success(())
            } catch { result = .failure(error) }
            state.withLock { $0.batches += 1 }
            for (_, caller) in batch { caller.resume(returning: result) }
        }
        await connection.close()
    }

    /// Ends `run` when everything is sent.
    func close() {
        let sleeper = state.withLock { state in
            state.isClosed = true
            defer { state.sleeper = nil }
            return state.sleeper
        }
        sleeper?.resume()
    }

    private func waitForWork() async -> Bool {
        await withCheckedContinuation { (sleeper: CheckedContinuation<Void, Never>) in
            let now = state.withLock { state in
                if !state.queued.isEmpty || state.isClosed { return true }
                state.sleeper = sleeper
                return false
            }
            if now { sleeper.resume() }
        }
        return state.withLock { !$0.queued.isEmpty }
    }

    private static func parameters(_ events: [NewEvent]) -> [PostgresValue] {
        [
            .uuidArray(events.map(\.id.uuid)), .textArray(events.map(\.stream.kind.rawValue)),
            .uuidArray(events.map(\.stream.id)), .int8Array(events.map { ($0.expectedVersion ?? 0) + 1 }),
            .textArray(events.map(\.type)), .int4Array(events.map(\.schemaVersion)),
            .uuidArray(events.map { $0.organization?.uuid }), .jsonbArray(events.map(\.data)),
            .jsonbArray(events.map(\.metadata)), .timestamptzArray(events.map(\.occurredAt.microseconds)),
        ]
    }
}
