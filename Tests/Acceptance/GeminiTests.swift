import Foundation
import TestSupport
import Testing

/// A provider that speaks Google's Gemini API, and clients that speak OpenAI's and Anthropic's formats.
@Suite struct GeminiTests {
    @Test func everyClientReachesGeminiAndPaysExactly() async throws {
        let port = try freePort()
        let environment = [
            "LLM_GEMINI_API_KEY": "upstream-secret", "LLM_GEMINI_BASE_URL": "http://127.0.0.1:\(port)",
            "ALLOW_PRIVATE_PROVIDER_URLS": "true",
            "PROVIDER_KEY_ENCRYPTION_KEYS": Data((0..<32).map { _ in UInt8.random(in: 0...255) }).base64EncodedString(),
            "LLMGATEWAY_CATALOGUE": TestEnvironment.root + "/Tests/Acceptance/gemini_catalogue.json",
        ]
        try await withGateway(environment: environment) { gateway in
            try await gateway.python("gemini_keys.py", ["\(port)"])
            let key = try await AcceptanceTests.shop(gateway)
            let plain = try await AcceptanceTests.shop(gateway, isPlain: true)
            let paid = try await gateway.python("gemini_upstream.py", [key.token, "\(port)", plain.token])
            let outcomes = try await gateway.outcomes("request.completed")
            #expect(outcomes.reduce(0) { $0 + $1.data.charged } == Int(paid.dropLast()))
            let left = try #require(
                try await gateway.outcomes("request.cancelled", count: 1, clientRequestID: "left").first)
            #expect(left.data.usage.promptTokens == 120 && left.data.estimated)
            for failed in try await gateway.outcomes("request.failed") {
                #expect(failed.data.charged == 0 || failed.data.usage.promptTokens == 120)
            }
        }
    }
}
