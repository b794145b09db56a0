import Logging
import Postgres
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct StatementTests {
    @Test func errorsCarryWhatTheServerSays() async throws {
        try await withConnection { c in
            try await c.script("CREATE TEMP TABLE things (id int8 CONSTRAINT things_key PRIMARY KEY, n int4 NOT NULL)")
            #expect(try await c.query("INSERT INTO things VALUES ($1, 1), ($2, 2)", [.int8(1), .int8(2)]).affected == 2)
            let duplicate = await failure { try await c.query("INSERT INTO things VALUES ($1, 1)", [.int8(1)]) }
            #expect(duplicate?.code == .server)
            #expect(duplicate?.sqlState == "23505")
            #expect(duplicate?.constraint == "things_key")
            #expect(duplicate?.table == "things")
            #expect(duplicate?.outcomeUnknown == false)
            #expect(await failure { try await c.query("SELEC 1") }?.sqlState == "42601")
            #expect(await failure { try await c.query("SELECT * FROM no_such_table") }?.sqlState == "42P01")
            let bad = await failure { try await c.query("SELECT $1::text::int8", [.text("hunter2")]) }
            #expect(bad?.sqlState == "22P02")
            #expect(bad.map { "\($0) \(String(reflecting: $0))".contains("hunter2") } == false)
            #expect(try await c.integer("SELECT count(*) FROM things") == 2)
        }
    }

    @Test func aStatementIsPreparedOnceForEachListOfTypes() async throws {
        try await withConnection { c in
            let sql = "SELECT coalesce($1, 'none')"
            for value in [PostgresValue.text("a"), .null, .text("b"), .null] { try await c.query(sql, [value]) }
            let names = try await c.query("SELECT count(*) FROM pg_prepared_statements WHERE statement = $1", [.text(sql)])
            #expect(try names[0].decode(0, as: Int.self) == 1)
            // A NULL came first: the type is the server's choice, and a typed parameter is a statement of its own.
            #expect(try await c.query("SELECT $1 + 1 IS NULL", [.null])[0].decode(0, as: Bool.self))
            #expect(try await c.query("SELECT $1 + 1 IS NULL", [.int8(1)])[0].decode(0, as: Bool.self) == false)
        }
    }

    @Test func theLeastRecentlyUsedStatementsAreDropped() async throws {
        try await withConnection({ $0.preparedStatementLimit = 10 }) { c in
            for n in 0..<200 {
                #expect(try await c.integer("SELECT \(n)") == n)
                #expect(try await c.query("SELECT 'often'")[0].decode(0, as: String.self) == "often")
            }
            let count = try await c.integer("SELECT count(*) FROM pg_prepared_statements")
            #expect(count <= 10 + 16)
            let often = try await c.query("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%often%'")
            #expect(try often[0].decode(0, as: Int.self) == 2)
        }
    }

    @Test func aStalePlanIsPreparedAgain() async throws {
        try await withConnection { c in
            try await c.script("CREATE TEMP TABLE stale (a int8); INSERT INTO stale VALUES (1)")
            #expect(try await c.query("SELECT * FROM stale").columns == ["a"])
            try await c.script("ALTER TABLE stale ADD COLUMN b text DEFAULT 'x'")
            #expect(try await c.query("SELECT * FROM stale").columns == ["a", "b"])
            try await c.script("DEALLOCATE ALL")
            #expect(try await c.query("SELECT * FROM stale").columns == ["a", "b"])
            // Inside a transaction the failure shows, because repeating can't help any more; afterwards all is well.
            try await c.script("DEALLOCATE ALL; BEGIN")
            #expect(await failure { try await c.query("SELECT * FROM stale") }?.sqlState == "26000")
            try await c.script("ROLLBACK")
            #expect(try await c.query("SELECT * FROM stale").count == 1)
        }
    }

    @Test func manyCallersShareAConnection() async throws {
        try await withConnection { c in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for n in 0..<200 {
                    group.addTask {
                        let answer = try await c.integer("SELECT $1::int8", [.int8(Int64(n))])
                        #expect(answer == n)
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test func aScriptRunsAsOneAndStopsAtTheFirstError() async throws {
        try await withConnection { c in
            try await c.script("CREATE TEMP TABLE s (a int8)")
            #expect(
                await failure { try await c.script("INSERT INTO s VALUES (1); SELECT 1/0; INSERT INTO s VALUES (2)") }?.sqlState
                    == "22012")
            #expect(try await c.integer("SELECT count(*) FROM s") == 0)
            try await c.script("")
            #expect(try await c.query("").isEmpty)
        }
    }

    @Test func answersLargerThanEveryBuffer() async throws {
        try await withConnection { c in
            let blob = [UInt8](repeating: 0xAB, count: 20 << 20)
            let rows = try await c.query("SELECT $1::bytea, g FROM generate_series(1, 2) g", [.bytea(blob)])
            #expect(try rows[1].decode(0, as: [UInt8].self) == blob)
            #expect(try await c.query("SELECT g FROM generate_series(1, 200000) g").last?.decode(0, as: Int.self) == 200_000)
        }
    }

    @Test func aDeferredConstraintFailsTheStatement() async throws {
        try await withConnection { c in
            try await c.script("CREATE TEMP TABLE d (a int8 UNIQUE DEFERRABLE INITIALLY DEFERRED); INSERT INTO d VALUES (1)")
            for _ in 0..<3 {
                // The server says INSERT 0 1 first, and fails at the commit.
                #expect(await failure { try await c.query("INSERT INTO d VALUES ($1)", [.int8(1)]) }?.sqlState == "23505")
            }
            #expect(
                await failure { _ = try await c.pipeline([PostgresStatement("INSERT INTO d VALUES ($1)", [.int8(1)])]) }?.sqlState
                    == "23505")
            #expect(try await c.integer("SELECT count(*) FROM d") == 1)
        }
    }

    @Test func aPipelineGivesOneResultForEachStatement() async throws {
        try await withConnection { c in
            try await c.script("CREATE TEMP TABLE p (a int8 PRIMARY KEY)")
            #expect(try await c.pipeline([]).isEmpty)
            let insert = "INSERT INTO p VALUES ($1)"
            let good = try await c.pipeline((0..<100).map { PostgresStatement(insert, [.int8($0)]) })
            #expect(try good.allSatisfy { try $0.get().affected == 1 })
            let mixed = try await c.pipeline([
                PostgresStatement(insert, [.int8(100)]), PostgresStatement(insert, [.int8(5)]),
                PostgresStatement(insert, [.int8(101)]), PostgresStatement("SELECT never_prepared FROM p"),
            ])
            #expect(try mixed[0].get().affected == 1)
            #expect(throws: PostgresError.self) { try mixed[1].get() }
            for (index, state) in [(1, "23505"), (2, "25P02"), (3, "25P02")] {
                guard case .failure(let error) = mixed[index] else { Issue.record("no failure"); continue }
                #expect(error.sqlState == state)
            }
            // Without a transaction the pipeline is one: the first insert went with the second.
            #expect(try await c.integer("SELECT count(*) FROM p") == 100)
            let unprepared = try await c.pipeline([PostgresStatement("SELECT wrong"), PostgresStatement("SELECT 1")])
            guard case .failure(let error) = unprepared[0] else { throw PipelineSucceeded() }
            #expect(error.sqlState == "42703")
            #expect(
                await failure { _ = try await c.pipeline([PostgresStatement(insert, [.text("\0")])]) }?.code == .invalidParameter)
            // Much more than the sockets hold, both ways.
            let blob = PostgresValue.bytea([UInt8](repeating: 1, count: 300_000))
            let echoes = try await c.pipeline((0..<50).map { _ in PostgresStatement("SELECT $1::bytea", [blob]) })
            #expect(try echoes.allSatisfy { try $0.get()[0].withBytes(0) { $0?.count } == 300_000 })
        }
    }

    struct PipelineSucceeded: Error {}

    @Test func aCopyThatIsSentAsAQueryEndsTheConnection() async throws {
        for sql in ["COPY (SELECT 1) TO STDOUT", "COPY pg_class FROM STDIN"] {
            try await withConnection { c in
                #expect(await failure { try await c.query(sql) }?.code == .protocolViolation)
                #expect(!c.isOpen)
                #expect(await failure { try await c.query("SELECT 1") }?.code == .protocolViolation)
            }
        }
    }

    @Test func noticesGoToTheLogAtDebug() async throws {
        let log = RecordingLog()
        var logger = Logger(label: "test", factory: { _ in log })
        logger.logLevel = .debug
        let connection = try await PostgresConnection.connect(
            PostgresConfiguration(url: TestEnvironment.databaseURL()), logger: logger)
        try await connection.script("DO $$ BEGIN RAISE WARNING 'look here'; END $$")
        #expect(log.lines.contains { $0.contains("debug") && $0.contains("look here") })
        await connection.close()
        #expect(await failure { try await connection.query("SELECT 1") }?.code == .closed)
    }

    @Test func aFailedTransactionTakesItsEndThroughQuery() async throws {
        try await withConnection { c in
            try await c.query("BEGIN")
            #expect(await failure { try await c.query("SELECT 1/0") }?.sqlState == "22012")
            #expect(await failure { try await c.query("SELECT 'first time'") }?.sqlState == "25P02")
            try await c.query("ROLLBACK")
            #expect(try await c.query("SELECT 'first time'").count == 1)
        }
    }
}
