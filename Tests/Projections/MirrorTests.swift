import Ledger
import Money
import Postgres
import Projections
import Synchronization
import TestSupport
import Testing

/// A copy that is kept beside the tables.
@Suite struct MirrorTests {
    /// Remembers what it was given and fails now and then.
    final class Copy: ProjectionMirror {
        struct Away: Error {}
        let state = Mutex((positions: [Int64](), calls: 0))
        let failing: @Sendable (Int) -> Bool

        init(failing: @escaping @Sendable (Int) -> Bool) { self.failing = failing }

        func apply(after: Int64, upto: Int64, connection: PostgresConnection) async throws {
            let rows = try await connection.query("SELECT position FROM batch ORDER BY position")
            let seen = try await connection.query("SELECT count(*) FROM seen")
            let positions = try rows.map { try $0.decode(0, as: Int64.self) }
            let applied = try seen[0].decode(0, as: Int64.self)
            let fails = state.withLock { state in
                state.calls += 1
                if failing(state.calls) { return true }
                state.positions += positions
                return false
            }
            if fails { throw Away() }
            // The tables are ahead of the copy by nothing, and hold the batch already.
            guard applied == Int64(state.withLock { $0.positions.count }) else { throw Away() }
        }
    }

    @Test func `the copy gets every event once and in order, whatever it refuses in between`() async throws {
        try await LedgerDatabase.with { database in
            let organization = OrganizationID.mint()
            let origin = try await database.head()
            let copy = Copy { $0 % 3 == 1 }
            let running = RunningProjector(try witness(), database, mirror: copy)
            for _ in 0..<6 {
                try await database.append(
                    try (1...5).map {
                        try NewEvent(
                            CreditGranted(grant: .mint(), kind: .paid, amount: NanoDollars($0)), stream: .credit(organization),
                            expectedVersion: nil, organization: organization)
                    })
                try await running.catchUp(database)
            }
            #expect(copy.state.withLock { $0.positions } == Array(origin + 1...origin + 30))
            await running.stop()
        }
    }
}
