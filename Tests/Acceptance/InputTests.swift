import TestSupport
import Testing

/// Embeddings and moderations, which ask for no completion.
@Suite struct InputTests {
    @Test func textsBecomeVectorsAndAreJudged() async throws {
        let port = try freePort()
        let environment = [
            "LLM_ALPHA_API_KEY": "house", "LLM_ALPHA_BASE_URL": "http://127.0.0.1:\(port)/v1",
            "LLM_GOOGLE_AI_STUDIO_API_KEY": "house", "LLM_GOOGLE_AI_STUDIO_BASE_URL": "http://127.0.0.1:\(port)",
            "LLM_GOOGLE_VERTEX_API_KEY": "house", "LLM_GOOGLE_VERTEX_BASE_URL": "http://127.0.0.1:\(port)",
            "LLMGATEWAY_CATALOGUE": TestEnvironment.root + "/Tests/Acceptance/inputs_catalogue.json",
        ]
        try await withGateway(environment: environment) { gateway in
            let key = try await AcceptanceTests.shop(gateway)
            try await gateway.python("inputs.py", [key.token, "\(port)"])
        }
    }
}
