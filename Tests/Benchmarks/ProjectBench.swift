import Admission
import ArgumentParser
import Foundation
import Ledger
import Logging
import NIOPosix
import Postgres
import Projections
import Redis
import TestSupport

/// What following the ledger costs Postgres: processor time of the projector's backend for each event, by size of the batches.
struct ProjectBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "project", abstract: "Postgres's processor time of live projections, for each event of a batch.")

    @Option(parsing: .upToNextOption, help: "Projections.")
    var projections = ["balances", "journal", "usage", "requests", "admission"]

    @Option(parsing: .upToNextOption, help: "Events of a batch.")
    var sizes = [2, 50, 300, 2000]

    @Option(help: "Events of every line, at least.")
    var events = 20_000

    @Option(help: "Events that are in the ledger before.")
    var before = 50_000

    private struct Line: Encodable {
        let projection: String
        let batch: Int
        let postgresMicrosecondsPerEvent: Double
        let millisecondsPerBatch: Double
    }

    func run() async throws {
        let server = try await RedisServer()
        do {
            try await measure(server)
        } catch {
            await server.tearDown()
            throw error
        }
        await server.tearDown()
    }

    private static let quiet = Logger(label: "benchmark") { _ in SwiftLogNoOpLogHandler() }

    private func measure(_ server: RedisServer) async throws {
        try await FilledLedger.with(nil, events: before) { ledger in
            let client = PostgresClient(ledger.configuration, maximumConnections: 4, logger: Self.quiet)
            let appender = Appender(configuration: ledger.configuration, logger: Self.quiet)
            let appending = Task { try await appender.run() }
            let redis = AdmissionRedis(
                configuration: try RedisConfiguration(url: server.socketURL),
                eventLoopGroup: MultiThreadedEventLoopGroup.singleton,
                folder: try AdmissionFolder(path: TestEnvironment.root + "/projections/admission"), postgres: client,
                appender: appender, logger: Self.quiet)
            let writer = try await PostgresConnection.connect(ledger.configuration, logger: Self.quiet)
            var day = BusyDay(seed: 2)
            var head = ledger.head
            for name in projections {
                let signal = LedgerSignal()
                let projector = Projector(
                    definition: try .load(folder: "\(TestEnvironment.root)/projections/\(name)"),
                    configuration: ledger.configuration, signal: signal,
                    mirror: name == "admission" ? AdmissionMirror(redis: redis, logger: Self.quiet) : nil, pace: .zero,
                    logger: Self.quiet)
                let running = Task { await projector.run() }
                try await reach(head, projector, signal)
                let backend = try await Self.backend(of: name, client)
                for size in sizes {
                    let batches = min(500, max(20, events / size))
                    var used = 0.0
                    var elapsed = Duration.zero
                    for _ in 0..<batches {
                        head = try await day.append(size, to: writer)
                        let began = (Self.seconds(of: backend), ContinuousClock.now)
                        try await reach(head, projector, signal)
                        used += Self.seconds(of: backend) - began.0
                        elapsed += .now - began.1
                    }
                    try JSONLine.show(
                        Line(
                            projection: name, batch: size,
                            postgresMicrosecondsPerEvent: (used / Double(batches * size) * 1e6).places(1),
                            millisecondsPerBatch: (elapsed / .milliseconds(1) / Double(batches)).places(2)))
                }
                running.cancel()
                await running.value
            }
            await writer.close()
            await redis.shutdown()
            await appender.shutdown()
            _ = try? await appending.value
            await client.shutdown()
        }
    }

    private func reach(_ head: Int64, _ projector: Projector, _ signal: LedgerSignal) async throws {
        signal.signal(head)
        while projector.position < head {
            if case .halted(let position, let reason) = projector.state {
                throw ValidationError("\(projector.definition.name) halted at \(position ?? 0): \(reason)")
            }
            try await Task.sleep(for: .microseconds(500))
        }
    }

    private static func backend(of name: String, _ client: PostgresClient) async throws -> Int32 {
        let rows = try await client.query(
            "SELECT pid FROM pg_stat_activity WHERE application_name = $1", [.text("llmgateway projection \(name)")])
        guard let row = rows.first else { throw ValidationError("\(name) has no backend") }
        return try row.decode(0)
    }

    /// Seconds of processor time of a process's first thread; a backend of Postgres has no other.
    private static func seconds(of process: Int32) -> Double {
        guard let text = try? String(contentsOfFile: "/proc/\(process)/schedstat", encoding: .utf8),
            let nanoseconds = text.split(separator: " ").first.flatMap({ Double($0) })
        else { return 0 }
        return nanoseconds / 1e9
    }
}
