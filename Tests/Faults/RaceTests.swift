import Ledger
import Money
import Postgres
import TestSupport
import Testing

/// T7 and T8: callers that want the same version, and callers that repeat what another process began. What one batch does with
/// them is tested beside the appender.
@Suite(.timeLimit(.minutes(10))) struct RaceTests {
    /// T7: of 256 writers, each of whom tries again with the version that it heard of, one wins each version.
    @Test func `a version has one winner, and whoever tries again gets through`() async throws {
        try await LedgerDatabase.with { database in
            let stream = StreamName.credit(.mint())
            let conflicts = try await withFaultAppender(database) { one in
                try await withFaultAppender(database) { other in
                    try await withThrowingTaskGroup(of: Int.self) { group in
                        for writer in 0..<256 {
                            group.addTask {
                                var expected: Int64 = 0
                                var conflicts = 0
                                while true {
                                    let event = try NewEvent(
                                        CreditGranted(grant: .mint(), kind: .paid, amount: NanoDollars(1)), stream: stream,
                                        expectedVersion: expected, organization: nil)
                                    switch try await (writer.isMultiple(of: 2) ? one : other).append(Command(event)) {
                                    case .appended: return conflicts
                                    case .versionConflict(let current):
                                        #expect(current > expected)
                                        expected = current
                                        conflicts += 1
                                    case let result: throw AppendWorkload.Unexpected(result: result)
                                    }
                                }
                            }
                        }
                        return try await group.reduce(0, +)
                    }
                }
            }
            #expect(conflicts > 0)
            let versions = try await database.client.query(
                "SELECT stream_version FROM ledger.events WHERE stream_kind = 'credit' ORDER BY position")
            #expect(try versions.map { try $0.decode(0, as: Int64.self) } == Array(1...256))
        }
    }

    enum End: CaseIterable {
        case commit, crash
    }

    /// T8: the first caller is in mid-transaction when the second one sends the same; whether the first one then dies or
    /// commits, the second has an answer and the event is there once.
    @Test(arguments: End.allCases) func `no key stays in progress after its caller`(end: End) async throws {
        try await LedgerDatabase.with { database in
            let event = try NewEvent(
                CreditGranted(grant: .mint(), kind: .paid, amount: NanoDollars(5)), stream: .credit(.mint()),
                expectedVersion: nil, organization: nil)
            let first = try await PostgresConnection.connect(database.service, logger: database.logger)
            try await first.script("BEGIN")
            #expect(try await Self.append(event, first) == "appended")
            try await withFaultAppender(database) { appender in
                async let second = appender.append(Command(event))
                try await Self.waitForWaiter(database)
                switch end {
                case .commit: try await first.script("COMMIT")
                case .crash: await first.close()
                }
                #expect(try await second == (end == .commit ? .already(first: 3, last: 3) : .appended(first: 3, last: 3)))
                #expect(try await appender.append(Command(event)) == .already(first: 3, last: 3))
            }
            await first.close()
            #expect(try await database.head() == 3)
        }
    }

    private static func append(_ event: NewEvent, _ connection: PostgresConnection) async throws -> String {
        let rows = try await connection.query(
            "SELECT result FROM ledger.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
            [
                .int4Array([1]), .uuidArray([event.id.uuid]), .textArray([event.stream.kind.rawValue]),
                .uuidArray([event.stream.id]), .int8Array([event.expectedVersion]), .textArray([event.type]),
                .int4Array([event.schemaVersion]), .uuidArray([nil]), .jsonbArray([event.data]), .jsonbArray([event.metadata]),
                .timestamptzArray([event.occurredAt.microseconds]), .int8Array([nil]),
            ])
        return try rows[0].decode(0)
    }

    /// Until somebody waits for the append lock.
    private static func waitForWaiter(_ database: LedgerDatabase) async throws {
        while try await database.client.query(
            """
            SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
                AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
            """
        ).isEmpty {
            try await Task.sleep(for: .milliseconds(2))
        }
    }
}
