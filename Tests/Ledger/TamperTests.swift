import Foundation
import Postgres
import TestSupport
import Testing

@testable import Ledger

/// T17: whoever owns the machine touches the past.
@Suite struct TamperTests {
    /// A ledger of 60 events, its last event at 62, and what the verifier says after a change.
    private static func fault(
        _ change: String, _ expect: (VerifyReport) throws -> Void
    ) async throws {
        try await withLedgerDatabase { database in
            try await fill(database)
            try await database.tamper(change)
            try expect(try await Verifier(configuration: database.service, seals: nil, logger: quietLogger).run())
        }
    }

    private static func fill(_ database: LedgerDatabase) async throws {
        let cast = Cast()
        try await withAppender(database.service) { appender in
            for _ in 0..<15 {
                let request = RequestID.mint()
                let events = try [cast.authorization(of: request), cast.completion(of: request), cast.grant(), cast.grant()]
                _ = try await appender.append(Command(events))
            }
        }
    }

    private static let columns: [(String, String)] = [
        ("id", "translate(id::text, '0123456789abcdef', '1032547698badcfe')::uuid"),
        ("stream_kind", "'project'"),
        ("stream_id", "translate(stream_id::text, '0123456789abcdef', '1032547698badcfe')::uuid"),
        ("stream_version", "stream_version + 1000000"),
        ("type", "'credit.grantee'"),
        ("schema_version", "schema_version + 1"),
        ("organization", "NULL"),
        ("data", "jsonb_set(data, '{amount}', '1000000001')"),
        ("metadata", "'{\"a\": 1}'"),
        ("occurred_at", "occurred_at + interval '1 microsecond'"),
        ("recorded_at", "recorded_at - interval '1 microsecond'"),
        ("hash", "set_bit(hash, 77, 1 - get_bit(hash, 77))"),
    ]

    @Test(arguments: columns.indices)
    func aChangeInAnyColumnIsFoundWhereItIs(index: Int) async throws {
        let (column, value) = Self.columns[index]
        // Position 37 is a `credit.granted`.
        try await Self.fault("UPDATE ledger.events SET \(column) = \(value) WHERE position = 37") { report in
            #expect(report.fault?.position == 37, "\(column): \(report.summary)")
            #expect(report.fault?.reason == .hashMismatch, "\(column)")
        }
    }

    @Test func aDeletedEventIsMissing() async throws {
        try await Self.fault("DELETE FROM ledger.events WHERE position = 23") { report in
            #expect(report.fault == LedgerFault(position: 23, reason: .missing))
        }
    }

    @Test func theFirstOfSeveralChangesIsNamed() async throws {
        try await Self.fault(
            "UPDATE ledger.events SET metadata = '{\"a\": 1}' WHERE position IN (50, 31); DELETE FROM ledger.events WHERE position = 40"
        ) { report in
            #expect(report.fault == LedgerFault(position: 31, reason: .hashMismatch))
        }
    }

    @Test func anInsertedEventIsFound() async throws {
        let columns =
            "id, stream_kind, stream_id, stream_version, type, schema_version, organization, data, metadata, occurred_at"
        try await Self.fault(
            """
            UPDATE ledger.events SET position = -position WHERE position >= 30;
            UPDATE ledger.events SET position = 1 - position WHERE position < 0;
            INSERT INTO ledger.events (position, \(columns), recorded_at, hash)
            SELECT 30, gen_random_uuid(), 'credit', gen_random_uuid(), 1, type, schema_version, organization, data, metadata,
                occurred_at, recorded_at, hash FROM ledger.events WHERE position = 29
            """
        ) { report in
            #expect(report.fault?.position == 30)
        }
    }

    @Test func anEventBehindTheTailIsFound() async throws {
        try await Self.fault(
            """
            INSERT INTO ledger.events SELECT position + 1, gen_random_uuid(), 'credit', gen_random_uuid(), 1, type,
                schema_version, organization, data, metadata, occurred_at, recorded_at + interval '1 s', sha256(hash)
            FROM ledger.events ORDER BY position DESC LIMIT 1
            """
        ) { report in
            #expect(report.fault == LedgerFault(position: 63, reason: .hashMismatch))
        }
    }

