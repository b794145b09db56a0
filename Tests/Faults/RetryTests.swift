import Ledger
import Money
import Postgres
import TestSupport
import Testing

/// T22: what Postgres ends by itself has a type, says that nothing was written, and is tried again where that helps.
@Suite(.timeLimit(.minutes(5))) struct RetryTests {
    @Test func `a deadlock is a typed error, and nothing was written`() async throws {
        try await LedgerDatabase.with { database in
            _ = try await database.client.query("CREATE TABLE locks (id int PRIMARY KEY, value int NOT NULL)")
            _ = try await database.client.query("INSERT INTO locks VALUES (1, 0), (2, 0)")
            let one = try await PostgresConnection.connect(database.configuration, logger: database.logger)
            let other = try await PostgresConnection.connect(database.configuration, logger: database.logger)
            for (connection, id) in [(one, 1), (other, 2)] {
                try await connection.script("BEGIN; UPDATE locks SET value = value + 1 WHERE id = \(id)")
            }
            async let first = Self.failure { try await one.script("UPDATE locks SET value = value + 1 WHERE id = 2; COMMIT") }
            async let second = Self.failure { try await other.script("UPDATE locks SET value = value + 1 WHERE id = 1; COMMIT") }
            let failures = await [first, second].compactMap { $0 }
            #expect(failures.map(\.sqlState) == ["40P01"])
            #expect(failures.first?.outcomeUnknown == false)
            await one.close()
            await other.close()
            #expect(try await database.text("SELECT string_agg(value::text, ',') FROM locks") == "1,1")
        }
    }

    @Test func `a serialization failure is a typed error`() async throws {
        try await LedgerDatabase.with { database in
            _ = try await database.client.query("CREATE TABLE counter (value int NOT NULL)")
            _ = try await database.client.query("INSERT INTO counter VALUES (0)")
            let connection = try await PostgresConnection.connect(database.configuration, logger: database.logger)
            try await connection.script("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT value FROM counter")
            _ = try await database.client.query("UPDATE counter SET value = 1")
            let failure = await Self.failure { try await connection.script("UPDATE counter SET value = 2") }
            #expect(failure?.sqlState == "40001" && failure?.outcomeUnknown == false)
            await connection.close()
        }
    }

    /// The appender's own call fails so three times; its caller does not hear of it, and the event is there once.
    @Test(arguments: ["deadlock_detected", "serialization_failure", "disk_full", "io_error"])
    func `an append that Postgres ended is tried again`(condition: String) async throws {
        try await LedgerDatabase.with { database in
            let connection = try await PostgresConnection.connect(database.configuration, logger: database.logger)
            // A sequence is not undone with the transaction, so it counts the attempts.
            try await connection.script(
                """
                CREATE SEQUENCE ledger.attempts;
                CREATE FUNCTION ledger.fail() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
                    IF nextval('ledger.attempts') <= 3 THEN RAISE EXCEPTION 'not now' USING ERRCODE = '\(condition)'; END IF;
                    RETURN NEW;
                END $$;
                CREATE TRIGGER fail BEFORE INSERT ON ledger.events FOR EACH ROW EXECUTE FUNCTION ledger.fail();
                """)
            await connection.close()
            let event = try NewEvent(
                CreditGranted(grant: .mint(), kind: .paid, amount: NanoDollars(5)), stream: .credit(.mint()),
                expectedVersion: nil, organization: nil)
            let result = try await withFaultAppender(database) { appender in
                try await appender.append(Command(event), deadline: .seconds(60))
            }
            #expect(result == .appended(first: 3, last: 3))
            #expect(try await database.text("SELECT last_value::text FROM ledger.attempts") == "4")
            #expect(try await database.head() == 3)
        }
    }

    private static func failure(_ body: () async throws -> Void) async -> PostgresError? {
        do { try await body() } catch { return error as? PostgresError }
        return nil
    }
}
