import Synchronization
import TestSupport
import Testing

@testable import Postgres

/// A server that dies under load. Every caller writes a number of its own, so the table tells what really happened.
@Suite(.timeLimit(.minutes(5))) struct RestartTests {
    enum Death: String, CaseIterable { case kill, immediate, fast }

    struct Outcomes {
        var committed: Set<Int64> = []
        var notCommitted: Set<Int64> = []
        var unknown: Set<Int64> = []
        var codes: Set<PostgresError.Code> = []
    }

    /// Callers that write until they are told to stop.
    final class Load: Sendable {
        let outcomes = Mutex(Outcomes())
        let client: PostgresClient
        private let goesOn = Atomic<Bool>(true)
        private let last = Atomic<Int64>(0)

        init(_ client: PostgresClient) { self.client = client }

        var committed: Int { outcomes.withLock { $0.committed.count } }

        func stop() { goesOn.store(false, ordering: .relaxed) }

        func run(inTransaction: Bool) async {
            while goesOn.load(ordering: .relaxed), !Task.isCancelled {
                await write(last.add(1, ordering: .relaxed).newValue, inTransaction: inTransaction)
            }
        }

        private func write(_ n: Int64, inTransaction: Bool) async {
            do {
                if inTransaction {
                    try await client.withTransaction { c in
                        try await c.query("INSERT INTO written VALUES ($1)", [.int8(n)])
                        try await c.query("SELECT 1")
                    }
                } else {
                    try await client.query("INSERT INTO written VALUES ($1)", [.int8(n)])
                }
                outcomes.withLock { _ = $0.committed.insert(n) }
            } catch let error as PostgresError {
                outcomes.withLock { outcomes in
                    outcomes.codes.insert(error.code)
                    if error.outcomeUnknown { outcomes.unknown.insert(n) } else { outcomes.notCommitted.insert(n) }
                }
            } catch {
                Issue.record("\(error)")
            }
        }
    }

    @Test(arguments: Death.allCases) func nothingHangsAndOutcomesAreTrue(_ death: Death) async throws {
        try await PostgresServer.with { server in
            // Longer than any start takes: nobody gives up waiting for a connection.
            let client = PostgresClient(
                try PostgresConfiguration(url: server.url), maximumConnections: 4, acquireDeadline: .seconds(120), logger: quiet)
            try await client.query("CREATE TABLE written (n int8 PRIMARY KEY)")
            let load = Load(client)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for caller in 0..<16 { group.addTask { await load.run(inTransaction: caller % 2 == 0) } }
                for _ in 0..<2 {
                    let before = load.committed
                    try await eventually("transactions commit") { load.committed > before + 50 }
                    switch death {
                    case .kill: try await server.kill()
                    case .immediate: try await server.stop(.immediate)
                    case .fast: try await server.stop(.fast)
                    }
                    try await Task.sleep(for: .milliseconds(200))
                    try await server.start()
                }
                let before = load.committed
                try await eventually("transactions commit at the end") { load.committed > before + 200 }
                load.stop()
                try await group.waitForAll()
            }
            let rows = try await client.query("SELECT n FROM written")
            let present = try Set(rows.map { try $0.decode(0, as: Int64.self) })
            let outcomes = load.outcomes.withLock { $0 }
            #expect(outcomes.committed.isSubset(of: present))
            #expect(outcomes.notCommitted.isDisjoint(with: present))
            #expect(present.subtracting(outcomes.committed).isSubset(of: outcomes.unknown))
            #expect(outcomes.codes.isSubset(of: [.connectionLost, .connectionFailed, .server]))
            print(
                "\(death): committed \(outcomes.committed.count), certainly not \(outcomes.notCommitted.count), unknown",
                outcomes.unknown.count, "of which committed \(outcomes.unknown.intersection(present).count)")
            await client.shutdown()
        }
    }

    @Test func anIdleConnectionIsFoundLostAndReplaced() async throws {
        try await PostgresServer.with { server in
            let client = PostgresClient(try PostgresConfiguration(url: server.url), logger: quiet)
            try await client.query("SELECT 1")
            #expect(client.connectionCount == 1)
            try await server.stop(.fast)
            try await eventually("the loss is noticed") { client.connectionCount == 0 }
            async let waiting = client.query("SELECT 2")
            try await Task.sleep(for: .milliseconds(100))
            try await server.start()
            #expect(try await waiting[0].decode(0, as: Int.self) == 2)
            await client.shutdown()
        }
    }
}
