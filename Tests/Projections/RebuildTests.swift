import Ledger
import Money
import Postgres
import Projections
import Synchronization
import TestSupport
import Testing

/// Rebuilding beside the live tables, proving, swapping.
@Suite struct RebuildTests {
    private static func rebuilder(_ definition: ProjectionDefinition, _ database: LedgerDatabase) -> Rebuilder {
        Rebuilder(definition: definition, configuration: database.configuration, logger: database.logger)
    }

    @Test(arguments: Folders.mine) func `a rebuild is equal, takes over and keeps the old tables`(_ name: String) async throws {
        var generator = HistoryGenerator(seed: TestEnvironment.seed("rebuild of \(name)"))
        try await LedgerDatabase.with { database in
            let definition = try Folders.load(name)
            try await database.append(try generator.events(atLeast: 400))
            let running = RunningProjector(definition, database)
            try await running.catchUp(database)
            let phases = Mutex<[RebuildProgress.Phase]>([])
            let report = try await Self.rebuilder(definition, database).rebuild { progress in
                phases.withLock { if $0.last != progress.phase { $0.append(progress.phase) } }
            }
            let comparison = try #require(report.comparison)
            #expect(comparison.equal)
            #expect(comparison.live.schema == name && comparison.replayed.schema == "\(name)__rebuild")
            #expect(phases.withLock { $0 } == [.applying, .indexing, .catchingUp, .comparing, .swapping])
            let states = try await ProjectionStatus.all(client: database.client).map { "\($0.schema) \($0.state)" }
            #expect(states == ["\(name) live", "\(name)__previous previous"])
            // The live projector goes on with the new tables.
            try await database.append(try generator.events(atLeast: 100))
            try await running.catchUp(database)
            await running.stop()
            let comparer = Comparer(definition: definition, configuration: database.configuration, logger: database.logger)
            #expect(try await comparer.compare().equal)
            #expect(try await comparer.verify() == [])
        }
    }

    @Test func `a rebuild under writes and reads fails no read and serves no older figure`() async throws {
        var generator = HistoryGenerator(seed: TestEnvironment.seed("swap under load"))
        try await LedgerDatabase.with { database in
            let definition = try Folders.load("balances")
            try await database.append(try generator.events(atLeast: 600))
            let running = RunningProjector(definition, database)
            try await running.catchUp(database)
            let more = try (0..<60).map { _ in try generator.events(atLeast: 20) }
            let done = Done()
            let reads = try await withThrowingTaskGroup(of: Int.self) { group in
                group.addTask { try await Self.read(database, until: done) }
                group.addTask { try await Self.read(database, until: done) }
                group.addTask {
                    for events in more {
                        running.signal.signal(try await database.append(events))
                        try await Task.sleep(for: .milliseconds(5))
                    }
                    return 0
                }
                for _ in 0..<3 {
                    let report = try await Self.rebuilder(definition, database).rebuild()
                    #expect(report.comparison?.equal == true)
                }
                done.flag.withLock { $0 = true }
                return try await group.reduce(0, +)
            }
            #expect(reads > 20)
            await running.stop()
        }
    }

    private final class Done: Sendable { let flag = Mutex(false) }

    /// Reads with a prepared statement on one connection; throws when a read fails or the figures go back.
    private static func read(_ database: LedgerDatabase, until done: Done) async throws -> Int {
        struct WentBack: Error {}
        return try await database.client.withConnection { connection in
            var reads = 0
            var granted: Int64 = 0
            while !done.flag.withLock({ $0 }) {
                let row = try await connection.query(
                    "SELECT coalesce(sum(granted + topped_up + charged), 0)::bigint FROM balances.organizations")[0]
                let now = try row.decode(0, as: Int64.self)
                guard now >= granted else { throw WentBack() }
                granted = now
                reads += 1
                await Task.yield()
            }
            return reads
        }
    }

