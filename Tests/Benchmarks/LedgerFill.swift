import Foundation
import Ledger
import Logging
import Postgres
import TestSupport

/// A ledger with very many events, as a shop's would be: organizations with projects and keys, credit of every kind, and
/// requests of every outcome, authorized and settled among one another. Only the times of recording are not those of life.
struct FilledLedger: Sendable {
    /// A superuser's session.
    let configuration: PostgresConfiguration
    /// The last position.
    let head: Int64
    /// How long the filling took; zero when the events were there before.
    let filling: Duration

    /// Lends a ledger of at least `events` events.
    ///
    /// - Parameters:
    ///   - url: A superuser's URL of a database that is migrated and filled up to that number, and kept. Nil makes a server of
    ///     its own, and removes it afterwards.
    ///   - seed: What the events follow from.
    static func with<R: Sendable>(
        _ url: String?, events: Int, seed: UInt64 = 1, _ body: (FilledLedger) async throws -> R
    ) async throws -> R {
        if let url { return try await body(make(url, events: events, seed: seed)) }
        // As tools/up starts it.
        let settings = [
            "fsync": "on", "shared_buffers": "256MB", "max_wal_size": "4GB", "checkpoint_timeout": "15min", "jit": "off",
        ]
        return try await PostgresServer.with(settings: settings) { server in
            try await body(make(server.url, events: events, seed: seed))
        }
    }

    /// `ledger.append` did not take the events.
    struct NotAppended: Error {
        let result: String
    }

    private static func make(_ url: String, events: Int, seed: UInt64) async throws -> FilledLedger {
        let logger = Logger(label: "benchmark") { _ in SwiftLogNoOpLogHandler() }
        let configuration = try PostgresConfiguration(url: url)
        _ = try await Migrator(
            schemaFolder: TestEnvironment.root + "/schema", configuration: configuration, logger: logger
        ).run()
        let connection = try await PostgresConnection.connect(configuration, logger: logger)
        let clock = ContinuousClock()
        let start = clock.now
        do {
            var head = try await connection.query("SELECT max(position) FROM ledger.events")[0].decode(0, as: Int64.self)
            let missing = events - Int(head)
            if missing > 0 {
                head += try await fill(connection, events: missing, seed: seed &+ UInt64(head))
                // What autovacuum does in the course of a day.
                try await connection.query("VACUUM (ANALYZE) ledger.events", deadline: .seconds(600))
                try await connection.query("CHECKPOINT", deadline: .seconds(600))
            }
            await connection.close()
            return FilledLedger(configuration: configuration, head: head, filling: missing > 0 ? clock.now - start : .zero)
        } catch {
            await connection.close()
            throw error
        }
    }

    /// How many calls of `ledger.append` are one transaction here: 4,096 events.
    private static let calls = 32

    private static func fill(_ connection: PostgresConnection, events: Int, seed: UInt64) async throws -> Int64 {
        var history = HistoryGenerator(seed: seed)
        var left = events
        var batch: [NewEvent] = []
        repeat {
            let written = batch
            async let writing: Void = write(written, connection)
            let size = min(left, calls * Command.maximumEvents)
            batch = try history.events(size)
            left -= size
            try await writing
        } while !batch.isEmpty
        return Int64(events)
    }

    private static func write(_ events: [NewEvent], _ connection: PostgresConnection) async throws {
        guard !events.isEmpty else { return }
        try await connection.withTransaction { connection in
            for start in stride(from: 0, to: events.count, by: Command.maximumEvents) {
                try await append(events[start..<min(start + Command.maximumEvents, events.count)], connection)
            }
        }
    }

    /// As one command, in which a request may be authorized and settled without a look-up for each.
    private static func append(_ events: ArraySlice<NewEvent>, _ connection: PostgresConnection) async throws {
        let rows = try await connection.query(
            "SELECT result FROM ledger.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
            [
                .int4Array(events.map { _ in 1 }), .uuidArray(events.map(\.id.uuid)),
                .textArray(events.map(\.stream.kind.rawValue)), .uuidArray(events.map(\.stream.id)),
                .int8Array(events.map(\.expectedVersion)), .textArray(events.map(\.type)),
                .int4Array(events.map(\.schemaVersion)), .uuidArray(events.map { $0.organization?.uuid }),
                .jsonbArray(events.map(\.data)), .jsonbArray(events.map(\.metadata)),
                .timestamptzArray(events.map(\.occurredAt.microseconds)), .int8Array(events.map(\.epoch)),
            ])
        let result = try rows[0].decode(0, as: String.self)
        guard result == "appended" else { throw NotAppended(result: result) }
    }
}
