import Foundation
import Ledger
import Money
import Postgres
import Projections
import TestSupport
import Testing

/// Incremental application, in whatever batches, gives what a replay gives; and what it gives is right.
@Suite struct ReplayTests {
    @Test(arguments: Folders.mine) func `incremental and rebuilt tables are the same and sound`(_ name: String) async throws {
        var generator = HistoryGenerator(seed: TestEnvironment.seed("replay of \(name)"))
        try await LedgerDatabase.with { database in
            let definition = try Folders.load(name)
            let running = RunningProjector(definition, database)
            for _ in 0..<12 {
                try await database.append(try generator.events(1 + generator.chance(150)))
                if generator.chance(3) > 0 { try await running.catchUp(database) }
            }
            let rest = generator.rest()
            if !rest.isEmpty { try await database.append(rest) }
            try await running.catchUp(database)
            let comparer = Comparer(definition: definition, configuration: database.configuration, logger: database.logger)
            let comparison = try await comparer.compare()
            #expect(comparison.equal)
            #expect(try await comparison.position == database.head())
            let problems = try await comparer.verify()
            #expect(problems == [])
            await running.stop()
        }
    }

    /// Neither lag nor version of it concerns anybody.
    @Test func `what a replay of the past has made is no live projection`() async throws {
        var generator = HistoryGenerator(seed: TestEnvironment.seed("a replay's status"))
        try await LedgerDatabase.with { database in
            try await database.append(try generator.events(30))
            let definition = try witness()
            try await project(definition, database)
            _ = try await ScratchReplay(definition: definition, configuration: database.configuration, logger: database.logger)
                .run(to: 10)
            // Of another version than the tables, as after an update.
            let catalogue = try ProjectionCatalogue([try witness(version: 2)])
            let statuses = try await ProjectionStatus.all(catalogue: catalogue, client: database.client)
            #expect(statuses.map { "\($0.schema) \($0.state)" } == ["witness outdated", "witness__replay replay"])
        }
    }

    @Test func `the journal sums to zero and agrees with the balances, which are the fold of the events`() async throws {
        var generator = HistoryGenerator(seed: TestEnvironment.seed("balances by a fold"))
        try await LedgerDatabase.with { database in
            let events = try generator.events(atLeast: 1500)
            try await database.append(events)
            for name in ["balances", "journal"] { try await project(try Folders.load(name), database) }

            var fold: [UUID: Int64] = [:]
            for event in events { try Self.fold(event, into: &fold) }
            let expected = fold.map { "(\($0.key.uuidString.lowercased()),\($0.value))" }.sorted()
            #expect(!expected.isEmpty)
            #expect(try await database.lines("SELECT organization, balance FROM balances.organizations").sorted() == expected)
            #expect(
                try await database.lines(
                    "SELECT organization, - sum(amount) FROM journal.postings WHERE account = 'customer_credits' GROUP BY 1"
                ).sorted() == expected)
            #expect(try await database.lines("SELECT position FROM journal.postings GROUP BY 1 HAVING sum(amount) <> 0") == [])
        }
    }

    /// What an event does to its organization's balance, told apart from the projection's SQL.
    private static func fold(_ event: NewEvent, into balances: inout [UUID: Int64]) throws {
        struct Amounts: Decodable { var amount: Int64?, charged: Int64? }
        guard let organization = event.organization?.uuid else { return }
        let amounts = try JSONDecoder().decode(Amounts.self, from: Data(event.data))
        let change: Int64
        switch event.type {
        case "credit.granted", "credit.topped_up", "credit.adjusted", "credit.unfrozen": change = amounts.amount ?? 0
        case "credit.refunded", "credit.expired", "credit.voided", "credit.frozen": change = -(amounts.amount ?? 0)
        default: change = -(amounts.charged ?? 0)
        }
        balances[organization, default: 0] += change
    }
}
