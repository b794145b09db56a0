import Foundation
import Glibc
import Ledger
import Postgres
import TestSupport
import Testing

/// T22: the disk under Postgres is full. What is new is refused, nothing that was answered is lost, and it goes on when there is room.
@Suite(
    .serialized, .timeLimit(.minutes(10)),
    .enabled(if: MockProvider.source != nil, "the mock provider's source is not there: set LLMGATEWAY_SHARED"))
struct DiskTests {
    /// Where there is no room: Postgres refuses what needs another page of a table, and can't go on at all without its log.
    enum Full: String, CaseIterable { case tables = "/base/", log = "/pg_wal/" }

    @Test(arguments: Full.allCases)
    func `a full disk under Postgres loses nothing that was answered`(full: Full) async throws {
        let disk = try await FaultyMachine(path: full.rawValue)
        let provider = try await SlowProvider()
        try await PostgresServer.with(environment: disk.environment) { server in
            try await withGateway(environment: provider.environment, server: server.url) { gateway in
                let token = try await GatewayClient.shop(gateway)
                async let inFlight = Self.ask(gateway, token, model: "slow", times: 5)
                try await provider.keeping(5) { try disk.set(error: ENOSPC) }
                var answers = try await inFlight
                #expect(answers.map(\.status) == [200, 200, 200, 200, 200], "\(answers.map(\.body))")
                // Until the pages there are have been filled, requests may go on.
                while answers.last?.status == 200, answers.count < 200 {
                    answers.append(try await GatewayClient.chat(gateway, token))
                }
                #expect(answers.last?.status == 503 && answers.last?.retryAfter != nil, "\(answers.count) were answered")
                #expect(server.log.contains("No space left on device"))
                try disk.set(error: 0)
                if full == .log { await Self.startAgain(server) }
                answers.append(try await Self.insist(gateway, token))
                try await Self.expectBooks(gateway, of: answers)
            }
        }
        await provider.remove()
        disk.remove()
    }

    /// Without its log the server ends; it may also have come back by itself.
    private static func startAgain(_ server: PostgresServer) async {
        for _ in 0..<5 {
            if (try? await server.start()) != nil { return }
            try? await Task.sleep(for: .milliseconds(500))
        }
    }

    /// Every answer has its events and nothing else has an outcome, in a ledger that verifies.
    private static func expectBooks(_ gateway: GatewayProcess, of answers: [GatewayClient.Answer]) async throws {
        let answered = Set(answers.filter { $0.status == 200 }.compactMap(\.request))
        var completed: Set<String> = []
        for _ in 0..<150 {
            let rows = try await Self.rows(
                gateway, "SELECT stream_id::text FROM ledger.events WHERE type = 'request.completed'")
            completed = Set(rows)
            if completed.count >= answered.count { break }
            try await Task.sleep(for: .milliseconds(200))
        }
        #expect(completed == Set(answered.compactMap { RequestID($0)?.uuid.uuidString.lowercased() }))
        let twice = try await Self.rows(
            gateway, "SELECT stream_id::text FROM ledger.events WHERE type = 'request.completed' GROUP BY 1 HAVING count(*) > 1")
        #expect(twice.isEmpty)
        try await gateway.command("ledger", "verify")
    }

    private static func rows(_ gateway: GatewayProcess, _ query: String) async throws -> [String] {
        let connection = try await PostgresConnection.connect(
            PostgresConfiguration(url: gateway.database.url), logger: LedgerDatabase.quiet)
        let rows = try await connection.query(query)
        await connection.close()
        return try rows.map { try $0.decode(0) }
    }

    private static func ask(
        _ gateway: GatewayProcess, _ token: String, model: String, times: Int
    ) async throws -> [GatewayClient.Answer] {
        try await withThrowingTaskGroup(of: GatewayClient.Answer.self) { group in
            for _ in 0..<times { group.addTask { try await GatewayClient.chat(gateway, token, model: model, maximum: 64) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
    }

    /// The first request that is let in again.
    private static func insist(_ gateway: GatewayProcess, _ token: String) async throws -> GatewayClient.Answer {
        var answer = try await GatewayClient.chat(gateway, token)
        for _ in 0..<100 where answer.status != 200 {
            try await Task.sleep(for: .milliseconds(200))
            answer = try await GatewayClient.chat(gateway, token)
        }
        #expect(answer.status == 200, "\(answer.body)")
        return answer
    }
}
