import TestSupport
import Testing

@testable import Postgres

@Suite(.timeLimit(.minutes(1))) struct PoolTests {
    private func withClient(
        maximum: Int = 2, acquireDeadline: Duration = .seconds(30), _ body: (PostgresClient) async throws -> Void
    ) async throws {
        let client = PostgresClient(
            try PostgresConfiguration(url: TestEnvironment.databaseURL()), maximumConnections: maximum,
            acquireDeadline: acquireDeadline, logger: quiet)
        try await client.use(body)
    }

    @Test(arguments: ["SELECT 1", "SELECT nothing"]) func whatIsLentIsClosedAfterwards(_ statement: String) async throws {
        let configuration = try PostgresConfiguration(url: TestEnvironment.databaseURL())
        let client = PostgresClient(configuration, logger: quiet)
        let connection = try await PostgresConnection.connect(configuration, logger: quiet)
        let error = await #expect(throws: PostgresError.self) {
            try await client.use { client in
                try await client.query("SELECT 1")
                try await connection.use { connection in
                    try await connection.query(statement)
                    throw PostgresError(.cancelled, "the body's own")
                }
            }
        }
        #expect(error?.code == (statement == "SELECT 1" ? .cancelled : .server))
        #expect(!connection.isOpen)
        #expect(await failure { try await client.query("SELECT 1") }?.code == .closed)
    }

    @Test(.timeLimit(.minutes(1))) func aStatementsDeadlineHoldsForItsConnectionToo() async throws {
        try await withClient(maximum: 1, acquireDeadline: .seconds(600)) { client in
            try await client.withConnection { _ in
                let failure = await failure { try await client.query("SELECT 1", deadline: .milliseconds(50)) }
                #expect(failure?.code == .poolExhausted)
            }
        }
    }

    @Test func anExhaustedPoolRefusesAfterTheDeadline() async throws {
        try await withClient(maximum: 1, acquireDeadline: .milliseconds(50)) { client in
            // Connecting itself may take longer than that on a busy machine.
            try await eventually("the pool has connected") { (try? await client.query("SELECT 1")) != nil }
            try await client.withConnection { _ in
                #expect(await failure { try await client.query("SELECT 1") }?.code == .poolExhausted)
            }
            try await client.query("SELECT 1")
        }
    }

    @Test func whoWaitsIsServedInOrder() async throws {
        try await withClient(maximum: 1) { client in
            let order = Collected<Int>()
            try await withThrowingTaskGroup(of: Void.self) { group in
                try await client.withConnection { _ in
                    for n in 0..<20 {
                        group.addTask {
                            try await client.withConnection { connection in
                                order.add(n)
                                try await connection.query("SELECT 1")
                            }
                        }
                        try await eventually("waiter \(n) is in line") { client.waiterCount == n + 1 }
                    }
                }
                try await group.waitForAll()
            }
            #expect(order.elements == Array(0..<20))
        }
    }

    @Test func manyCallersShareFewConnections() async throws {
        try await withClient(maximum: 3) { client in
            try await withThrowingTaskGroup(of: Int32.self) { group in
                for _ in 0..<300 {
                    group.addTask {
                        try await client.withConnection { connection in
                            try await connection.query("SELECT 1")
                            return connection.backendPID
                        }
                    }
                }
                var backends: Set<Int32> = []
                for try await backend in group { backends.insert(backend) }
                #expect(backends.count <= 3)
            }
            #expect(client.connectionCount <= 3)
        }
    }

    @Test func cancellingAWaiterFreesItsPlace() async throws {
        try await withClient(maximum: 1) { client in
            try await client.withConnection { _ in
                let task = Task { try await client.query("SELECT 1") }
                try await eventually("it is in line") { client.waiterCount == 1 }
                task.cancel()
                #expect(await failure { _ = try await task.value }?.code == .cancelled)
                #expect(client.waiterCount == 0)
            }
        }
    }

    @Test func aTransactionLeftOpenIsRolledBack() async throws {
        try await withClient(maximum: 1) { client in
            let backend = try await client.withConnection { connection in
                try await connection.script("BEGIN; CREATE TABLE left_open (a int)")
                return connection.backendPID
            }
            let rows = try await client.query("SELECT to_regclass('left_open') IS NULL, pg_backend_pid()")
            #expect(try rows[0].decode(0, as: Bool.self))
            #expect(try rows[0].decode(1, as: Int32.self) == backend)
        }
    }

    @Test func shuttingDownWaitsForWhoIsAtWork() async throws {
        let client = PostgresClient(try PostgresConfiguration(url: TestEnvironment.databaseURL()), logger: quiet)
        let (started, start) = AsyncStream.makeStream(of: Void.self)
        let worker = Task {
            defer { start.finish() }
            return try await client.withConnection { connection in
                start.yield()
                return try await connection.integer("SELECT 7 FROM pg_sleep(0.1)")
            }
        }
        for await _ in started { break }
        await client.shutdown()
        #expect(try await worker.value == 7)
        #expect(client.connectionCount == 0)
        #expect(await failure { try await client.query("SELECT 1") }?.code == .closed)
        await client.shutdown()
    }

    @Test func shuttingDownEndsWhatDoesNotEnd() async throws {
        let client = PostgresClient(try PostgresConfiguration(url: TestEnvironment.databaseURL()), logger: quiet)
        let (started, start) = AsyncStream.makeStream(of: Void.self)
        let worker = Task {
            defer { start.finish() }
            return try await client.withConnection { connection in
                start.yield()
                try await connection.query("SELECT pg_sleep(60)")
            }
        }
        for await _ in started { break }
        await client.shutdown(patience: .milliseconds(50))
        #expect(await failure { try await worker.value }?.code == .closed)
    }

    @Test func droppingTheClientClosesItsConnections() async throws {
        let backend: Int32
        do {
            let client = PostgresClient(try PostgresConfiguration(url: TestEnvironment.databaseURL()), logger: quiet)
            backend = try await client.query("SELECT pg_backend_pid()")[0].decode(0)
        }
        try await withConnection { c in
            try await eventually("the backend is gone") {
                try await c.integer("SELECT count(*) FROM pg_stat_activity WHERE pid = $1", [.int4(backend)]) == 0
            }
        }
    }
}
