import Postgres
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct TransactionTests {
    struct BodyFailed: Error {}

    @Test func theBodysEndDecides() async throws {
        try await withConnection { c in
            try await c.script("CREATE TEMP TABLE t (a int8)")
            let seven = try await c.withTransaction { c in
                try await c.query("INSERT INTO t VALUES (1)")
                return 7
            }
            #expect(seven == 7)
            await #expect(throws: BodyFailed.self) {
                try await c.withTransaction { c in
                    try await c.query("INSERT INTO t VALUES (2)")
                    throw BodyFailed()
                }
            }
            #expect(try await c.integer("SELECT sum(a)::int8 FROM t") == 1)
            let isolation = try await c.withTransaction("BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY") { c in
                try await c.query("SELECT current_setting('transaction_isolation')")[0].decode(0, as: String.self)
            }
            #expect(isolation == "serializable")
        }
    }

    @Test func aSwallowedErrorIsNoCommit() async throws {
        try await withConnection { c in
            let error = await failure {
                try await c.withTransaction { c in _ = try? await c.query("SELECT 1/0") }
            }
            #expect(error?.sqlState == "25P02")
            #expect(error?.outcomeUnknown == false)
            try await c.query("SELECT 1")
        }
    }

    @Test func aDeferredConstraintFailsTheCommit() async throws {
        try await withConnection { c in
            try await c.script("CREATE TEMP TABLE d (a int8 UNIQUE DEFERRABLE INITIALLY DEFERRED)")
            let error = await failure {
                try await c.withTransaction { c in
                    try await c.query("INSERT INTO d VALUES (1)")
                    try await c.query("INSERT INTO d VALUES (1)")
                }
            }
            #expect(error?.sqlState == "23505")
            #expect(error?.outcomeUnknown == false)
        }
    }

    @Test func cancellingTheTaskRollsBack() async throws {
        try await withConnection { c in
            try await c.script("CREATE TEMP TABLE t (a int8)")
            let task = Task {
                try await c.withTransaction { c in
                    try await c.query("INSERT INTO t VALUES (1)")
                    try await c.query("SELECT pg_sleep(60)")
                }
            }
            try await Task.sleep(for: .milliseconds(50))
            task.cancel()
            #expect(await failure { try await task.value }?.code == .cancelled)
            #expect(try await c.integer("SELECT count(*) FROM t") == 0)
        }
    }

    /// What a lost connection means: inside the transaction nothing took effect, for a statement of its own it is unknown.
    @Test func aLostConnectionIsUnknownOnlyWhenItMayHaveCommitted() async throws {
        func killer(_ c: PostgresConnection) async throws {
            try await withConnection { killer in
                let wait = "SELECT count(*) FROM pg_stat_activity WHERE pid = $1 AND wait_event = 'PgSleep'"
                try await eventually("it sleeps") { try await killer.integer(wait, [.int4(c.backendPID)]) == 1 }
                try await killer.query("SELECT pg_terminate_backend($1)", [.int4(c.backendPID)])
            }
        }
        try await withConnection { c in
            async let killing: Void = killer(c)
            let error = await failure { try await c.query("SELECT pg_sleep(60)") }
            try await killing
            #expect(error?.code == .connectionLost)
            #expect(error?.outcomeUnknown == true)
            #expect(error?.sqlState == "57P01")
            let later = await failure { try await c.query("SELECT 1") }
            #expect(later?.code == .connectionLost)
            #expect(later?.outcomeUnknown == false)
        }
        try await withConnection { c in
            async let killing: Void = killer(c)
            let error = await failure {
                try await c.withTransaction { c in
                    try await c.query("SELECT 1")
                    try await c.query("SELECT pg_sleep(60)")
                }
            }
            try await killing
            #expect(error?.code == .connectionLost)
            #expect(error?.outcomeUnknown == false)
        }
    }

    @Test func aCommitWhoseAnswerIsLostIsUnknown() async throws {
        try await withConnection { c in
            // The commit runs the deferred trigger, in which the connection dies.
            try await c.script(
                """
                CREATE TEMP TABLE t (a int8);
                CREATE FUNCTION pg_temp.die() RETURNS trigger LANGUAGE plpgsql AS
                    $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(1); RETURN NULL; END $$;
                CREATE CONSTRAINT TRIGGER die AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED
                    FOR EACH ROW EXECUTE FUNCTION pg_temp.die()
                """)
            let error = await failure {
                try await c.withTransaction { c in _ = try await c.query("INSERT INTO t VALUES (1)") }
            }
            #expect(error?.code == .connectionLost)
            #expect(error?.outcomeUnknown == true)
        }
    }

    @Test func aLostPipelineAndALostCopy() async throws {
        func terminate(_ c: PostgresConnection, _ isReady: @escaping @Sendable () -> Bool = { true }) async throws {
            try await eventually("it is ready to be killed") { isReady() }
            try await withConnection { killer in
                try await killer.query("SELECT pg_terminate_backend($1)", [.int4(c.backendPID)])
            }
        }
        try await withConnection { c in
            let error = await failure {
                _ = try await c.pipeline([
                    PostgresStatement("SELECT 1"),
                    PostgresStatement("SELECT pg_terminate_backend(pg_backend_pid()), pg_sleep(5)"),
                ])
            }
            #expect(error?.code == .connectionLost)
            #expect(error?.outcomeUnknown == true)
        }
        // The server can't commit a COPY whose end it has not been told.
        try await withConnection { c in
            try await c.script("CREATE TEMP TABLE t (a int8)")
            let calls = Collected<Int>()
            async let killing: Void = terminate(c) { calls.elements.count > 3 }
            let error = await failure {
                try await c.copyIn("COPY t FROM STDIN") {
                    calls.add(1)
                    try await Task.sleep(for: .milliseconds(1))
                    return [UInt8](repeating: UInt8(ascii: "1"), count: 9) + Array("\n".utf8)
                }
            }
            try await killing
            #expect(error?.code == .connectionLost)
            #expect(error?.outcomeUnknown == false)
        }
        try await withConnection { c in
            let calls = Collected<Int>()
            async let killing: Void = terminate(c) { calls.elements.count > 3 }
            let error = await failure {
                try await c.copyOut("COPY (SELECT generate_series(1, 1000000000)) TO STDOUT") { _ in calls.add(1) }
            }
            try await killing
            #expect(error?.code == .connectionLost)
        }
    }
}
