import Postgres
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct DeadlineTests {
    @Test func aDeadlineCancelsTheStatementAndKeepsTheConnection() async throws {
        try await withConnection { c in
            let error = await failure { try await c.query("SELECT pg_sleep(60)", deadline: .milliseconds(50)) }
            #expect(error?.code == .deadlineExceeded)
            #expect(error?.outcomeUnknown == false)
            #expect(c.isOpen)
            let script = await failure { try await c.script("SELECT pg_sleep(60)", deadline: .milliseconds(50)) }
            #expect(script?.code == .deadlineExceeded)
            let pipeline = await failure {
                _ = try await c.pipeline(
                    [PostgresStatement("SELECT 1"), PostgresStatement("SELECT pg_sleep(60)"), PostgresStatement("SELECT 2")],
                    deadline: .milliseconds(50))
            }
            #expect(pipeline?.code == .deadlineExceeded)
            try await c.query("SELECT 1")
        }
    }

    @Test func aStatementWhoseTurnDoesNotComeIsNeverSent() async throws {
        try await withConnection { c in
            try await c.script("CREATE TEMP TABLE q (a int)")
            try await withConnection { gate in
                // The first statement runs until the gate opens.
                let key = PostgresValue.int8(.random(in: .min ... .max))
                try await gate.query("SELECT pg_advisory_lock($1)", [key])
                async let slow = c.query("SELECT pg_advisory_xact_lock($1)", [key])
                let waiting = "SELECT count(*) FROM pg_stat_activity WHERE pid = $1 AND wait_event = 'advisory'"
                try await eventually("the lock is waited for") { try await gate.integer(waiting, [.int4(c.backendPID)]) == 1 }
                let error = await failure { try await c.query("INSERT INTO q VALUES (1)", deadline: .milliseconds(20)) }
                #expect(error?.code == .deadlineExceeded)
                #expect(error?.outcomeUnknown == false)
                try await gate.query("SELECT pg_advisory_unlock($1)", [key])
                _ = try await slow
            }
            #expect(try await c.integer("SELECT count(*) FROM q") == 0)
        }
    }

    @Test func cancellingTheTaskCancelsTheStatement() async throws {
        try await withConnection { c in
            let task = Task { try await c.query("SELECT pg_sleep(60)") }
            let queued = Task { try await c.query("SELECT pg_sleep(61)") }
            try await Task.sleep(for: .milliseconds(50))
            queued.cancel()
            #expect(await failure { _ = try await queued.value }?.code == .cancelled)
            task.cancel()
            let error = await failure { _ = try await task.value }
            #expect(error?.code == .cancelled)
            #expect(error?.outcomeUnknown == false)
            let early = Task { [c] in
                while !Task.isCancelled { await Task.yield() }
                try await c.query("SELECT 1")
            }
            early.cancel()
            #expect(await failure { try await early.value }?.code == .cancelled)
            try await c.query("SELECT 1")
        }
    }

    /// A cancel request that comes late must not hit the next statement.
    /// As when the request to cancel comes before the server's process has taken up the statement.
    @Test func aCancellationThatIsOverlookedIsAskedForAgain() async throws {
        try await withConnection { c in
            let deaf = """
                DO $$ BEGIN
                    BEGIN PERFORM pg_sleep(60); EXCEPTION WHEN query_canceled THEN NULL; END;
                    PERFORM pg_sleep(60);
                END $$
                """
            let error = await failure { try await c.query(deaf, deadline: .milliseconds(100)) }
            #expect(error?.code == .deadlineExceeded)
            try await c.query("SELECT 7")
        }
    }

    @Test func cancellationHitsNobodyElse() async throws {
        var random = SeededGenerator(seed: TestEnvironment.seed("cancellation of Postgres statements"))
        try await withConnection { c in
            for round in 0..<100 {
                let task = Task { try await c.query("SELECT pg_sleep(0.001)") }
                let next = Task { try await c.integer("SELECT \(round % 5)::int8 FROM pg_sleep(0.0005)") }
                try await Task.sleep(for: .microseconds(Int.random(in: 0...2500, using: &random)))
                task.cancel()
                _ = await task.result
                #expect(try await next.value == round % 5)
            }
        }
    }

    @Test func aFrozenServerIsLeftAfterTheDeadline() async throws {
        try await PostgresServer.with { server in
            let configuration = try PostgresConfiguration(url: server.url)
            let c = try await PostgresConnection.connect(configuration, logger: quiet)
            try await c.query("SELECT 1")
            server.freeze()
            let error = await failure { try await c.query("SELECT 1", deadline: .milliseconds(50)) }
            #expect(error?.code == .deadlineExceeded)
            #expect(error?.outcomeUnknown == true)
            #expect(!c.isOpen)
            let connecting = await failure {
                _ = try await PostgresConnection.connect(configuration, logger: quiet, deadline: .milliseconds(50))
            }
            #expect(connecting?.code == .deadlineExceeded)
            let cancelled = Task { _ = try await PostgresConnection.connect(configuration, logger: quiet) }
            try await Task.sleep(for: .milliseconds(20))
            cancelled.cancel()
            #expect(await failure { try await cancelled.value }?.code == .cancelled)
            server.thaw()
        }
    }

    @Test func nobodyListens() async throws {
        let nowhere = try PostgresConfiguration(url: "postgres://user:hunter2@127.0.0.1:1/x")
        let error = await failure { _ = try await PostgresConnection.connect(nowhere, logger: quiet) }
        #expect(error?.code == .connectionFailed)
        #expect(error.map { "\($0)".contains("hunter2") } == false)
        let missing = await failure {
            var configuration = try PostgresConfiguration(url: TestEnvironment.databaseURL())
            configuration.database = "no such database"
            _ = try await PostgresConnection.connect(configuration, logger: quiet)
        }
        #expect(missing?.code == .connectionFailed && missing?.sqlState == "3D000" && missing?.isRefusal == true)
        #expect(missing?.message.hasSuffix(#"failed: FATAL: database "no such database" does not exist"#) == true)
        let unknown = await failure {
            var configuration = try PostgresConfiguration(url: TestEnvironment.databaseURL())
            configuration.user = "nobody of that name"
            _ = try await PostgresClient(configuration, logger: quiet).use { try await $0.query("SELECT 1") }
        }
        #expect(unknown?.isRefusal == true && error?.isRefusal == false)
    }
}
