import TestSupport
import Testing

/// A provider that speaks OpenAI's Responses API, and clients that speak OpenAI's and Anthropic's formats.
@Suite struct ResponsesUpstreamTests {
    @Test func everyClientReachesTheProviderAndPaysExactly() async throws {
        let port = try freePort()
        let environment = [
            "LLM_PRO_API_KEY": "pro-secret", "LLM_PRO_BASE_URL": "http://127.0.0.1:\(port)/v1",
            "LLM_AZURE_API_KEY": "pro-secret", "LLM_AZURE_BASE_URL": "http://127.0.0.1:\(port)",
            "LLMGATEWAY_CATALOGUE": TestEnvironment.root + "/Tests/Acceptance/pro_catalogue.json",
        ]
        try await withGateway(environment: environment) { gateway in
            let key = try await AcceptanceTests.shop(gateway)
            let paid = try await gateway.python("responses_upstream.py", [key.token, "\(port)"])
            let outcomes = try await gateway.outcomes("request.completed")
            #expect(outcomes.reduce(0) { $0 + $1.data.charged } == Int(paid.dropLast()))
            // The usage is told at the very end: of a client that left before that it is estimated.
            let left = try #require(
                try await gateway.outcomes("request.cancelled", count: 1, clientRequestID: "left").first)
            #expect(left.data.usage.promptTokens > 0 && left.data.estimated)
        }
    }
}
