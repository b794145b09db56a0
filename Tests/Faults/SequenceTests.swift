import Foundation
import Ledger
import Money
import Postgres
import Synchronization
import TestSupport
import Testing

/// T5: transactions that take their number early and end late, or never.
@Suite(.timeLimit(.minutes(120))) struct SequenceTests {
    private static let writers = 64
    /// How long after its commit an event may come to a reader, whatever is open or rolled back beside it. There is nothing that it would
    /// have to wait for: all of it is the machine's.
    private static let bound: Duration = .seconds(20)

    /// Writers with open transactions and random sleeps, a fifth of which is rolled back; a reader and a projector follow.
    @Test func `a reader sees what is committed once and in order, and what is rolled back holds nobody up`() async throws {
        let seed = TestEnvironment.seed("sequence visibility")
        let share = (TestEnvironment.soak ? 1_000_000 : 6_400) / Self.writers
        let batch = TestEnvironment.soak ? 128 : 16
        try await PostgresServer.with(settings: ["max_connections": "100"]) { server in
            try await LedgerDatabase.with(url: server.url) { database in
                let projector = try FollowingProjector(database)
                let work = SequenceWork()
                var connections: [PostgresConnection] = []
                for _ in 0..<Self.writers {
                    connections.append(try await PostgresConnection.connect(database.service, logger: database.logger))
                }
                let start = try await database.head()
                async let reading = Self.read(database, after: start, until: share * Self.writers)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for (writer, connection) in connections.enumerated() {
                        group.addTask { try await work.write(share, batch: batch, seed: seed &+ UInt64(writer), connection) }
                    }
                    try await group.waitForAll()
                }
                let seen = try await reading
                let committed = work.committed
                #expect(Set(seen.keys) == Set(committed.keys))
                #expect(committed.count == share * Self.writers)
                let longest = committed.compactMap { id, time in seen[id].map { time.duration(to: $0) } }.max() ?? .zero
                print("seen at most \(longest) after the commit")
                #expect(longest < Self.bound)
                #expect(work.rollbacks > 0)
                try await projector.expectCaughtUp()
            }
        }
    }

    /// Reads on from a position until there were so many events, each position one above the last.
    /// - Returns: when each was seen.
    private static func read(
        _ database: LedgerDatabase, after position: Int64, until count: Int
    ) async throws -> [UUID: ContinuousClock.Instant] {
        let connection = try await PostgresConnection.connect(database.service, logger: database.logger)
        var (last, seen) = (position, [UUID: ContinuousClock.Instant]())
        // Only a test that fails waits so long.
        let deadline = ContinuousClock.now + .seconds(TestEnvironment.soak ? 3_000 : 120)
        while seen.count < count, ContinuousClock.now < deadline {
            let rows = try await connection.query(
                "SELECT position, id FROM ledger.events WHERE position > $1 ORDER BY position LIMIT 5000", [.int8(last)],
                deadline: .seconds(30))
            let now = ContinuousClock.now
            for row in rows {
                let next: Int64 = try row.decode(0)
                #expect(next == last + 1, "a position that is seen has everything below it")
                last = next
                seen[try row.decode(1)] = now
            }
            if rows.isEmpty { try await Task.sleep(for: .microseconds(200)) }
        }
        await connection.close()
        return seen
    }
}

/// What the writers of a run committed.
private final class SequenceWork: Sendable {
    private let state = Mutex((committed: [UUID: ContinuousClock.Instant](), rollbacks: 0))

    /// When each event's writer heard that it is committed.
    var committed: [UUID: ContinuousClock.Instant] { state.withLock { $0.committed } }
    var rollbacks: Int { state.withLock { $0.rollbacks } }

    func write(_ count: Int, batch: Int, seed: UInt64, _ connection: PostgresConnection) async throws {
        var random = SeededGenerator(seed: seed)
        var history = HistoryGenerator(seed: random.next())
        var left = try history.events(count)[...]
        while !left.isEmpty {
            let events = Array(left.prefix(Int.random(in: 1...batch, using: &random)))
            try await connection.script("BEGIN")
            // It has its number among transactions now, and the ledger's lock only later.
            _ = try await connection.query("SELECT pg_current_xact_id()::text")
            try await Task.sleep(for: .microseconds(Int.random(in: 0...3_000, using: &random)))
            try await LedgerDatabase.append(events, over: connection)
            try await Task.sleep(for: .microseconds(Int.random(in: 0...1_500, using: &random)))
            if Int.random(in: 0..<5, using: &random) == 0 {
                try await connection.script("ROLLBACK")
                state.withLock { $0.rollbacks += 1 }
            } else {
                try await connection.script("COMMIT")
                let now = ContinuousClock.now
                state.withLock { state in for event in events { state.committed[event.id.uuid] = now } }
                left = left.dropFirst(events.count)
            }
        }
        await connection.close()
    }
}