    @Test(arguments: [false, true])
    func `an interrupted rebuild goes on where it ended, unless its view was an older one`(_ isOlder: Bool) async throws {
        var generator = HistoryGenerator(seed: TestEnvironment.seed("interrupted rebuild"))
        try await LedgerDatabase.with { database in
            let definition = try Folders.load("usage")
            try await database.append(try generator.events(atLeast: 500))
            try await project(definition, database)
            // It dies while it makes the indexes: everything is applied, nothing proved.
            let dying = Task {
                try await Self.rebuilder(definition, database).rebuild { progress in
                    if progress.phase == .indexing { withUnsafeCurrentTask { $0?.cancel() } }
                }
            }
            await #expect(throws: (any Error).self) { try await dying.value }
            // The server notices the end of the session a moment after the client has left it.
            func status() async throws -> ProjectionStatus? {
                try await ProjectionStatus.all(client: database.client).first { $0.schema == "usage__rebuild" }
            }
            try await eventually("nobody rebuilds") { try await status()?.state != .rebuilding }
            let begun = try #require(try await status())
            #expect(begun.state == .interrupted)
            let head = try await database.head()
            #expect(begun.position == head)
            // What another version of the program has let pass: whoever goes on with it ends with other tables.
            if isOlder {
                _ = try await database.client.query("COMMENT ON VIEW usage__rebuild.batch IS 'older'")
                _ = try await database.client.query("DELETE FROM usage__rebuild.hours")
            }
            let first = Mutex<Int64?>(nil)
            let report = try await Self.rebuilder(definition, database).rebuild { progress in
                first.withLock { if $0 == nil { $0 = progress.position } }
            }
            if !isOlder { #expect(first.withLock { $0 } == head) }
            #expect(report.comparison?.equal == true)
        }
    }

    @Test func `tables that somebody changed are found and kept`() async throws {
        var generator = HistoryGenerator(seed: TestEnvironment.seed("tampered tables"))
        try await LedgerDatabase.with { database in
            let definition = try Folders.load("balances")
            try await database.append(try generator.events(atLeast: 200))
            try await project(definition, database)
            _ = try await database.client.query(
                "UPDATE balances.keys SET charged = charged + 1 WHERE api_key = (SELECT min(api_key::text)::uuid FROM balances.keys)"
            )
            let error = await #expect(throws: ProjectionError.self) { try await Self.rebuilder(definition, database).rebuild() }
            #expect(error?.code == .different)
            #expect(error?.message.contains("keys") == true)
            let comparer = Comparer(definition: definition, configuration: database.configuration, logger: database.logger)
            #expect(try await !comparer.verify().isEmpty)
            let comparison = try await comparer.compare()
            #expect(!comparison.equal)
            #expect(comparison.live.tables["organizations"] == comparison.replayed.tables["organizations"])
        }
    }

    @Test func `a new version is proved by its own verify and put in place of the old one, and back`() async throws {
        try await LedgerDatabase.with { database in
            let organization = OrganizationID.mint()
            try await database.append(
                try (1...20).map {
                    try NewEvent(
                        CreditGranted(grant: .mint(), kind: .paid, amount: NanoDollars($0)), stream: .credit(organization),
                        expectedVersion: nil, organization: organization)
                })
            let (old, new) = (try witness(), try witness(version: 2, column: "nanos"))
            let ofOld = RunningProjector(old, database)
            try await ofOld.catchUp(database)
            let ofNew = RunningProjector(new, database)
            let report = try await Self.rebuilder(new, database).rebuild()
            #expect(report.comparison == nil)
            #expect(try await database.text("SELECT sum(nanos)::text FROM witness.seen") == "210")
            try await ofNew.becomes("the new version is live") { $0 == .live }
            try await ofOld.becomes("the old version stands aside") { if case .live = $0 { false } else { true } }

            try await Self.rebuilder(new, database).revert()
            #expect(try await database.text("SELECT sum(amount)::text FROM witness.seen") == "210")
            try await ofOld.becomes("the old version is live again") { $0 == .live }
            try await Self.rebuilder(new, database).revert()
            try await ofNew.becomes("the new version is live again") { $0 == .live }
            try await Self.rebuilder(new, database).dropPrevious()
            #expect(try await ProjectionStatus.all(client: database.client).map(\.schema) == ["witness"])
            for running in [ofOld, ofNew] { await running.stop() }
        }
    }

    /// Neither outdated tables nor halted ones are compared with: that the new ones are ahead of them is no reason to begin again.
    @Test(arguments: [1, 2] as [Int32])
    func `an interrupted rebuild goes on ahead of tables that stand still`(_ version: Int32) async throws {
        try await LedgerDatabase.with { database in
            let organization = OrganizationID.mint()
            func append(_ amounts: ClosedRange<Int64>) async throws {
                try await database.append(
                    try amounts.map {
                        try NewEvent(
                            CreditGranted(grant: .mint(), kind: .paid, amount: NanoDollars($0)), stream: .credit(organization),
                            expectedVersion: nil, organization: organization)
                    })
            }
            try await append(1...5)
            try await project(try witness(), database)
            if version == 1 {
                _ = try await database.client.query(
                    "UPDATE projections.checkpoints SET halted = true, error = 'by hand' WHERE schema_name = 'witness'")
            }
            try await append(6...10)
            let new = try witness(version: version)
            // It dies while it makes the indexes: everything is applied.
            let dying = Task {
                try await Self.rebuilder(new, database).rebuild { progress in
                    if progress.phase == .indexing { withUnsafeCurrentTask { $0?.cancel() } }
                }
            }
            await #expect(throws: (any Error).self) { try await dying.value }
            try await eventually("nobody rebuilds") {
                try await !ProjectionStatus.all(client: database.client).contains { $0.state == .rebuilding }
            }
            let head = try await database.head()
            let first = Mutex<Int64?>(nil)
            let report = try await Self.rebuilder(new, database).rebuild { progress in
                first.withLock { if $0 == nil { $0 = progress.position } }
            }
            #expect(first.withLock { $0 } == head)
            #expect(report.comparison == nil && report.position == head)
            #expect(try await database.text("SELECT sum(amount)::text FROM witness.seen") == "55")
        }
    }

    @Test func `a new version whose verify finds something does not take over`() async throws {
        try await LedgerDatabase.with { database in
            let organization = OrganizationID.mint()
            try await database.append([
                try NewEvent(
                    CreditGranted(grant: .mint(), kind: .paid, amount: NanoDollars(7)), stream: .credit(organization),
                    expectedVersion: nil, organization: organization)
            ])
            try await project(try witness(), database)
            let forgetful = try witness(
                version: 2, apply: "INSERT INTO seen (position, amount) SELECT position, 0 FROM batch WHERE false")
            let error = await #expect(throws: ProjectionError.self) { try await Self.rebuilder(forgetful, database).rebuild() }
            #expect(error?.code == .unsound)
            #expect(try await database.text("SELECT count(*)::text FROM witness.seen") == "1")
        }
    }

    @Test func `what depends on the tables from outside is listed and refused`() async throws {
        try await LedgerDatabase.with { database in
            let definition = try witness()
            try await project(definition, database)
            _ = try await database.client.query("CREATE VIEW public.report AS SELECT position FROM witness.seen")
            let error = await #expect(throws: ProjectionError.self) { try await Self.rebuilder(definition, database).rebuild() }
            #expect(error?.code == .dependants)
            #expect(error?.message.contains("public.report") == true)
            _ = try await database.client.query("DROP VIEW public.report")
            _ = try await database.client.query(
                "CREATE TABLE public.notes (position bigint REFERENCES witness.seen, kind witness.seen)")
            let other = await #expect(throws: ProjectionError.self) { try await Self.rebuilder(definition, database).rebuild() }
            #expect(other?.message.contains("public.notes") == true)
            _ = try await database.client.query("DROP TABLE public.notes")
            _ = try await Self.rebuilder(definition, database).rebuild()
        }
    }

    @Test func `only one rebuild of a projection runs at a time`() async throws {
        try await LedgerDatabase.with { database in
            let definition = try witness()
            try await project(definition, database)
            let rebuilder = Self.rebuilder(definition, database)
            let inner = Mutex<ProjectionError.Code?>(nil)
            let other = try await PostgresConnection.connect(database.configuration, logger: database.logger)
            _ = try await other.query("SELECT pg_advisory_lock(1347568204, hashtext('witness'))")
            do { _ = try await rebuilder.rebuild() } catch let error as ProjectionError { inner.withLock { $0 = error.code } }
            #expect(inner.withLock { $0 } == .busy)
            await other.close()
            _ = try await rebuilder.rebuild()
        }
    }
}