    @Test func twoEventsThatChangedPlacesAreFound() async throws {
        try await Self.fault(
            """
            UPDATE ledger.events SET position = -position WHERE position IN (20, 45);
            UPDATE ledger.events SET position = CASE position WHEN -20 THEN 45 ELSE 20 END WHERE position < 0
            """
        ) { report in
            #expect(report.fault == LedgerFault(position: 20, reason: .hashMismatch))
        }
    }

    @Test func aBeginningThatIsNotOneIsFound() async throws {
        try await Self.fault("DELETE FROM ledger.events WHERE position = 1") { report in
            #expect(report.fault == LedgerFault(position: 1, reason: .missing))
        }
        try await Self.fault("UPDATE ledger.events SET stream_id = gen_random_uuid() WHERE position = 1") { report in
            #expect(report.fault?.position == 1)
        }
        try await Self.fault("UPDATE ledger.events SET position = 0 WHERE position = 2") { report in
            #expect(report.fault == LedgerFault(position: 0, reason: .malformed))
        }
    }

    /// Hashes that are right do not make versions or times right.
    @Test func aChainOfRightHashesOverWrongVersionsOrTimesIsFound() async throws {
        try await Self.fault(
            "UPDATE ledger.events SET stream_version = stream_version + 100 WHERE position = 61; \(Self.rehash(from: 61))"
        ) { report in
            guard case .versionGap = report.fault?.reason else {
                Issue.record("\(report.summary)")
                return
            }
            #expect(report.fault?.position == 61)
        }
        try await Self.fault(
            """
            UPDATE ledger.events SET recorded_at = (SELECT recorded_at FROM ledger.events WHERE position = 39) WHERE position = 40;
            \(Self.rehash(from: 40))
            """
        ) { report in
            #expect(report.fault == LedgerFault(position: 40, reason: .recordedOutOfOrder))
        }
    }

    /// Writes the chain again from a position, as an owner of the machine can.
    static func rehash(from position: Int64) -> String {
        """
        DO $rehash$
        DECLARE
            e ledger.events;
            chain bytea := (SELECT hash FROM ledger.events WHERE position = \(position - 1));
        BEGIN
            FOR e IN SELECT * FROM ledger.events WHERE position >= \(position) ORDER BY position LOOP
                chain := sha256(chain || sha256(record_send(ROW(e.position, e.id, e.stream_kind, e.stream_id, e.stream_version,
                    e.type, e.schema_version, e.organization, e.data, e.metadata, e.occurred_at, e.recorded_at))));
                UPDATE ledger.events SET hash = chain WHERE position = e.position;
            END LOOP;
        END
        $rehash$
        """
    }

    @Test func whatNobodyTouchedIsWhole() async throws {
        try await Self.fault("SELECT") { report in
            #expect(report.fault == nil)
            #expect(report.head == 62 && report.sealedTo == 0 && report.unsealedTail == 62)
            #expect(report.summary == "62 events verified, sealed to 0, unsealed tail 62")
        }
    }

    /// Versions are followed across the units in which the ledger is read.
    @Test func aStreamThatBeganLongAgoIsFollowed() async throws {
        try await withLedgerDatabase { database in
            try await Self.fill(database)
            let connection = try await PostgresConnection.connect(database.service, logger: quietLogger)
            for (from, to) in [(Int64(1), Int64(29)), (30, 50), (51, 62)] {
                let unit = VerifyPlan.Unit(pieces: [.init(from: from, to: to, seal: nil)])
                let outcome = try await UnitVerifier(connection: connection).verify(UnitScan(unit), unit: unit)
                #expect(outcome.fault == nil)
            }
            await connection.close()
            // Version 1 of the credit stream is 5; without it, 30 has no beginning.
            try await database.tamper("DELETE FROM ledger.events WHERE position = 5")
            let again = try await PostgresConnection.connect(database.service, logger: quietLogger)
            let unit = VerifyPlan.Unit(pieces: [.init(from: 6, to: 62, seal: nil)])
            let scan = UnitScan(unit)
            let outcome = try await UnitVerifier(connection: again).verify(scan, unit: unit)
            #expect(outcome.fault?.position == 5)
            await again.close()
        }
    }
}
