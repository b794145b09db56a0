import Ledger
import Money
import Postgres
import Projections
import TestSupport
import Testing

/// Several projectors of one projection.
@Suite struct StandbyTests {
    @Test func `one of several projectors is live, and another takes over when it dies`() async throws {
        var generator = HistoryGenerator(seed: TestEnvironment.seed("take-over"))
        try await LedgerDatabase.with { database in
            let definition = try Folders.load("balances")
            let first = RunningProjector(definition, database)
            try await database.append(try generator.events(50))
            try await first.catchUp(database)
            let second = RunningProjector(definition, database)
            try await second.becomes("the second stands by") { $0 == .standby }
            try await first.becomes("the first is live") { $0 == .live }
            await first.stop()
            try await database.append(try generator.events(50))
            try await second.catchUp(database)
            // The tables are there a moment before it says so.
            try await second.becomes("the second is live") { $0 == .live }
            #expect(first.projector.state == .stopped)
            await second.stop()
        }
    }

    /// Processes of two versions run beside each other while a new one is brought out, or taken back.
    @Test func `one that does not know an event leaves the tables to one that does`() async throws {
        try await LedgerDatabase.with { database in
            let organization = OrganizationID.mint()
            func credit(_ data: some EventData) throws -> NewEvent {
                try NewEvent(data, stream: .credit(organization), expectedVersion: nil, organization: organization)
            }
            func grant() throws -> NewEvent {
                try credit(CreditGranted(grant: .mint(), kind: .paid, amount: NanoDollars(5)))
            }
            let older = RunningProjector(try witness(onPoison: .parkOrganization, streams: ["credit": []]), database)
            try await database.append([try grant()])
            try await older.catchUp(database)

            let unknown = try await database.append([try credit(CreditExpired(grant: .mint(), amount: NanoDollars(1)))])
            try await database.append([try grant()])
            older.signal.signal(try await database.head())
            try await older.becomes("the older halts") { $0.haltedAt == unknown }
            let status = try #require(try await ProjectionStatus.all(client: database.client).first)
            #expect(status.state == .halted && status.haltedAt == unknown && status.position == unknown - 1)

            let newer = RunningProjector(
                try witness(onPoison: .parkOrganization, streams: ["credit": ["credit.expired"]]), database)
            try await newer.catchUp(database)
            try await newer.becomes("the newer is live") { $0 == .live }
            #expect(try await database.text("SELECT count(*)::text FROM witness.seen") == "2")
            #expect(try await database.lines("SELECT position FROM projections.parked") == [])
            #expect(try await ProjectionStatus.all(client: database.client).first?.error == nil)
            await older.stop()
            await newer.stop()
        }
    }

    /// Where no other version comes, one organization must not hold up all others.
    @Test func `what nobody has come for is parked, and rebuilt where it is known`() async throws {
        try await LedgerDatabase.with { database in
            let (parked, other) = (OrganizationID.mint(), OrganizationID.mint())
            func event(_ data: some EventData, of organization: OrganizationID) throws -> NewEvent {
                try NewEvent(data, stream: .credit(organization), expectedVersion: nil, organization: organization)
            }
            func grant(_ organization: OrganizationID) throws -> NewEvent {
                try event(CreditGranted(grant: .mint(), kind: .paid, amount: NanoDollars(5)), of: organization)
            }
            let older = RunningProjector(
                try witness(onPoison: .parkOrganization, streams: ["credit": []]), database, patience: .milliseconds(100))
            try await database.append([
                try event(CreditExpired(grant: .mint(), amount: NanoDollars(1)), of: parked), try grant(parked), try grant(other),
            ])
            try await older.catchUp(database)
            #expect(try await database.text("SELECT count(*)::text FROM witness.seen") == "1")
            #expect(try await database.lines("SELECT type FROM projections.parked") == ["(credit.expired)"])
            await older.stop()

            for (known, names) in [([], []), (["credit.expired"], ["witness"])] as [(Set<String>, Set<String>)] {
                let catalogue = try ProjectionCatalogue([
                    try witness(onPoison: .parkOrganization, streams: ["credit": known])
                ])
                #expect(try await catalogue.parkedBefore(database.client) == names)
            }
        }
    }

    @Test func `the status tells live from stopped and how far behind it is`() async throws {
        var generator = HistoryGenerator(seed: TestEnvironment.seed("status"))
        try await LedgerDatabase.with { database in
            let definition = try Folders.load("usage")
            let running = RunningProjector(definition, database)
            try await database.append(try generator.events(30))
            try await running.catchUp(database)
            let live = try await ProjectionStatus.all(client: database.client)
            #expect(live.map(\.name) == ["usage"])
            #expect(live.first?.state == .live)
            #expect(live.first?.lag == 0)
            await running.stop()
            try await database.append(try generator.events(7))
            let catalogue = try ProjectionCatalogue([definition])
            let stopped = try #require(try await ProjectionStatus.all(catalogue: catalogue, client: database.client).first)
            #expect(stopped.state == .stopped)
            #expect(stopped.lag == 7)
            #expect(stopped.asOf != nil)
        }
    }

    @Test func `without a signal the ledger is looked at`() async throws {
        var generator = HistoryGenerator(seed: TestEnvironment.seed("polling"))
        try await LedgerDatabase.with { database in
            let projector = Projector(
                definition: try Folders.load("balances"), configuration: database.configuration, signal: nil,
                logger: database.logger)
            let task = Task { await projector.run() }
            let head = try await database.append(try generator.events(20))
            #expect(
                try await waitUntil(projection: "balances", position: head, deadline: .seconds(60), client: database.client))
            task.cancel()
            await task.value
        }
    }

    @Test func `waiting for a position that does not come ends at the deadline`() async throws {
        try await LedgerDatabase.with { database in
            await #expect(throws: ProjectionError.self) {
                _ = try await waitUntil(
                    projection: "balances", position: 1, deadline: .milliseconds(20), client: database.client)
            }
            try await project(try Folders.load("balances"), database)
            #expect(
                try await !waitUntil(
                    projection: "balances", position: 99, deadline: .milliseconds(20), client: database.client))
        }
    }
}
