import Postgres
import Projections
import TestSupport
import Testing

/// What a projection's SQL may not say.
@Suite struct CheckerTests {
    private static func definition(
        tables: String = "CREATE TABLE t (a bigint PRIMARY KEY)", indexes: String = "CREATE INDEX i ON t (a)",
        apply: String = "INSERT INTO t (a) SELECT position FROM batch", verify: String = "SELECT a FROM t WHERE a < 0"
    ) throws -> ProjectionDefinition {
        try ProjectionDefinition(
            name: "checked", version: 1, events: ["credit.granted": 1], tables: tables, indexes: indexes, apply: apply,
            verify: verify)
    }

    @Test(arguments: [
        ("INSERT INTO t (a) SELECT extract(epoch FROM now())::bigint FROM batch", "now"),
        ("INSERT INTO t (a) SELECT extract(epoch FROM CURRENT_TIMESTAMP)::bigint FROM batch", "current_timestamp"),
        ("INSERT INTO t (a) SELECT position FROM batch WHERE occurred_at < 'now'", "'now'"),
        ("INSERT INTO t (a) SELECT position FROM batch WHERE occurred_at < E' Today '", "' Today '"),
        ("INSERT INTO t (a) SELECT extract(epoch FROM clock_timestamp())::bigint FROM batch", "clock_timestamp"),
        ("INSERT INTO t (a) SELECT (random() * 9)::bigint FROM batch", "random"),
        ("INSERT INTO t (a) SELECT nextval('s') FROM batch", "nextval"),
        ("INSERT INTO t (a) SELECT hashtext(gen_random_uuid()::text) FROM batch", "gen_random_uuid"),
        ("INSERT INTO t (a) SELECT position FROM ledger.events", "ledger"),
        ("INSERT INTO t (a) SELECT b.position FROM batch AS b, ledger.events", "ledger"),
        ("INSERT INTO other.t (a) SELECT position FROM batch", "other"),
        ("INSERT INTO t (a) SELECT o.balance FROM balances.organizations AS o", "balances"),
        ("UPDATE projections.checkpoints SET position = 0", "projections"),
        ("INSERT INTO t (a) SELECT length(pg_catalog.current_setting('x')) FROM batch", "current_setting"),
        ("INSERT INTO t (a) SELECT length(current_setting('x')) FROM batch", "current_setting"),
        ("INSERT INTO t (a) SELECT length(set_config('search_path', 'x', false)) FROM batch", "set_config"),
        ("INSERT INTO t (a) SELECT pg_backend_pid()", "pg_backend_pid"),
        ("INSERT INTO t (a) SELECT length(\"pg_read_file\"('/etc/passwd')) FROM batch", "pg_read_file"),
        ("WITH x AS (SELECT pg_notify('a', 'b')) INSERT INTO t (a) SELECT 1 FROM x", "pg_notify"),
        ("INSERT INTO t (a) SELECT (data ->> 'amount')::double precision FROM batch", "double"),
        ("INSERT INTO t (a) SELECT position FROM batch TABLESAMPLE SYSTEM (10)", "tablesample"),
        ("WITH x AS (SELECT 1 AS a) SELECT a INTO u FROM x", "into"),
        ("COMMIT", "commit"), ("SET search_path = public", "set search_path"), ("DO $$ BEGIN END $$", "do"),
        ("CREATE TEMP TABLE u (a bigint)", "create temp"), ("TRUNCATE t", "truncate t"), ("DROP TABLE t", "drop table"),
        ("COPY t FROM PROGRAM 'id'", "copy t"), ("LOCK TABLE t", "lock table"), ("CALL p()", "call p"),
        ("INSERT INTO t (a) SELECT position FROM batch; ROLLBACK", "rollback"),
        ("SELECT a FROM t", "select a"),
    ]) func `apply refuses`(_ sql: String, _ word: String) throws {
        let words = try Self.definition(apply: sql).check().map(\.word)
        #expect(words.contains { $0.contains(word.lowercased()) || $0 == word || word.hasPrefix($0) })
    }

    @Test(arguments: [
        "CREATE TABLE t (a bigserial PRIMARY KEY)", "CREATE TABLE t (a bigint GENERATED ALWAYS AS IDENTITY)",
        "CREATE TABLE t (a timestamptz DEFAULT now())", "CREATE TABLE t (a uuid DEFAULT gen_random_uuid())",
        "CREATE UNLOGGED TABLE t (a bigint)", "CREATE TEMPORARY TABLE t (a bigint)", "CREATE SEQUENCE s",
        "CREATE TABLE public.t (a bigint)", "CREATE TABLE t (a bigint REFERENCES balances.keys)", "CREATE TABLE t (a real)",
        "CREATE FUNCTION f() RETURNS bigint LANGUAGE sql AS 'SELECT 1'", "CREATE EXTENSION dblink",
        "CREATE MATERIALIZED VIEW v AS SELECT 1", "CREATE VIEW v AS SELECT position FROM ledger.events",
        "CREATE TRIGGER x AFTER INSERT ON t EXECUTE FUNCTION f()", "GRANT SELECT ON t TO public",
        "CREATE INDEX CONCURRENTLY i ON t (a)", "CREATE INDEX i ON public.t (a)",
    ]) func `tables refuses`(_ sql: String) throws {
        #expect(try !Self.definition(tables: sql).check().isEmpty)
    }

    @Test(arguments: ["CREATE INDEX CONCURRENTLY i ON t (a)", "CREATE TABLE u (a bigint)", "CREATE INDEX i ON public.t (a)"])
    func `indexes refuses`(_ sql: String) throws {
        #expect(try !Self.definition(indexes: sql).check().isEmpty)
    }

