import Foundation
import Ledger
import Money
import Postgres
import Projections
import Synchronization
import TestSupport
import Testing

/// Rebuilding by two connections at once.
@Suite struct RebuildPartsTests {
    private static func rebuilder(_ definition: ProjectionDefinition, _ database: LedgerDatabase) -> Rebuilder {
        Rebuilder(definition: definition, configuration: database.configuration, partsFrom: 1, logger: database.logger)
    }

    @Test(arguments: ["balances", "journal", "usage", "requests", "grants", "admission"])
    func `a rebuild in parts is equal and leaves nothing of the parts`(_ name: String) async throws {
        var generator = HistoryGenerator(seed: TestEnvironment.seed("parts of \(name)"))
        try await LedgerDatabase.with { database in
            let definition = try Folders.load(name)
            #expect(definition.order == (name == "grants" || name == "admission" ? .organization : .stream))
            try await database.append(try generator.events(atLeast: 800))
            let running = RunningProjector(definition, database)
            try await running.catchUp(database)
            let positions = Mutex<[Int64]>([])
            let report = try await Self.rebuilder(definition, database).rebuild { progress in
                if progress.phase == .applying { positions.withLock { $0.append(progress.position) } }
            }
            // The first part to end tells the mean of its own position and the other's.
            let head = try await database.head()
            #expect(positions.withLock { $0.contains { $0 < head } })
            #expect(report.comparison?.equal == true)
            #expect(report.eventsPerSecond > 0)
            #expect(try await Self.schemas(database) == [name, "\(name)__previous"])
            // The live projector goes on with the new tables.
            try await database.append(try generator.events(atLeast: 100))
            try await running.catchUp(database)
            await running.stop()
            let comparer = Comparer(definition: definition, configuration: database.configuration, logger: database.logger)
            #expect(try await comparer.compare().equal)
        }
    }

    @Test(arguments: ["usage", "requests", "grants"]) func `parts that were interrupted go on where each ended`(_ name: String)
        async throws
    {
        let seed = TestEnvironment.seed("interrupted parts of \(name)")
        var generator = HistoryGenerator(seed: seed)
        var random = SeededGenerator(seed: seed)
        try await LedgerDatabase.with { database in
            let definition = try Folders.load(name)
            try await database.append(try generator.events(atLeast: 600))
            try await project(definition, database)
            for _ in 0..<8 {
                let delay = Int.random(in: 10...80, using: &random)
                let dying = Task { _ = try await Self.rebuilder(definition, database).rebuild() }
                try await Task.sleep(for: .milliseconds(delay))
                dying.cancel()
                do { try await dying.value } catch {}
                try await Self.isLetGo(name, database)
            }
            let status = try await ProjectionStatus.all(client: database.client)
            #expect(status.allSatisfy { [name, "\(name)__rebuild", "\(name)__previous"].contains($0.schema) })
            let report = try await Self.rebuilder(definition, database).rebuild()
            #expect(report.comparison?.equal == true)
            #expect(try await Self.schemas(database) == [name, "\(name)__previous"])
        }
    }

    @Test func `a part that can't apply an event parks its stream, and the other is not disturbed`() async throws {
        try await LedgerDatabase.with { database in
            let organizations = (0..<20).map { _ in OrganizationID.mint() }
            try await database.append(
                try (1...60).map { number in
                    let organization = organizations[number % 20]
                    return try NewEvent(
                        CreditGranted(grant: .mint(), kind: .paid, amount: NanoDollars(Int64(number))),
                        stream: .credit(organization), expectedVersion: nil, organization: organization)
                })
            let definition = try witness(
                onPoison: .parkStream, order: .stream, refusing: "(data ->> 'amount')::bigint IN (7, 18)")
            try await project(definition, database)
            let parked = "SELECT schema_name, position FROM projections.parked ORDER BY schema_name COLLATE \"C\", position"
            let live = try await database.lines(parked)
            #expect(live.count == 2)
            let report = try await Self.rebuilder(definition, database).rebuild()
            #expect(report.comparison?.equal == true)
            #expect(try await database.text("SELECT sum(amount)::text FROM witness.seen") == "1635")
            let both = live + live.map { $0.replacing("witness", with: "witness__previous") }
            #expect(try await database.lines(parked).sorted() == both.sorted())
        }
    }

    /// Waits until the server has noticed the end of a rebuild's sessions.
    private static func isLetGo(_ name: String, _ database: LedgerDatabase) async throws {
        try await eventually("the rebuild of \(name) is over") {
            try await database.text(
                "SELECT count(*)::text FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE '%rebuild%'"
            ) == "0"
        }
    }

    private static func schemas(_ database: LedgerDatabase) async throws -> [String] {
        try await database.lines(
            """
            SELECT nspname FROM pg_namespace
            WHERE nspname NOT LIKE 'pg\\_%' AND nspname NOT IN ('information_schema', 'ledger', 'migrations', 'projections', 'public')
                AND nspowner = 'llmgateway_projector'::regrole
            ORDER BY nspname COLLATE "C"
            """
        ).map { String($0.dropFirst().dropLast()) }
    }
}
