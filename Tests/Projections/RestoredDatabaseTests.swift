import Ledger
import Money
import Postgres
import Projections
import TestSupport
import Testing

/// A ledger that is not the one that the tables were made from: only a rebuild goes on.
@Suite struct RestoredDatabaseTests {
    private static func grants(_ count: Int) throws -> [NewEvent] {
        let organization = OrganizationID.mint()
        return try (1...count).map {
            try NewEvent(
                CreditGranted(grant: .mint(), kind: .paid, amount: NanoDollars(Int64($0))), stream: .credit(organization),
                expectedVersion: nil, organization: organization)
        }
    }

    /// Makes the ledger what it was after `position`, as restoring a backup would; a superuser can.
    private static func restore(_ database: LedgerDatabase, to position: Int64) async throws {
        let connection = try await PostgresConnection.connect(database.configuration, logger: database.logger)
        try await connection.script(
            """
            ALTER TABLE ledger.events DISABLE TRIGGER ALL;
            DELETE FROM ledger.events WHERE position > \(position);
            ALTER TABLE ledger.events ENABLE ALWAYS TRIGGER events_immutable;
            ALTER TABLE ledger.events ENABLE ALWAYS TRIGGER events_not_truncated;
            ALTER TABLE ledger.events ENABLE ALWAYS TRIGGER events_appended_only;
            """)
        await connection.close()
    }

    @Test(arguments: [0, 30]) func `tables that are ahead of a restored ledger are refused until they are rebuilt`(
        _ since: Int
    ) async throws {
        try await LedgerDatabase.with { database in
            let definition = try witness()
            let origin = try await database.head()
            try await database.append(try Self.grants(20))
            let running = RunningProjector(definition, database)
            try await running.catchUp(database)
            try await Self.restore(database, to: origin + 10)
            // With 30 others since, the ledger is as long as before and longer, but another one.
            if since > 0 { running.signal.signal(try await database.append(try Self.grants(since))) }
            try await running.becomes("it refuses") { $0.haltedAt == nil && $0.reason?.contains("restored") == true }
            #expect(try await database.text("SELECT count(*)::text FROM witness.seen") == "20")
            #expect(try await ProjectionStatus.all(client: database.client).first?.state == .halted)

            let report = try await Rebuilder(
                definition: definition, configuration: database.configuration, logger: database.logger
            ).rebuild()
            #expect(report.comparison == nil)
            #expect(try await database.text("SELECT count(*)::text FROM witness.seen") == "\(10 + since)")
            try await running.becomes("it goes on") { $0 == .live }
            try await database.append(try Self.grants(5))
            try await running.catchUp(database)
            #expect(try await database.text("SELECT count(*)::text FROM witness.seen") == "\(15 + since)")
            await running.stop()
        }
    }
}
