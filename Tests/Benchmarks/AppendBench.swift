import ArgumentParser
import Foundation
import Histogram
import Ledger
import Logging
import Money
import Postgres
import TestSupport

/// Appends through the appender and commits, beside a plain insert of the same rows through the same kind of group commit.
///
/// The callers do as requests do: each appends an authorization to a stream of its own, then the outcome to the same stream.
struct AppendBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "append",
        abstract: "Events a second through the appender, and the ratio to a plain insert of the same rows; one JSON line each.")

    @Option(parsing: .upToNextOption, help: "Numbers of concurrent callers.")
    var callers = [1, 64, 1024]

    @Option(help: "Rounds, in each of which the two take turns; the median counts.")
    var rounds = 5

    @Option(help: "Seconds that a turn takes, about.")
    var seconds = 2.0

    @Option(help: "How long to append behind an open snapshot; 0 leaves it out.")
    var snapshotMinutes = 0.25

    @Option(help: "The callers that append behind the snapshot.")
    var snapshotCallers = 64

    @Option(help: "A superuser's URL of a database to use and to keep; left out, a server of its own with fsync on.")
    var database: String?

    func run() async throws {
        if let database { return try await measure(database) }
        // As tools/up starts it.
        let settings = [
            "fsync": "on", "shared_buffers": "256MB", "max_wal_size": "4GB", "checkpoint_timeout": "15min", "jit": "off",
        ]
        try await PostgresServer.with(settings: settings) { server in try await measure(server.url) }
    }

    private func measure(_ url: String) async throws {
        let administrator = try PostgresConfiguration(url: url)
        _ = try await Migrator(
            schemaFolder: TestEnvironment.root + "/schema", configuration: administrator, logger: Self.quiet
        ).run()
        let connection = try await PostgresConnection.connect(administrator, logger: Self.quiet)
        let fsync = try await connection.query("SELECT current_setting('fsync')")[0].decode(0, as: String.self)
        guard fsync == "on" else { throw ValidationError("fsync is \(fsync): the figures would mean nothing") }
        try await connection.script(PlainAppender.tables)
        await connection.close()
        var service = administrator
        service.user = "llmgateway_service"
        for count in callers { try await compare(count, service, administrator) }
        try await alone(service)
        if snapshotMinutes > 0 { try await behindSnapshot(service, administrator) }
    }

    // MARK: Against the plain insert

    private func compare(_ callers: Int, _ service: PostgresConfiguration, _ administrator: PostgresConfiguration) async throws {
        var chained: [Load.Figures] = []
        var plain: [Load.Figures] = []
        // The first turn warms up, and says how many events a turn needs.
        var events = callers * 64
        for round in 0...rounds {
            // Who begins takes turns as well.
            for isChained in round.isMultiple(of: 2) ? [true, false] : [false, true] {
                let load = try Load(events: events, callers: callers)
                let figures =
                    isChained
                    ? try await Self.withAppender(service) { appender in
                        let backend = try await Self.backend(administrator)
                        return try await load.run(backend: backend, { appender.statistics.batches }) {
                            try await Self.append($0, appender)
                        }
                    }
                    : try await Self.withPlainAppender(administrator) { appender in
                        try await load.run(backend: appender.backend, { Int64(appender.batches) }) {
                            try await appender.append($0)
                        }
                    }
                if round == 0 {
                    if isChained { events = max(callers * 8, Int(figures.perSecond * seconds)) }
                } else if isChained {
                    chained.append(figures)
                } else {
                    plain.append(figures)
                }
            }
        }
        let ratios = zip(chained, plain).map { $0.perSecond / $1.perSecond }.sorted()
        let (ours, theirs) = (Load.Figures.median(chained), Load.Figures.median(plain))
        print(
            #"{"benchmark":"append","callers":\#(callers),"events_per_second":\#(Int(ours.perSecond)),"#
                + #""plain_events_per_second":\#(Int(theirs.perSecond)),"#
                + String(
                    format: #""ratio":%.2f,"ratio_lowest":%.2f,"ratio_highest":%.2f,"#, ratios[rounds / 2], ratios[0],
                    ratios[rounds - 1])
                + #""p50_us":\#(ours.p50),"p99_us":\#(ours.p99),"plain_p50_us":\#(theirs.p50),"plain_p99_us":\#(theirs.p99),"#
                + String(
                    format: #""server_us":%.1f,"plain_server_us":%.1f,"client_us":%.1f,"plain_client_us":%.1f,"#, ours.serverTime,
                    theirs.serverTime, ours.clientTime, theirs.clientTime)
                + String(
                    format: #""events_per_batch":%.1f,"plain_events_per_batch":%.1f,"rounds":%d}"#, ours.perBatch,
                    theirs.perBatch, rounds))
    }

    // MARK: One caller

    /// Where the time of a lone append goes: the whole, the same call of `ledger.append` by a caller that has a connection for
    /// itself, and the shortest statement there is. The first two commit.
    private func alone(_ service: PostgresConfiguration) async throws {
        let connection = try await PostgresConnection.connect(service, logger: Self.quiet)
        let cast = try Load.Cast()
        let (appended, called, selected) = try await Self.withAppender(service) { appender in
            var samples: [[Int]] = [[], [], []]
            for _ in 0..<2000 {
                for (index, event) in try (cast.request() + cast.request()).enumerated() {
                    let start = ContinuousClock.now
                    if index < 2 {
                        try await Self.append(event, appender)
                    } else {
                        try await Self.append(event, connection)
                    }
                    samples[index / 2].append(Int((ContinuousClock.now - start) / .nanoseconds(1)))
                }
                let start = ContinuousClock.now
                try await connection.query("SELECT 1")
                samples[2].append(Int((ContinuousClock.now - start) / .nanoseconds(1)))
            }
            return (Self.median(samples[0]), Self.median(samples[1]), Self.median(samples[2]))
        }
        await connection.close()
        print(
            #"{"benchmark":"append_alone","p50_us":\#(appended),"call_p50_us":\#(called),"select_p50_us":\#(selected)}"#)
    }

    /// Microseconds.
    private static func median(_ nanoseconds: [Int]) -> Double {
        Double(nanoseconds.sorted()[nanoseconds.count / 2] / 100) / 10
    }

    private static func append(_ event: NewEvent, _ connection: PostgresConnection) async throws {
        try await connection.query(
            """
            SELECT command, result, first_position, last_position, detail
            FROM ledger.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
            """,
            [
                .int4Array([1]), .uuidArray([event.id.uuid]), .textArray([event.stream.kind.rawValue]),
                .uuidArray([event.stream.id]), .int8Array([event.expectedVersion]), .textArray([event.type]),
                .int4Array([event.schemaVersion]), .uuidArray([event.organization?.uuid]), .jsonbArray([event.data]),
                .jsonbArray([event.metadata]), .timestamptzArray([event.occurredAt.microseconds]), .int8Array([event.epoch]),
            ])
    }

    // MARK: Behind a snapshot

    /// The first and the last minute (or third) of a run during all of which a snapshot is open.
    private func behindSnapshot(_ service: PostgresConfiguration, _ administrator: PostgresConfiguration) async throws {
        let holder = try await PostgresConnection.connect(administrator, logger: Self.quiet)
        try await holder.script("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM ledger.epochs")
        let length = snapshotMinutes * 60
        let part = min(60, length / 3)
        let callers = snapshotCallers
        let counts = try await Self.withAppender(service) { appender in
            let start = ContinuousClock.now
            async let counts = Self.counts(appender, at: [0, part, length - part, length].map { start + .seconds($0) })
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<callers {
                    group.addTask {
                        let cast = try Load.Cast()
                        while ContinuousClock.now < start + .seconds(length) {
                            for event in try cast.request() { try await Self.append(event, appender) }
                        }
                    }
                }
                try await group.waitForAll()
            }
            return try await counts
        }
        try await holder.script("COMMIT")
        await holder.close()
        let (first, last) = (Double(counts[1] - counts[0]) / part, Double(counts[3] - counts[2]) / part)
        print(
            #"{"benchmark":"append_behind_snapshot","callers":\#(snapshotCallers),"#
                + String(format: #""minutes":%.2f,"part_seconds":%.0f,"#, snapshotMinutes, part)
                + #""first_events_per_second":\#(Int(first)),"last_events_per_second":\#(Int(last)),"#
                + String(format: #""ratio":%.2f}"#, last / first))
    }

    /// How many events were appended at each moment.
    private static func counts(_ appender: Appender, at moments: [ContinuousClock.Instant]) async throws -> [Int64] {
        var counts: [Int64] = []
        for moment in moments {
            try await ContinuousClock().sleep(until: moment)
            counts.append(appender.statistics.appendedEvents)
        }
        return counts
    }

    // MARK: Appenders

    private static func append(_ event: NewEvent, _ appender: Appender) async throws {
        let result = try await appender.append(Command(event))
        guard case .appended = result else { throw ValidationError("the ledger answered \(result)") }
    }

    /// The appender's backend.
    private static func backend(_ administrator: PostgresConfiguration) async throws -> Int32 {
        let connection = try await PostgresConnection.connect(administrator, logger: quiet)
        let rows = try await connection.query(
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'llmgateway appender' AND datname = current_database()")
        await connection.close()
        return try rows[0].decode(0)
    }

    private static func withAppender<R: Sendable>(
        _ configuration: PostgresConfiguration, _ body: (Appender) async throws -> R
    ) async throws -> R {
        let appender = Appender(configuration: configuration, signal: LedgerSignal(), logger: quiet)
        async let running: Void = appender.run()
        // Connected and prepared before the clock runs.
        for event in try Load.Cast().request() { try await append(event, appender) }
        let result = try await body(appender)
        await appender.shutdown()
        try await running
        return result
    }

    private static func withPlainAppender<R: Sendable>(
        _ configuration: PostgresConfiguration, _ body: (PlainAppender) async throws -> R
    ) async throws -> R {
        let appender = try await PlainAppender(configuration, maximumBatch: Command.maximumEvents, logger: quiet)
        async let running: Void = appender.run()
        for event in try Load.Cast().request() { try await appender.append(event) }
        let result = try await body(appender)
        appender.close()
        await running
        return result
    }

    private static let quiet = Logger(label: "benchmark") { _ in SwiftLogNoOpLogHandler() }
}
