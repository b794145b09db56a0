import Foundation
import TestSupport
import Testing

/// Providers at which an account is more than a key and a URL.
@Suite struct CloudAccountTests {
    @Test func serviceAccountsAndDeploymentsAreReached() async throws {
        let (vertex, azure) = (try freePort(), try freePort())
        let file = "/tmp/service-account-\(UUID().uuidString.prefix(13)).json"
        let python = ProcessInfo.processInfo.environment["LLMGATEWAY_PYTHON"] ?? "python3"
        let script = TestEnvironment.root + "/Tests/Acceptance/cloud_accounts.py"
        try await runCommand(
            [python, script, "make", file, "\(vertex)"], environment: ProcessInfo.processInfo.environment)
        defer { try? FileManager.default.removeItem(atPath: file) }
        let environment = [
            "LLM_GOOGLE_VERTEX_SERVICE_ACCOUNT_JSON": file, "LLM_GOOGLE_VERTEX_BASE_URL": "http://127.0.0.1:\(vertex)",
            "LLM_GOOGLE_VERTEX_REGION": "europe-west4", "LLM_AZURE_API_KEY": "house-secret",
            "LLM_VERTEX_OPENAI_SERVICE_ACCOUNT_JSON": file,
            "LLM_VERTEX_OPENAI_BASE_URL": "http://127.0.0.1:\(vertex)/v1/projects/acme-1/locations/global/endpoints/openapi",
            "LLM_VERTEX_ANTHROPIC_SERVICE_ACCOUNT_JSON": file, "LLM_VERTEX_ANTHROPIC_REGION": "us-east5",
            "LLM_VERTEX_ANTHROPIC_BASE_URL": "http://127.0.0.1:\(vertex)",
            "LLM_AZURE_AI_FOUNDRY_API_KEY": "house-secret", "LLM_AZURE_AI_FOUNDRY_BASE_URL": "http://127.0.0.1:\(azure)",
            "LLM_AZURE_BASE_URL": "http://127.0.0.1:\(azure)", "ALLOW_PRIVATE_PROVIDER_URLS": "true",
            "PROVIDER_KEY_ENCRYPTION_KEYS": Data((0..<32).map { _ in UInt8.random(in: 0...255) }).base64EncodedString(),
        ]
        try await withGateway(environment: environment) { gateway in
            let key = try await AcceptanceTests.shop(gateway)
            try await gateway.python("cloud_accounts.py", ["run", file, key.token, "\(vertex)", "\(azure)"])
        }
    }
}
