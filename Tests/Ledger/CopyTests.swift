import Foundation
import Ledger
import Postgres
import Synchronization
import TestSupport
import Testing

/// A copy of the events in a second database.
@Suite struct CopyTests {
    private static func with(
        _ label: String, events count: Int,
        _ body: (TestSupport.LedgerDatabase, LedgerCopier, _ target: String, inout HistoryGenerator) async throws -> Void
    ) async throws {
        var generator = HistoryGenerator(seed: TestEnvironment.seed(label))
        try await TestSupport.LedgerDatabase.with { database in
            try await database.append(try generator.events(count))
            try await withTestDatabase { target in
                try await body(database, copier(database, target), target, &generator)
            }
        }
    }

    private static func copier(_ database: TestSupport.LedgerDatabase, _ target: String) throws -> LedgerCopier {
        LedgerCopier(
            source: database.service, target: try PostgresConfiguration(url: target),
            schemaFolder: TestEnvironment.root + "/schema", logger: database.logger)
    }

    private static func rows(_ url: String, _ sql: String) async throws -> [String] {
        let client = PostgresClient(
            try PostgresConfiguration(url: url), maximumConnections: 1, logger: quietLogger)
        do {
            let rows = try await client.query("SELECT q::text FROM (\(sql)) AS q").map { try $0.decode(0, as: String.self) }
            await client.shutdown()
            return rows
        } catch {
            await client.shutdown()
            throw error
        }
    }

    private static let everything = "SELECT * FROM ledger.events ORDER BY position"

    @Test func itHasTheSameEventsAndGoesOnWhereItEnded() async throws {
        try await Self.with("copies", events: 700) { database, copier, target, generator in
            let first = try await copier.run()
            #expect(try await first.position == database.head() && first.head == first.position)
            try await database.append(try generator.events(300))
            let positions = Mutex<[Int64]>([])
            let second = try await copier.run { progress in positions.withLock { $0.append(progress.position) } }
            #expect(positions.withLock { $0.first ?? 0 } > first.position && second.position == first.position + 300)
            #expect(try await Self.rows(target, Self.everything) == Self.rows(database.url, Self.everything))
            // It is a copy and nothing else: nobody can append to it, and a gateway does not take it for a ledger.
            await #expect(throws: (any Error).self) {
                try await Self.rows(target, "SELECT ledger.create('00000000-0000-7000-8000-000000000000')")
            }
            #expect(
                try await Self.rows(target, "SELECT finding FROM ledger.protection()").contains { $0.contains("trigger missing") }
            )
        }
    }

    @Test func itFollowsWhatIsAppended() async throws {
        try await Self.with("followed", events: 100) { database, copier, target, generator in
            let task = Task { try await copier.run(follows: true) }
            let busy = try Self.copier(database, target)
            try await database.append(try generator.events(200))
            let head = try await database.head()
            let end = ContinuousClock.now + .seconds(30)
            while ContinuousClock.now < end,
                await (try? Self.rows(target, "SELECT max(position) FROM ledger.events")) != ["(\(head))"]
            { try await Task.sleep(for: .milliseconds(20)) }
            await #expect(throws: LedgerCopier.Failure.busy) { try await busy.run() }
            task.cancel()
            _ = try? await task.value
            #expect(try await Self.rows(target, Self.everything) == Self.rows(database.url, Self.everything))
        }
    }

    @Test func whatIsNotWhatWasHashedIsNotTaken() async throws {
        try await Self.with("tampered copies", events: 300) { database, copier, target, _ in
            try await database.client.withTransaction { connection in
                try await connection.script(
                    """
                    ALTER TABLE ledger.events DISABLE TRIGGER ALL;
                    UPDATE ledger.events SET data = data || '{"amount": 1}' WHERE position = 150;
                    ALTER TABLE ledger.events ENABLE TRIGGER ALL
                    """)
            }
            await #expect(throws: LedgerFault(position: 150, reason: .hashMismatch)) { try await copier.run() }
            #expect(try await Self.rows(target, Self.everything).isEmpty)
        }
    }

    @Test func anotherHistoryIsNotMixedWithIt() async throws {
        try await Self.with("one history", events: 50) { _, copier, target, _ in
            try await copier.run()
            try await TestSupport.LedgerDatabase.with { other in
                var generator = HistoryGenerator(seed: TestEnvironment.seed("another history"))
                try await other.append(try generator.events(80))
                await #expect(throws: LedgerCopier.Failure.otherHistory(position: 52)) {
                    try await Self.copier(other, target).run()
                }
                // Nor is a ledger written over.
                await #expect(throws: LedgerCopier.Failure.isLedger) { try await Self.copier(other, other.url).run() }
            }
        }
    }
}
