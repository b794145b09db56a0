import TestSupport
import Testing

/// OpenAI's Responses API, in front of providers that speak another.
@Suite struct ResponsesTests {
    @Test func conversationsGoOnFromWhatWasKept() async throws {
        let port = try freePort()
        let environment = [
            "LLM_ALPHA_API_KEY": "house", "LLM_ALPHA_BASE_URL": "http://127.0.0.1:\(port)/v1",
            "LLMGATEWAY_CATALOGUE": TestEnvironment.root + "/Tests/Acceptance/responses_catalogue.json",
            // All bodies, and all answers, have room for two of these.
            "LLMGATEWAY_MAX_BODY_BYTES": "100000", "LLMGATEWAY_MAX_BODIES_BYTES": "1024",
            "LLMGATEWAY_MAX_ANSWER_BYTES": "100000", "LLMGATEWAY_MAX_ANSWERS_BYTES": "1024",
        ]
        try await withGateway(environment: environment) { gateway in
            let key = try await AcceptanceTests.shop(gateway)
            let other = try await AcceptanceTests.shop(gateway)
            try await gateway.python("responses.py", [key.token, other.token, "\(port)"])
        }
    }
}
