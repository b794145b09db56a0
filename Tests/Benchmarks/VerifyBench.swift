import ArgumentParser
import Foundation
import Ledger
import Logging
import Postgres
import Synchronization
import TestSupport

/// How fast the verifier recomputes a ledger, beside how fast Postgres hands out the same columns.
struct VerifyBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Events a second of `ledger verify`, and the ratio to a bare COPY of the same rows.")

    @Option(help: "Events of the ledger.")
    var events = 1_000_000

    @Option(help: "Connections that read at the same time.")
    var connections = 2

    @Option(help: "Rounds; the median counts.")
    var rounds = 3

    @Option(help: "A superuser's URL of a database to fill and to keep; left out, a server of its own.")
    var database: String?

    func run() async throws {
        try await FilledLedger.with(database, events: events) { ledger in
            var verified: [Double] = []
            var copied: [Double] = []
            for _ in 0..<rounds {
                copied.append(try await copy(ledger))
                verified.append(try await verify(ledger))
            }
            let rate = verified.sorted()[rounds / 2]
            let reference = copied.sorted()[rounds / 2]
            print(
                #"{"benchmark":"verify","events":\#(ledger.head),"connections":\#(connections),"#
                    + #""events_per_second":\#(Int(rate)),"copy_events_per_second":\#(Int(reference)),"#
                    + String(format: #""ratio_to_copy":%.2f,"#, rate / reference)
                    + String(format: #""fill_seconds":%.1f}"#, ledger.filling / .seconds(1)))
        }
    }

    private func verify(_ ledger: FilledLedger) async throws -> Double {
        let report = try await Verifier(
            configuration: ledger.configuration, seals: nil, connections: connections, logger: Self.quiet
        ).run()
        if let fault = report.fault { throw ValidationError("the ledger is broken: \(fault)") }
        return Double(report.head) / (report.elapsed / .seconds(1))
    }

    /// The yardstick: as many connections read the same rows in the same form, and nobody looks at them.
    private func copy(_ ledger: FilledLedger) async throws -> Double {
        let clock = ContinuousClock()
        let start = clock.now
        let share = (ledger.head + Int64(connections) - 1) / Int64(connections)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<Int64(connections) {
                group.addTask {
                    let connection = try await PostgresConnection.connect(ledger.configuration, logger: Self.quiet)
                    try await connection.copyOut(
                        "COPY (SELECT * FROM ledger.events WHERE position > \(index * share)"
                            + " AND position <= \((index + 1) * share) ORDER BY position) TO STDOUT (FORMAT binary)"
                    ) { _ in }
                    await connection.close()
                }
            }
            try await group.waitForAll()
        }
        return Double(ledger.head) / ((clock.now - start) / .seconds(1))
    }

    private static let quiet = Logger(label: "benchmark") { _ in SwiftLogNoOpLogHandler() }
}
