import TestSupport
import Testing

/// What applications talk to the gateway with, at providers of every dialect.
@Suite struct ClientTests {
    @Test func everyClientHasTheSameConversationInEveryDialect() async throws {
        var ports: [String: Int] = [:]
        var environment = [
            "LLM_SPOKEN_API_KEY": "openai-secret", "LLM_CLAUDE_API_KEY": "claude-secret", "LLM_GEMINI_API_KEY": "gemini-secret",
            "LLM_AWS_BEDROCK_API_KEY": "bedrock-secret", "LLM_AWS_BEDROCK_REGION_PREFIX": "eu.",
            "LLM_PRO_API_KEY": "pro-secret", "LLM_AZURE_API_KEY": "azure-secret", "LLM_GOOGLE_VERTEX_API_KEY": "vertex-secret",
        ]
        let providers = ["SPOKEN", "CLAUDE", "GEMINI", "AWS_BEDROCK", "PRO", "AZURE", "GOOGLE_VERTEX"]
        for provider in providers { ports[provider] = try freePort() }
        for (provider, port) in ports {
            environment["LLM_\(provider)_BASE_URL"] =
                "http://127.0.0.1:\(port)\(["SPOKEN", "PRO"].contains(provider) ? "/v1" : "")"
        }
        environment["LLMGATEWAY_CATALOGUE"] = ["clients", "anthropic", "gemini", "bedrock", "pro"]
            .map { "\(TestEnvironment.root)/Tests/Acceptance/\($0)_catalogue.json" }.joined(separator: ":")
        try await withGateway(environment: environment) { gateway in
            let key = try await AcceptanceTests.shop(gateway)
            try await gateway.python(
                "clients.py", [key.token] + providers.map { "\(ports[$0] ?? 0)" },
                // LiteLLM would ask for a newer one, and wait.
                environment: ["LITELLM_LOCAL_MODEL_COST_MAP": "True"], interpreter: "LLMGATEWAY_CLIENTS_PYTHON")
            #expect(try await gateway.outcomes("request.completed", count: 196).count == 196)
            #expect(try await gateway.outcomes("request.failed").isEmpty)
        }
    }
}
