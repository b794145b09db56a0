import ArgumentParser
import Finance
import Foundation
import Ledger
import Logging
import Money
import Postgres
import Projections
import Synchronization
import TestSupport

/// What questions about the books of one organization with a very long history cost.
struct FinanceBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "finance",
        abstract: "A statement's first page, its whole export beside COPY of the same rows, and balances at random moments.")

    @Option(help: "Events of the ledger, all of one organization; about four in ten are movements.")
    var events = 2_400_000

    @Option(help: "Balances that are asked for.")
    var balances = 200

    @Option(help: "Rounds of the export; the median counts.")
    var rounds = 3

    @Option(help: "A superuser's URL of a database to fill and to keep; left out, a server of its own.")
    var database: String?

    func run() async throws {
        try await FilledLedger.with(database, events: events, organizations: 1) { ledger in
            let client = PostgresClient(ledger.configuration, maximumConnections: 2, logger: Self.quiet)
            for name in ["balance_history", "journal"] { try await rebuild(name, ledger) }
            let finance = Finance(postgres: client)
            // The one with most of the ledger.
            let found = try await client.query(
                "SELECT organization FROM balance_history.blocks GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1")
            let organization = OrganizationID(uuid: try found[0].decode(0))
            var random = SeededGenerator(seed: 1)

            var pages: [Double] = []
            for _ in 0..<20 {
                pages.append(
                    try await seconds {
                        let statement = try await finance.statement(of: organization, from: nil, to: nil)
                        _ = try await finance.movements(of: statement, limit: 100)
                    })
            }
            let reader = LedgerReader(client)
            var known: [Double] = []
            var effective: [Double] = []
            for _ in 0..<balances {
                guard let mark = try await reader.event(at: Int64.random(in: 1...ledger.head, using: &random)) else { continue }
                known.append(try await seconds { _ = try await finance.balance(of: organization, .at(mark.recordedAt)) })
                effective.append(
                    try await seconds { _ = try await finance.balance(of: organization, .effective(mark.occurredAt)) })
            }
            let statement = try await finance.statement(of: organization, from: nil, to: nil)
            var exported: [Double] = []
            var copied: [Double] = []
            let lines = Mutex(0)
            for _ in 0..<rounds {
                lines.withLock { $0 = -1 }
                exported.append(
                    try await seconds {
                        try await finance.exportCSV(statement) { bytes in
                            lines.withLock { $0 += bytes.count { $0 == UInt8(ascii: "\n") } }
                        }
                    })
                copied.append(try await seconds { try await copy(organization, client) })
            }
            let rows = Double(lines.withLock { $0 })
            func milliseconds(_ values: [Double], _ share: Double) -> String {
                String(format: "%.1f", values.sorted()[min(values.count - 1, Int(Double(values.count) * share))] * 1_000)
            }
            let (mine, reference) = (rows / exported.sorted()[rounds / 2], rows / copied.sorted()[rounds / 2])
            print(
                #"{"benchmark":"finance","events":\#(ledger.head),"movements":\#(Int(rows)),"#
                    + #""first_page_p50_ms":\#(milliseconds(pages, 0.5)),"first_page_p99_ms":\#(milliseconds(pages, 0.99)),"#
                    + #""balance_at_p50_ms":\#(milliseconds(known, 0.5)),"balance_at_p99_ms":\#(milliseconds(known, 0.99)),"#
                    + #""effective_p50_ms":\#(milliseconds(effective, 0.5)),"effective_p99_ms":\#(milliseconds(effective, 0.99)),"#
                    + #""export_rows_per_second":\#(Int(mine)),"copy_rows_per_second":\#(Int(reference)),"#
                    + String(format: #""export_to_copy":%.2f}"#, mine / reference))
            await client.shutdown()
        }
    }

    private func rebuild(_ name: String, _ ledger: FilledLedger) async throws {
        let definition = try ProjectionDefinition.load(folder: "\(TestEnvironment.root)/projections/\(name)")
        let report = try await Rebuilder(definition: definition, configuration: ledger.configuration, logger: Self.quiet).rebuild
        { _ in }
        print(#"{"benchmark":"finance","rebuild":"\#(name)","events_per_second":\#(Int(report.eventsPerSecond))}"#)
    }

    /// The yardstick: the rows of the same events as they are.
    private func copy(_ organization: OrganizationID, _ client: PostgresClient) async throws {
        try await client.withConnection { connection in
            try await connection.copyOut(
                """
                COPY (
                    SELECT * FROM ledger.events
                    WHERE organization = '\(organization.uuid)' AND stream_kind IN ('credit', 'request')
                        AND type NOT IN ('request.authorized', 'request.voided', 'request.denied')
                    ORDER BY position
                ) TO STDOUT
                """, deadline: .seconds(600)
            ) { _ in }
        }
    }

    private func seconds(_ body: () async throws -> Void) async throws -> Double {
        let start = ContinuousClock.now
        try await body()
        return (ContinuousClock.now - start) / .seconds(1)
    }

    private static let quiet = Logger(label: "benchmark") { _ in SwiftLogNoOpLogHandler() }
}
