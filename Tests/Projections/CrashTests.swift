import Ledger
import Postgres
import Projections
import TestSupport
import Testing

/// T4: whatever moment a projector dies at, every event counts exactly once.
@Suite struct CrashTests {
    @Test(arguments: ["balances", "usage"]) func `a projector that is killed again and again counts every event once`(
        _ name: String
    ) async throws {
        var generator = HistoryGenerator(seed: TestEnvironment.seed("killed projector of \(name)"))
        let kills = TestEnvironment.soak ? 1000 : 40
        try await LedgerDatabase.with { database in
            let definition = try Folders.load(name)
            // Two processes: while one is dead the other may take over in the middle of its work.
            let projectors = [RunningProjector(definition, database), RunningProjector(definition, database)]
            for _ in 0..<kills {
                try await database.append(try generator.events(1 + generator.chance(40)))
                let head = try await database.head()
                for running in projectors { running.signal.signal(head) }
                try await Task.sleep(for: .microseconds(generator.chance(12_000)))
                _ = try await database.client.query(
                    """
                    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                    WHERE datname = current_database() AND application_name = 'llmgateway projection \(name)'
                    """)
                try await Self.checkpointIsTrue(name, database)
            }
            try await projectors[0].catchUp(database)
            for running in projectors { await running.stop() }
            let comparer = Comparer(definition: definition, configuration: database.configuration, logger: database.logger)
            #expect(try await comparer.compare().equal)
            #expect(try await comparer.verify() == [])
        }
    }

    /// The checkpoint is never ahead of the tables nor behind: at any moment they hold exactly what is charged up to it.
    private static func checkpointIsTrue(_ name: String, _ database: LedgerDatabase) async throws {
        guard try await database.lines("SELECT FROM projections.checkpoints") != [] else { return }
        let table = name == "balances" ? "balances.organizations" : "usage.hours"
        let differing = try await database.lines(
            """
            SELECT e.charged, t.charged FROM
                (SELECT coalesce(sum((data ->> 'charged')::bigint), 0) AS charged FROM ledger.events
                WHERE position <= (SELECT position FROM projections.checkpoints WHERE schema_name = '\(name)')) AS e,
                (SELECT coalesce(sum(charged), 0) AS charged FROM \(table)) AS t
            WHERE e.charged <> t.charged
            """)
        #expect(differing == [])
    }
}
