import Foundation
import Ledger
import Logging
import Postgres
import TestSupport

/// A ledger with very many events: the first of a ``BusyDay``. Only the times of recording are not those of life.
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
    ///   - organizations: How many share them.
    static func with<R: Sendable>(
        _ url: String?, events: Int, seed: UInt64 = 1, organizations: Int = 50, _ body: (FilledLedger) async throws -> R
    ) async throws -> R {
        if let url { return try await body(make(url, events: events, seed: seed, organizations: organizations)) }
        // As tools/up starts it.
        let settings = [
            "fsync": "on", "shared_buffers": "256MB", "max_wal_size": "4GB", "checkpoint_timeout": "15min", "jit": "off",
        ]
        return try await PostgresServer.with(settings: settings) { server in
            try await body(make(server.url, events: events, seed: seed, organizations: organizations))
        }
    }

    private static func make(
        _ url: String, events: Int, seed: UInt64, organizations: Int
    ) async throws -> FilledLedger {
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
                var day = BusyDay(seed: seed &+ UInt64(head), organizations: organizations, day: events)
                head = try await day.append(missing, to: connection)
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
}
