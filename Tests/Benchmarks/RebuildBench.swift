import ArgumentParser
import Logging
import Postgres
import Projections
import TestSupport

/// Rebuilds of projections over a large ledger, beside reading the same events once.
struct RebuildBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rebuild",
        abstract: "Events a second of rebuilding each projection, as a share of reading the events in order.")

    @Option(parsing: .upToNextOption, help: "Projections.")
    var projections = ["balances", "usage", "journal", "requests"]

    @Option(help: "Events of the ledger.")
    var events = 1_000_000

    @Flag(help: "Append all the while, and read the live tables all the while.")
    var underLoad = false

    @Option(help: "A superuser's URL of a database to use, and to fill where it is short of events; a new one by default.")
    var database: String?

    private struct Line: Encodable {
        let projection: String
        let events: Int64
        /// While applying from position 1.
        let applyEventsPerSecond: Double
        /// The whole of applying, making indexes, comparing and swapping.
        let totalEventsPerSecond: Double
        let referenceEventsPerSecond: Double
        /// Of the reference, while applying.
        let ratio: Double
        let equal: Bool
        /// With `--under-load`: events appended a second meanwhile, reads of the live tables, and those of them that failed.
        let appendedPerSecond: Double?
        let reads: Int?
        let failedReads: Int?
        let seconds: [String: Double]
    }

    func run() async throws {
        try await FilledLedger.with(database, events: events) { ledger in
            let reference = try await read(ledger)
            for name in projections { try await rebuild(name, ledger, reference) }
        }
    }

    private static let quiet = Logger(label: "benchmark") { _ in SwiftLogNoOpLogHandler() }

    /// Every event's body once, in order; the second time, when all of it has been read before.
    ///
    /// - Returns: Events a second.
    private func read(_ ledger: FilledLedger) async throws -> Double {
        let connection = try await PostgresConnection.connect(ledger.configuration, logger: Self.quiet)
        try await connection.script("SET max_parallel_workers_per_gather = 0")
        var rate = 0.0
        for _ in 0..<2 {
            let began = ContinuousClock.now
            try await connection.query(
                """
                SELECT sum(length(e.data::text)) FROM (
                    SELECT data FROM ledger.events WHERE position <= $1 ORDER BY position) AS e
                """, [.int8(ledger.head)], deadline: .seconds(600))
            rate = Double(ledger.head) / ((.now - began) / .seconds(1))
        }
        await connection.close()
        return rate
    }

    private func rebuild(_ name: String, _ ledger: FilledLedger, _ reference: Double) async throws {
        let definition = try ProjectionDefinition.load(folder: "\(TestEnvironment.root)/projections/\(name)")
        let projector = Projector(
            definition: definition, configuration: ledger.configuration, signal: nil, logger: Self.quiet)
        let running = Task { await projector.run() }
        while projector.position < ledger.head { try await Task.sleep(for: .milliseconds(50)) }
        let load = underLoad ? RebuildLoad(ledger.configuration, reading: name, logger: Self.quiet) : nil
        let phases = Phases()
        let began = ContinuousClock.now
        let report = try await Rebuilder(
            definition: definition, configuration: ledger.configuration, logger: Self.quiet
        ).rebuild { phases.enter($0.phase) }
        let elapsed = (.now - began) / .seconds(1)
        let figures = try await load?.stop()
        running.cancel()
        await running.value
        try JSONLine.show(
            Line(
                projection: name, events: ledger.head, applyEventsPerSecond: report.eventsPerSecond.rounded(),
                totalEventsPerSecond: (Double(ledger.head) / elapsed).rounded(), referenceEventsPerSecond: reference.rounded(),
                ratio: (report.eventsPerSecond / reference).places(2), equal: report.comparison?.equal ?? false,
                appendedPerSecond: figures.map { (Double($0.appended) / elapsed).rounded() }, reads: figures?.reads,
                failedReads: figures?.failedReads,
                seconds: phases.seconds()))
    }
}
