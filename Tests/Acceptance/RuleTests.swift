import TestSupport
import Testing

/// Rules of API keys, at two gateways of one ledger.
@Suite(.serialized) struct RuleTests {
    @Test func rulesBindTheNextRequestEverywhere() async throws {
        let (alpha, beta) = (try freePort(), try freePort())
        let environment = [
            "LLM_ALPHA_API_KEY": "a", "LLM_ALPHA_BASE_URL": "http://127.0.0.1:\(alpha)/v1", "LLM_BETA_API_KEY": "b",
            "LLM_BETA_BASE_URL": "http://127.0.0.1:\(beta)/v1", "LLMGATEWAY_TRUSTED_PROXIES": "127.0.0.0/8",
            "FREE_MODEL_LIMIT": "1000/60", "FREE_MODEL_LIMIT_WITHOUT_CREDITS": "1/60",
            "LLMGATEWAY_CATALOGUE": TestEnvironment.root + "/Tests/Acceptance/iam_catalogue.json",
        ]
        try await withGateway(environment: environment) { gateway in
            try await gateway.withAnother { other in
                try await gateway.python(
                    "iam.py", ["\(alpha)", "\(beta)", other, "1000"])
            }
        }
    }
}
