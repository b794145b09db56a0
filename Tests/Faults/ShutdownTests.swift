import Foundation
import Ledger
import Postgres
import TestSupport
import Testing

/// SIGTERM: what runs is drained and settled, and what outlives its time is cut off and settled for what was produced.
@Suite(
    .serialized, .timeLimit(.minutes(10)),
    .enabled(if: MockProvider.source != nil, "the mock provider's source is not there: set LLMGATEWAY_SHARED"))
struct ShutdownTests {
    @Test func `a stream that is open comes to its end`() async throws {
        try await Self.withStream("short", drainSeconds: 60) { gateway, stream, text in
            await gateway.stop()
            await stream.wait()
            #expect(try text().hasSuffix("data: [DONE]\n\n"))
            let outcome = try await Self.outcome(gateway)
            #expect(outcome == ["request.completed", "40000", "false"])
        }
    }

    @Test func `a stream that outlives the deadline is charged for what was written`() async throws {
        try await Self.withStream("long", drainSeconds: 1) { gateway, stream, text in
            await gateway.stop()
            await stream.wait()
            #expect(try !text().contains("[DONE]"))
            let outcome = try await Self.outcome(gateway)
            #expect(["request.failed", "request.cancelled"].contains(outcome[0]), "\(outcome)")
            // A microdollar a token, and the whole would have been three thousand.
            let charged = try #require(Int64(outcome[1]))
            #expect(charged > 0 && charged < 3_000_000 && outcome[2] == "true", "\(outcome)")
        }
    }

    @Test func `a call that is not streamed and outlives the deadline has an outcome too`() async throws {
        let provider = try await SlowProvider()
        try await withGateway(
            environment: provider.environment.merging(["LLMGATEWAY_DRAIN_SECONDS": "1"]) { _, given in given }
        ) { gateway in
            let token = try await GatewayClient.shop(gateway)
            async let answer = try? GatewayClient.chat(gateway, token, model: "never")
            try await provider.wait(for: 1)
            await gateway.stop()
            #expect(await answer?.status != 200)
            let outcome = try await Self.outcome(gateway)
            #expect(outcome[0] == "request.failed" && outcome[1] == "0", "\(outcome)")
        }
        await provider.remove()
    }

    @Test func `a large answer goes on to a client that reads slowly`() async throws {
        try await withGateway(environment: ["LLMGATEWAY_DRAIN_SECONDS": "60"]) { gateway in
            let token = try await GatewayClient.shop(gateway, credits: "1000")
            // Of 40 MB, beyond what the kernel keeps for a connection.
            let prompt = String(repeating: "x", count: 400_000)
            let asked = #"{"model":"echo-large","n":100,"max_tokens":100000,"messages":[{"role":"user","content":"\#(prompt)"}]}"#
            try asked.write(toFile: gateway.home + "/asked", atomically: true, encoding: .utf8)
            let path = gateway.home + "/answer"
            let client = try ChildProcess(
                "curl",
                [
                    "-s", "-m", "120", "--limit-rate", "8M", gateway.url + "/v1/chat/completions", "-H",
                    "authorization: Bearer \(token)", "-H", "content-type: application/json", "-d", "@\(gateway.home)/asked",
                ], output: path)
            func count() throws -> Int {
                try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0
            }
            for _ in 0..<1_000 where try count() < 1_000_000 { try await Task.sleep(for: .milliseconds(20)) }
            await gateway.stop()
            await client.wait()
            let text = try Data(contentsOf: URL(fileURLWithPath: path))
            #expect(text.count > 40_000_000, "\(String(decoding: text.prefix(500), as: UTF8.self))")
            let answer = try JSONSerialization.jsonObject(with: text)
            #expect(((answer as? [String: Any])?["choices"] as? [Any])?.count == 100)
        }
    }

    // MARK: -

    /// Runs `body` when the first bytes of a stream have come; the last argument reads what came so far.
    private static func withStream(
        _ model: String, drainSeconds: Int, _ body: (GatewayProcess, ChildProcess, () throws -> String) async throws -> Void
    ) async throws {
        let provider = try await SlowProvider()
        try await withGateway(
            environment: provider.environment.merging(["LLMGATEWAY_DRAIN_SECONDS": "\(drainSeconds)"]) { _, given in given }
        ) { gateway in
            let token = try await GatewayClient.shop(gateway)
            let path = gateway.home + "/stream"
            let asked = #"{"model":"\#(model)","stream":true,"max_tokens":4096,"messages":[{"role":"user","content":"hi"}]}"#
            let stream = try ChildProcess(
                "curl",
                [
                    "-sN", "-m", "120", gateway.url + "/v1/chat/completions", "-H", "authorization: Bearer \(token)", "-H",
                    "content-type: application/json", "-d", asked,
                ], output: path)
            func text() throws -> String { try String(contentsOfFile: path, encoding: .utf8) }
            for _ in 0..<1_000 where try text().count < 1_000 { try await Task.sleep(for: .milliseconds(20)) }
            try await body(gateway, stream, text)
        }
        await provider.remove()
    }

    /// Type, charge in nano-dollars and whether it is estimated, of the only request.
    private static func outcome(_ gateway: GatewayProcess) async throws -> [String] {
        let connection = try await PostgresConnection.connect(
            PostgresConfiguration(url: gateway.database.url), logger: LedgerDatabase.quiet)
        let rows = try await connection.query(
            """
            SELECT type, data ->> 'charged', coalesce(data ->> 'estimated', 'false')
            FROM ledger.events WHERE stream_kind = 'request' AND stream_version = 2
            """)
        await connection.close()
        try #require(rows.count == 1)
        return try (0..<3).map { try rows[0].decode($0) }
    }
}
