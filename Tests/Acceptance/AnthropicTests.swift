import TestSupport
import Testing

/// A provider that speaks Anthropic's Messages, and clients that speak OpenAI's chat completions.
@Suite struct AnthropicTests {
    private func environment(_ port: Int) -> [String: String] {
        [
            "LLM_CLAUDE_API_KEY": "upstream-secret", "LLM_CLAUDE_BASE_URL": "http://127.0.0.1:\(port)",
            "LLMGATEWAY_CATALOGUE": TestEnvironment.root + "/Tests/Acceptance/anthropic_catalogue.json",
        ]
    }

    @Test func clientsOfAnthropicReachEverybody() async throws {
        let port = try freePort()
        try await withGateway(environment: environment(port)) { gateway in
            let key = try await AcceptanceTests.shop(gateway)
            let disabled = try await AcceptanceTests.shop(gateway)
            try await gateway.command("keys", "disable", "--key", disabled.key)
            try await gateway.python("anthropic_sdk.py", [key.token, disabled.token, "\(port)"])
            // Anthropic's own bytes are charged by its own counts: 180 tokens of prompt and at most 40 of answer.
            let outcomes = try await gateway.outcomes("request.completed")
            let native = outcomes.filter { $0.data.usage == .init(promptTokens: 180, completionTokens: 40) }
            #expect(native.count >= 8 && native.allSatisfy { $0.data.charged == 1_050_000 && !$0.data.estimated })
            #expect(outcomes.allSatisfy { !$0.data.estimated })
        }
    }

    @Test func whatWentUpstreamIsKeptForThoseWhoAskAndKeepBodies() async throws {
        let port = try freePort()
        try await withGateway(environment: environment(port)) { gateway in
            try await gateway.python("debug.py", ["\(port)"])
        }
    }

    @Test func clientsOfOpenAIReachAnthropicAndPayExactly() async throws {
        let port = try freePort()
        try await withGateway(environment: environment(port)) { gateway in
            let key = try await AcceptanceTests.shop(gateway)
            let paid = try await gateway.python("anthropic_upstream.py", [key.token, "\(port)"])
            let outcomes = try await gateway.outcomes("request.completed")
            #expect(outcomes.reduce(0) { $0 + $1.data.charged } == Int(paid.dropLast()))
            // What the provider had told when the client left is what is charged of the prompt.
            let left = try #require(
                try await gateway.outcomes("request.cancelled", count: 1, clientRequestID: "left").first)
            #expect(left.data.usage.promptTokens == 180 && left.data.estimated)
            // Broken streams are charged for what was said, all other failures nothing.
            for failed in try await gateway.outcomes("request.failed") {
                #expect(failed.data.charged == 0 || failed.data.usage.promptTokens == 180)
            }
        }
    }
}
