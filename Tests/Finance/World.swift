import Foundation
import Ledger
import Logging
import Money
import Postgres
import Projections
import TestSupport

@testable import Finance

let quiet = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

/// A ledger with a random history, and the read models that questions about the books need.
struct World: Sendable {
    let database: LedgerDatabase
    let finance: Finance
    let events: [RecordedEvent]

    static let projections = ["journal", "balance_history"]

    /// - Parameter projected: Whether the read models are there.
    static func run(
        _ label: String, events count: Int, projected: Bool = true, _ body: (World) async throws -> Void
    ) async throws {
        let seed = TestEnvironment.seed(label)
        try await LedgerDatabase.with { database in
            var generator = HistoryGenerator(seed: seed)
            try await database.append(try generator.events(atLeast: count))
            if projected { for name in projections { try await project(name, database) } }
            let reader = LedgerReader(database.client)
            var events: [RecordedEvent] = []
            while true {
                let page = try await reader.events(after: events.last?.position ?? 0, limit: 1_000)
                if page.isEmpty { break }
                events += page
            }
            try await body(World(database: database, finance: Finance(postgres: database.client), events: events))
        }
    }

    /// Brings a read model to the ledger's end.
    static func project(_ name: String, _ database: LedgerDatabase) async throws {
        let definition = try ProjectionDefinition.load(folder: "\(TestEnvironment.root)/projections/\(name)")
        let projector = Projector(
            definition: definition, configuration: database.configuration, signal: LedgerSignal(), pace: .milliseconds(1),
            logger: quiet)
        let task = Task { await projector.run() }
        let isThere = try await waitUntil(
            projection: name, position: try await database.head(), deadline: .seconds(60), client: database.client)
        task.cancel()
        await task.value
        if !isThere { throw Behind(name: name) }
    }

    struct Behind: Error { let name: String }

    /// What an event changes its organization's balance by: told apart from the product's SQL.
    static func change(_ event: RecordedEvent) throws -> Int64 {
        struct Amounts: Decodable { var amount: Int64?, charged: Int64? }
        let amounts = try JSONDecoder().decode(Amounts.self, from: Data(event.data))
        switch event.type {
        case "credit.granted", "credit.topped_up", "credit.adjusted", "credit.unfrozen": return amounts.amount ?? 0
        case "credit.refunded", "credit.expired", "credit.voided", "credit.frozen": return -(amounts.amount ?? 0)
        default: return event.stream.kind == .request ? -(amounts.charged ?? 0) : 0
        }
    }

    var organizations: [OrganizationID] { Array(Set(events.compactMap(\.organization))).sorted() }
}
