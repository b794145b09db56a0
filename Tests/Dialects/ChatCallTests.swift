import Catalogue
import Dialects
import Testing

/// Where a request goes whose bytes the provider takes.
@Suite struct ChatCallTests {
    private func call(_ type: String?) -> ChatCall {
        let options = type.map { ["deployment_type": $0, "api_version": "2024-05-01-preview"] } ?? [:]
        return ChatCall(.azure, model: "m", at: .init(baseURL: "https://x.test", apiKey: "k", options: options))
    }

    @Test func azureHasThreeKindsOfDeployments() {
        #expect(call(nil).url == "https://x.test/openai/v1/chat/completions")
        #expect(call("ai-foundry").url == "https://x.test/openai/v1/chat/completions")
        #expect(
            call("openai").url == "https://x.test/openai/deployments/m/chat/completions?api-version=2024-05-01-preview")
        #expect(call("models").url == "https://x.test/models/chat/completions?api-version=2024-05-01-preview")
        #expect(call("openai").headers.map(\.0) == ["api-key"])
        #expect(call("models").headers.map { "\($0.0): \($0.1)" } == ["api-key: k", "extra-parameters: pass-through"])
    }
}