    @Test(arguments: ["DELETE FROM t", "SELECT a FROM ledger.events", "EXPLAIN SELECT 1"]) func `verify refuses`(_ sql: String)
        throws
    {
        #expect(try !Self.definition(verify: sql).check().isEmpty)
    }

    @Test func `what is refused is named with its file and line`() throws {
        let refused = try Self.definition(
            apply: "-- now() in a comment, /* random() */\nINSERT INTO t (a)\nSELECT extract(epoch FROM now())::bigint FROM batch"
        ).check()
        #expect(refused.map(\.description) == ["apply.sql:3: now: it reads the clock"])
    }

    @Test(arguments: [
        "INSERT INTO t (a) SELECT b.position FROM batch AS b JOIN t AS u ON u.a = b.position WHERE b.type = 'x.now()'",
        "INSERT INTO t (a) SELECT extract(hour FROM b.occurred_at)::bigint FROM batch b WHERE b.type IS DISTINCT FROM b.stream_kind",
        "INSERT INTO t (a) SELECT position FROM batch -- now()\n/* random() /* nested */ nextval('s') */",
        #"INSERT INTO t ("now") SELECT position AS "current_date" FROM batch"#,
        "INSERT INTO t (a) SELECT position FROM batch WHERE data ->> 'reason' = $tag$ ledger.events; COMMIT $tag$",
        "INSERT INTO t AS o (a) SELECT 1 FROM batch ON CONFLICT (a) DO UPDATE SET a = excluded.a WHERE o.a <> excluded.a",
        "WITH x AS (DELETE FROM t RETURNING a) INSERT INTO t (a) SELECT a + 1 FROM x",
        "MERGE INTO t USING batch AS b ON t.a = b.position WHEN NOT MATCHED THEN INSERT (a) VALUES (b.position)",
    ]) func `apply allows`(_ sql: String) throws {
        #expect(try Self.definition(apply: sql).check() == [])
    }

    @Test func `the projections of the repository may run`() throws {
        let catalogue = try ProjectionCatalogue.load(folders: ["\(TestEnvironment.root)/projections"])
        #expect(
            catalogue.definitions.map(\.name) == [
                "admission", "balance_history", "balances", "grants", "journal", "keys", "organizations", "payments",
                "provider_keys",
                "requests",
                "transactions", "usage",
            ])
        #expect(catalogue["usage"]?.types.contains("request.completed") == true)
    }

    @Test func `another projection's tables may not be read`() throws {
        let reader = try Self.definition(apply: "INSERT INTO t (a) SELECT x FROM batch, witness.seen")
        #expect(reader.check() == [])
        let error = #expect(throws: ProjectionError.self) { try ProjectionCatalogue([reader, try witness()]) }
        #expect(error?.code == .refusedSQL)
    }

    @Test func `a table may be called as another projection is, and that is no way into it`() throws {
        let tables = "CREATE TABLE witness (a bigint); COMMENT ON COLUMN witness.a IS 'x';"
        func namesake(_ apply: String) throws -> ProjectionDefinition {
            try ProjectionDefinition(
                name: "namesake", version: 1, events: ["credit.granted": 1], tables: tables, indexes: "", apply: apply,
                verify: "SELECT a FROM witness WHERE witness.a < 0")
        }
        let sound = try namesake("UPDATE witness SET a = 1 FROM batch WHERE witness.a = batch.position")
        #expect(throws: Never.self) { try ProjectionCatalogue([sound, try witness()]) }
        let peeking = try namesake("INSERT INTO witness (a) SELECT position FROM witness.seen")
        #expect(throws: ProjectionError.self) { try ProjectionCatalogue([peeking, try witness()]) }
    }

    @Test func `the database refuses the functions that its catalogue says answer differently each time`() async throws {
        try await LedgerDatabase.with { database in
            // No list of words has it.
            let sleepy = try Self.definition(
                apply: "INSERT INTO t (a) SELECT position FROM batch WHERE length(ts_stat('SELECT 1')::text) > 0")
            #expect(sleepy.check() == [])
            let error = await #expect(throws: ProjectionError.self) {
                try await ProjectionCatalogue([sleepy]).install(configuration: database.configuration, logger: database.logger)
            }
            #expect(error?.code == .refusedSQL)
            #expect(error?.message.contains("ts_stat") == true)
            #expect(try await ProjectionStatus.all(client: database.client) == [])
        }
    }

    /// The planner computes what is constant.
    @Test func `what fails without any event is told with its message and its file`() async throws {
        try await LedgerDatabase.with { database in
            let dividing = try Self.definition(apply: "INSERT INTO t (a) SELECT 1 / 0 FROM batch")
            let error = await #expect(throws: ProjectionError.self) {
                try await ProjectionCatalogue([dividing]).install(configuration: database.configuration, logger: database.logger)
            }
            #expect(error?.message.hasSuffix("apply.sql can't be planned: division by zero [22012]") == true)
        }
    }

    @Test func `the database refuses a relation of another schema, however it is named`() async throws {
        try await LedgerDatabase.with { database in
            let peeking = try Self.definition(apply: "INSERT INTO t (a) SELECT 1 FROM batch, elsewhere.notes")
            _ = try await database.client.query("CREATE SCHEMA elsewhere")
            _ = try await database.client.query("CREATE TABLE elsewhere.notes (a bigint)")
            _ = try await database.client.query("GRANT USAGE ON SCHEMA elsewhere TO llmgateway_projector")
            _ = try await database.client.query("GRANT SELECT ON elsewhere.notes TO llmgateway_projector")
            #expect(peeking.check() == [])
            let error = await #expect(throws: ProjectionError.self) {
                try await ProjectionCatalogue([peeking]).install(configuration: database.configuration, logger: database.logger)
            }
            #expect(error?.message.contains("elsewhere") == true)
        }
    }
}
