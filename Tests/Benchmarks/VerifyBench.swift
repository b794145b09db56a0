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
    var connections = Verifier.usualConnections

    @Option(help: "Rounds; the median counts.")
    var rounds = 3

    @Option(help: "A superuser's URL of a database to fill and to keep; left out, a server of its own.")
    var database: String?

    func run() async throws {
        try await FilledLedger.with(database, events: events) { ledger in
            let folder = NSTemporaryDirectory() + "/verify-\(UUID().uuidString.prefix(13))"
            defer { try? FileManager.default.removeItem(atPath: folder) }
            let seals = try await seal(ledger, in: folder)
            var verified: [Double] = []
            var copied: [Double] = []
            let processor = Self.processor()
            for _ in 0..<rounds { verified.append(try await verify(ledger, seals)) }
            let used = (Self.processor() - processor) / Double(rounds) / Double(ledger.head)
            for _ in 0..<rounds { copied.append(try await copy(ledger)) }
            let rate = verified.sorted()[rounds / 2]
            let reference = copied.sorted()[rounds / 2]
            print(
                #"{"benchmark":"verify","events":\#(ledger.head),"connections":\#(connections),"#
                    + #""events_per_second":\#(Int(rate)),"copy_events_per_second":\#(Int(reference)),"#
                    + String(format: #""ratio_to_copy":%.2f,"processor_us_per_event":%.2f,"#, rate / reference, used * 1e6)
                    + String(format: #""fill_seconds":%.1f}"#, ledger.filling / .seconds(1)))
        }
    }

    /// Everything is sealed, as it is where `serve` seals every minute: the verifier has the Merkle tree to compute, too.
    private func seal(_ ledger: FilledLedger, in folder: String) async throws -> Verifier.SealSet {
        let client = PostgresClient(ledger.configuration, maximumConnections: 2, logger: Self.quiet)
        guard let id = try await LedgerReader(client).ledgerID() else { throw ValidationError("there is no ledger") }
        let file = SealFile(folder: folder, ledger: id)
        let key = try SealKey(path: folder + "/key")
        try await Sealer(client: client, ledger: id, file: file, key: key, logger: Self.quiet).seal()
        await client.shutdown()
        return .init(seals: try await file.read(), keys: [key.publicKey])
    }

    private func verify(_ ledger: FilledLedger, _ seals: Verifier.SealSet) async throws -> Double {
        let report = try await Verifier(
            configuration: ledger.configuration, seals: seals, connections: connections, logger: Self.quiet
        ).run()
        if let fault = report.fault { throw ValidationError("the ledger is broken: \(fault)") }
        if report.sealedTo != report.head { throw ValidationError("the ledger is sealed to \(report.sealedTo) only") }
        return Double(report.head) / (report.elapsed / .seconds(1))
    }

    /// Seconds of this process; Postgres's own come on top.
    private static func processor() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
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
