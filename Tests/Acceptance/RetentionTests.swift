import Foundation
import Ledger
import Logging
import Postgres
import TestSupport
import Testing

/// The bodies of requests: kept beside the ledger for those who want it, provable by the ledger, and forgotten without a trace
/// in the chain.
@Suite struct RetentionTests {
    private struct Request: Decodable {
        let requestId: String, sent: String, stream: Bool, retained: Bool
    }

    /// Waits until so many bodies are kept.
    private func wait(_ postgres: PostgresClient, forBodies count: Int64) async throws {
        try await eventually("\(count) bodies are kept") {
            try await postgres.query("SELECT count(*) FROM ledger.payloads")[0].decode(0, as: Int64.self) == count
        }
    }

    @Test func bodiesAreKeptForThoseWhoWantItAndForgotten() async throws {
        try await withGateway { gateway in
            let key = try await AcceptanceTests.shop(gateway)
            let other = try await AcceptanceTests.shop(gateway)
            try await gateway.command(
                "organizations", "set-retention", "--organization", key.organization, "--level", "retain")
            let requests = try JSONDecoder().decode(
                [Request].self, from: Data(try await gateway.python("retention.py", [key.token, other.token]).utf8))
            let postgres = PostgresClient(
                try PostgresConfiguration(url: gateway.database.url), maximumConnections: 2, logger: Logger(label: "test"))
            try await wait(postgres, forBodies: 4)
            let store = PayloadStore(postgres)
            for request in requests {
                let id = try #require(RequestID(request.requestId))
                let outcome = try #require(
                    try await gateway.outcomes("request.completed", stream: "request/\(request.requestId)").first)
                let prompt = try await store.get(request: id, kind: "prompt")
                let completion = try await store.get(request: id, kind: "completion")
                guard request.retained else {
                    #expect(outcome.data.bodies == nil && prompt == nil && completion == nil)
                    continue
                }
                #expect(prompt?.body == Array(request.sent.utf8))
                let answer = String(decoding: completion?.body ?? [], as: UTF8.self)
                // What the provider said, before the gateway added what it cost.
                #expect(answer.contains("Zoë") && !answer.contains("request_id"))
                #expect(answer.contains("data: ") == request.stream)
                for (body, digest) in [(prompt, outcome.data.bodies?.prompt), (completion, outcome.data.bodies?.completion)] {
                    let (body, digest) = (try #require(body), try #require(digest.flatMap(Self.bytes)))
                    #expect(PayloadStore.matches(body.body, digest: digest, key: body.key))
                }
            }
            let ledger = try await gateway.command("ledger", "export", "--format", "jsonl")
            #expect(ledger.contains("request.completed") && !ledger.contains("Zoë"))
            try await gateway.command("ledger", "verify")

            // Their month is over: the next start forgets them.
            await gateway.stop()
            _ = try await postgres.query(
                "SELECT ledger.prepare_day('payloads', p.day - 40) FROM (SELECT DISTINCT day FROM ledger.payloads) AS p")
            _ = try await postgres.query("UPDATE ledger.payloads SET day = day - 40")
            try await gateway.start()
            try await wait(postgres, forBodies: 0)
            try await gateway.command("ledger", "verify")
            #expect(try await gateway.command("ledger", "export", "--format", "jsonl") == ledger)
            await postgres.shutdown()
        }
    }

    private static func bytes(_ hexadecimal: String) -> [UInt8]? {
        let digits = Array(hexadecimal)
        let bytes = stride(from: 0, to: digits.count - 1, by: 2).compactMap { UInt8(String(digits[$0...$0 + 1]), radix: 16) }
        return bytes.count == 32 ? bytes : nil
    }
}
