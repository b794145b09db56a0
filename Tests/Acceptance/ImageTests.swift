import TestSupport
import Testing

/// Images that are made, by requests for images and beside the text of a chat, and images that are edited.
@Suite struct ImageTests {
    @Test(arguments: ["images.py", "image_edits.py"]) func imagesAreMadeAndPaidExactly(script: String) async throws {
        let port = try freePort()
        let environment = [
            "LLM_ALPHA_API_KEY": "house", "LLM_ALPHA_BASE_URL": "http://127.0.0.1:\(port)/v1",
            "LLM_QWEN_API_KEY": "house", "LLM_QWEN_BASE_URL": "http://127.0.0.1:\(port)/compatible-mode/v1",
            "LLM_DRAWER_API_KEY": "house", "LLM_DRAWER_BASE_URL": "http://127.0.0.1:\(port)",
            "LLM_AZURE_API_KEY": "house", "LLM_AZURE_BASE_URL": "http://127.0.0.1:\(port)",
            "LLMGATEWAY_CATALOGUE": TestEnvironment.root + "/Tests/Acceptance/images_catalogue.json",
        ]
        try await withGateway(environment: environment) { gateway in
            let key = try await AcceptanceTests.shop(gateway)
            let paid = try await gateway.python(script, [key.token, "\(port)"])
            let outcomes = try await gateway.outcomes("request.completed")
            #expect(outcomes.reduce(0) { $0 + $1.data.charged } == Int(paid.dropLast()))
            #expect(try await gateway.outcomes("request.failed").allSatisfy { $0.data.charged == 0 })
        }
    }
}
