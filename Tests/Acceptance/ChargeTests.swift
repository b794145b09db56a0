import TestSupport
import Testing

/// Prices of every kind, and usage that is told in every way.
@Suite struct ChargeTests {
    @Test func whatWasUsedIsCharged() async throws {
        let (alpha, beta) = (try freePort(), try freePort())
        let environment = [
            "LLM_ALPHA_API_KEY": "house", "LLM_ALPHA_BASE_URL": "http://127.0.0.1:\(alpha)/v1",
            "LLM_BETA_API_KEY": "house", "LLM_BETA_BASE_URL": "http://127.0.0.1:\(beta)/v1",
            "LLMGATEWAY_CATALOGUE": TestEnvironment.root + "/Tests/Acceptance/charges_catalogue.json",
        ]
        try await withGateway(environment: environment) { gateway in
            try await gateway.python("charges.py", ["\(alpha)", "\(beta)"])
        }
    }
}
