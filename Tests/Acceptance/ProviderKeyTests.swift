import Foundation
import TestSupport
import Testing

/// Organizations' own accounts at providers, at two gateways of one ledger.
@Suite(.serialized) struct ProviderKeyTests {
    @Test func whosePaysIsWhatTheProjectSays() async throws {
        let (house, own) = (try freePort(), try freePort())
        let environment = [
            "LLM_ALPHA_API_KEY": "house", "LLM_ALPHA_BASE_URL": "http://127.0.0.1:\(house)/v1",
            "LLM_GAMMA_API_KEY": "house", "LLM_GAMMA_BASE_URL": "http://127.0.0.1:\(house)/v1",
            "ALLOW_PRIVATE_PROVIDER_URLS": "true",
            "PROVIDER_KEY_ENCRYPTION_KEYS": Data((0..<32).map { _ in UInt8.random(in: 0...255) }).base64EncodedString(),
            "LLMGATEWAY_CATALOGUE": TestEnvironment.root + "/Tests/Acceptance/iam_catalogue.json",
        ]
        try await withGateway(environment: environment) { gateway in
            try await gateway.withAnother(environment: ["ALLOW_PRIVATE_PROVIDER_URLS": "false"]) { strict in
                try await gateway.python("provider_keys.py", ["\(house)", "\(own)", strict])
            }
        }
    }
}
