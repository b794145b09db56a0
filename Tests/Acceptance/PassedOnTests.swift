import TestSupport
import Testing

/// Parameters of the chat API at a provider that speaks it too.
@Suite struct PassedOnTests {
    @Test func everyParameterReachesTheProviderAsItWasSent() async throws {
        let port = try freePort()
        let environment = [
            "LLM_ALPHA_API_KEY": "house", "LLM_ALPHA_BASE_URL": "http://127.0.0.1:\(port)/v1",
            "LLMGATEWAY_CATALOGUE": TestEnvironment.root + "/Tests/Acceptance/passed_on_catalogue.json",
        ]
        try await withGateway(environment: environment) { gateway in
            let key = try await AcceptanceTests.shop(gateway)
            try await gateway.python("passed_on.py", [key.token, "\(port)"])
            #expect(try await gateway.outcomes("request.completed", count: 10).count == 10)
        }
    }
}
