import Foundation
import Ledger
import Logging
import Postgres
import Synchronization
import TestSupport
import Testing

/// Histories that several callers append at the same time, made from a seed, so that another process can make the same ones
/// and append them again.
struct AppendWorkload: Sendable {
    /// What each caller appends, in order; commands of one to five events.
    let shares: [[Command]]
    let events: Int

    static let callers = 32

    init(seed: UInt64, events: Int) throws {
        var random = SeededGenerator(seed: seed)
        let share = events / Self.callers
        self.events = share * Self.callers
        shares = try (0..<Self.callers).map { _ in
            var history = HistoryGenerator(seed: random.next())
            var rest = try history.events(share)[...]
            var commands: [Command] = []
            while !rest.isEmpty {
                let size = min(rest.count, Int.random(in: 1...5, using: &random))
                commands.append(try Command(Array(rest.prefix(size))))
                rest = rest.dropFirst(size)
            }
            return commands
        }
    }

    struct Unexpected: Error {
        let result: AppendResult
    }

    /// Appends everything, each command again until there is an answer, as a client would with the same key.
    /// - Parameter acknowledged: hears of every answer.
    func append(
        _ appender: Appender, acknowledged: @escaping @Sendable (Command, _ first: Int64) -> Void = { _, _ in }
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for share in shares {
                group.addTask {
                    for command in share { acknowledged(command, try await Self.insist(command, appender)) }
                }
            }
            try await group.waitForAll()
        }
    }

    private static func insist(_ command: Command, _ appender: Appender) async throws -> Int64 {
        while true {
            do {
                switch try await appender.append(command, deadline: .seconds(5)) {
                case .appended(let first, _), .already(let first, _): return first
                case let other: throw Unexpected(result: other)
                }
            } catch let error as AppendError {
                guard [.unavailable, .deadlineExceeded].contains(error.code) else { throw error }
                try await Task.sleep(for: .milliseconds(20))
            }
        }
    }
}

/// Answers that were heard: the position of a command's first event by that event's id.
final class Acknowledged: Sendable {
    private let positions = Mutex<[EventID: Int64]>([:])
    private let over = Mutex(false)

    func note(_ command: Command, _ first: Int64) { positions.withLock { $0[command.events[0].id] = first } }

    /// No more will be heard.
    func end() { over.withLock { $0 = true } }
    var isOver: Bool { over.withLock { $0 } }

    var all: [EventID: Int64] { positions.withLock { $0 } }
    var count: Int { positions.withLock { $0.count } }
}

/// Checks what a ledger holds of a workload.
struct AppendAudit {
    /// How many of the workload's events are in the ledger.
    let found: Int

    /// Every event is there once at most, commands are whole or absent, side by side and in order; what was acknowledged is
    /// where it was said to be; the chain holds.
    init(_ workload: AppendWorkload, acknowledged: [EventID: Int64], in database: LedgerDatabase) async throws {
        try await Self.waitForTheDead(in: database)
        let rows = try await database.client.query(
            "SELECT id, position FROM ledger.events WHERE position > 2 ORDER BY position", deadline: .seconds(60))
        var positions: [UUID: Int64] = [:]
        for row in rows {
            let id: UUID = try row.decode(0)
            #expect(positions.updateValue(try row.decode(1), forKey: id) == nil, "\(id) is there twice")
        }
        var found = 0
        for command in workload.shares.joined() {
            let places = command.events.map { positions[$0.id.uuid] }
            found += places.count { $0 != nil }
            let first = places[0]
            #expect(
                places == (0..<Int64(places.count)).map { n in first.map { $0 + n } }, "a command is whole or absent: \(places)")
            if let heard = acknowledged[command.events[0].id] {
                #expect(first == heard, "what was acknowledged at \(heard) is there")
            }
        }
        #expect(found == positions.count, "nothing else is in the ledger")
        self.found = found
        let report = try await Verifier(configuration: database.service, seals: nil, logger: database.logger).run()
        #expect(report.fault == nil)
        #expect(report.head == Int64(positions.count) + 2, "no position is missing")
    }

    /// What a killed appender had sent, its server's process still commits: the ledger is looked at when that process is gone.
    private static func waitForTheDead(in database: LedgerDatabase) async throws {
        for _ in 0..<1_000 {
            let rows = try await database.client.query(
                """
                SELECT FROM pg_stat_activity
                WHERE datname = current_database() AND application_name = 'llmgateway appender'
                """)
            if rows.isEmpty { return }
            try await Task.sleep(for: .milliseconds(20))
        }
        Issue.record("an appender is still connected")
    }
}

/// Runs `body` with an appender as the gateway has one.
func withFaultAppender<R: Sendable>(_ database: LedgerDatabase, _ body: (Appender) async throws -> R) async throws -> R {
    try await withFaultAppender(database.service, body)
}

func withFaultAppender<R: Sendable>(
    _ configuration: PostgresConfiguration, _ body: (Appender) async throws -> R
) async throws -> R {
    let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let appender = Appender(configuration: configuration, logger: quiet)
    let writer = Task { try await appender.run() }
    do {
        let result = try await body(appender)
        await appender.shutdown()
        try await writer.value
        return result
    } catch {
        await appender.shutdown()
        _ = try? await writer.value
        throw error
    }
}
