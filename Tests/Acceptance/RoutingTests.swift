import TestSupport
import Testing

/// Requests that may go to several providers, and several keys of one.
@Suite struct RoutingTests {
    @Test func requestsGoWhereTheyAreAnswered() async throws {
        let (alpha, beta) = (try freePort(), try freePort())
        let environment = [
            "LLM_ALPHA_API_KEY": "first,second", "LLM_ALPHA_BASE_URL": "http://127.0.0.1:\(alpha)/v1",
            "LLM_BETA_API_KEY": "house", "LLM_BETA_BASE_URL": "http://127.0.0.1:\(beta)/v1",
            "LLMGATEWAY_MAX_ANSWER_BYTES": "1048576", "LLMGATEWAY_MAX_ANSWERS_BYTES": "1048576",
            "LLMGATEWAY_ANSWER_SECONDS": "6",
            "LLMGATEWAY_CATALOGUE": TestEnvironment.root + "/Tests/Acceptance/routing_catalogue.json",
        ]
        let seed = TestEnvironment.seed("failures of a provider")
        try await withGateway(environment: environment) { gateway in
            let key = try await AcceptanceTests.shop(gateway)
            try await gateway.withAnother { other in
                try await gateway.python(
                    "routing.py", [key.token, "\(alpha)", "\(beta)"],
                    environment: environment.merging(["OTHER_URL": other, "TEST_SEED": "\(seed)"]) { $1 })
            }
        }
    }
}
