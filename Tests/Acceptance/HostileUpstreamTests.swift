import TestSupport
import Testing

/// A provider that means harm, and two tenants who both ask it.
@Suite struct HostileUpstreamTests {
    @Test func everyRequestEndsAndNothingOfOneIsInAnother() async throws {
        let port = try freePort()
        var environment = ["LLMGATEWAY_ANSWER_SECONDS": "4", "LLM_AWS_BEDROCK_REGION_PREFIX": "eu."]
        for provider in ["SPOKEN", "CLAUDE", "GEMINI", "AWS_BEDROCK", "PRO"] {
            environment["LLM_\(provider)_API_KEY"] = "hostile-secret-of-the-house"
            environment["LLM_\(provider)_BASE_URL"] =
                "http://127.0.0.1:\(port)\(["SPOKEN", "PRO"].contains(provider) ? "/v1" : "")"
        }
        environment["LLMGATEWAY_CATALOGUE"] = ["clients", "anthropic", "gemini", "bedrock", "pro"]
            .map { "\(TestEnvironment.root)/Tests/Acceptance/\($0)_catalogue.json" }.joined(separator: ":")
        let seed = TestEnvironment.seed("a provider that means harm")
        try await withGateway(environment: environment) { gateway in
            var arguments = ["\(seed)", TestEnvironment.soak ? "300" : "6", "\(port)"]
            for _ in 0..<2 {
                let key = try await AcceptanceTests.shop(gateway, credits: "1000")
                arguments += [key.organization, key.token]
            }
            try await gateway.python("hostile_upstream.py", arguments)
        }
    }
}
