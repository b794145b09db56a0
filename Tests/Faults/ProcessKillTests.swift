import Foundation
import Ledger
import Postgres
import Synchronization
import TestSupport
import Testing

/// T1: the process is killed in mid-append, with SIGKILL, at a random moment.
@Suite(.timeLimit(.minutes(TestEnvironment.soak ? 60 : 10))) struct ProcessKillTests {
    @Test func `what a killed process acknowledged is there, and repeating everything ends with every event once`() async throws {
        var random = SeededGenerator(seed: TestEnvironment.seed("killed process"))
        for _ in 0..<(TestEnvironment.soak ? 100 : 3) {
            let plan = DyingAppender(
                seed: random.next(), events: TestEnvironment.soak ? 10_000 : 3_200,
                // By progress and not by time, so that a slow machine is hit in mid-append too.
                answers: Int.random(in: 1...(TestEnvironment.soak ? 3_000 : 500), using: &random),
                microseconds: Int.random(in: 0...3_000, using: &random))
            try await LedgerDatabase.with { database in
                let path = "/tmp/acknowledged-\(UUID().uuidString)"
                defer { try? FileManager.default.removeItem(atPath: path) }
                await #expect(processExitsWith: .signal(SIGKILL)) {
                    [plan = plan as DyingAppender, url = database.url as String, path = path as String] in
                    try await plan.run(url: url, path: path)
                }
                let heard = try Self.answers(path)
                #expect(heard.count >= plan.answers)
                let workload = try AppendWorkload(seed: plan.seed, events: plan.events)
                let first = try await AppendAudit(workload, acknowledged: heard, in: database)
                #expect(first.found < workload.events, "it died too late to show anything")
                let again = Acknowledged()
                try await withFaultAppender(database) { appender in
                    try await workload.append(appender) { again.note($0, $1) }
                }
                let all = again.all
                for (id, position) in heard { #expect(all[id] == position) }
                let last = try await AppendAudit(workload, acknowledged: all, in: database)
                #expect(last.found == workload.events)
            }
        }
    }

    /// The whole gateway: every answer that a client got has its two events, once, also after the next start.
    @Test func `a killed gateway has recorded every answer that it gave`() async throws {
        var random = SeededGenerator(seed: TestEnvironment.seed("killed gateway"))
        try await withGateway { gateway in
            let token = try await GatewayClient.shop(gateway)
            var answered: [String] = []
            for _ in 0..<(TestEnvironment.soak ? 30 : 2) {
                let mark = answered.count + Int.random(in: 20...200, using: &random)
                let heard = Answers(answered)
                await withTaskGroup(of: Void.self) { group in
                    for _ in 0..<16 {
                        group.addTask {
                            // Until the gateway is gone.
                            while let answer = try? await GatewayClient.chat(gateway, token) {
                                guard answer.status == 200, let request = answer.request else { continue }
                                if heard.note(request) == mark { await gateway.kill() }
                            }
                        }
                    }
                }
                answered = heard.all
                try await gateway.start()
            }
            let events = try await gateway.command("ledger", "events", "--json", "--limit", "1000000")
            var types: [String: [String]] = [:]
            for line in events.split(separator: "\n") {
                let event = try JSONDecoder().decode(Event.self, from: Data(line.utf8))
                types[event.stream, default: []].append(event.type)
            }
            for request in answered {
                #expect(types["request/\(request)"] == ["request.authorized", "request.completed"])
            }
            #expect(Set(answered).count == answered.count)
            let verified = try await gateway.command("ledger", "verify", "--json")
            #expect(verified.contains("\"head\":"))
        }
    }

    /// The requests that were answered, over all starts of the gateway.
    private final class Answers: Sendable {
        private let requests: Mutex<[String]>

        init(_ requests: [String]) { self.requests = Mutex(requests) }

        var all: [String] { requests.withLock { $0 } }

        /// Returns how many there are now.
        func note(_ request: String) -> Int {
            requests.withLock { requests in
                requests.append(request)
                return requests.count
            }
        }
    }

    private struct Event: Decodable { let stream: String, type: String }

    /// Whole lines only: the last one may have been cut off.
    private static func answers(_ path: String) throws -> [EventID: Int64] {
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map { $0.split(separator: " ") }
        var answers: [EventID: Int64] = [:]
        for words in lines where words.count == 3 {
            let position = try #require(Int64(words[1], radix: 10))
            answers[try #require(EventID(String(words[0])))] = position
        }
        return answers
    }
}

/// The process that dies.
struct DyingAppender: Codable, Sendable {
    let seed: UInt64
    let events: Int
    /// It dies this long after this many answers.
    let answers: Int
    let microseconds: Int

    /// Writes down every answer before it goes on.
    func run(url: String, path: String) async throws {
        var configuration = try PostgresConfiguration(url: url)
        configuration.user = "llmgateway_service"
        let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        let acknowledged = Acknowledged()
        let workload = try AppendWorkload(seed: seed, events: events)
        try await withFaultAppender(configuration) { appender in
            try await workload.append(appender) { command, first in
                let line = Array("\(command.events[0].id) \(first) .\n".utf8)
                _ = line.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
                acknowledged.note(command, first)
                if acknowledged.count == answers {
                    Thread.detachNewThread {
                        usleep(UInt32(microseconds))
                        kill(getpid(), SIGKILL)
                    }
                }
            }
        }
    }
}
