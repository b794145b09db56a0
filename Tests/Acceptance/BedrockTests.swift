import Foundation
import TestSupport
import Testing

/// A provider that speaks Amazon Bedrock's Converse, and clients that speak OpenAI's and Anthropic's formats.
@Suite struct BedrockTests {
    @Test func everyClientReachesBedrockAndPaysExactly() async throws {
        let port = try freePort()
        let environment = [
            "LLM_AWS_BEDROCK_API_KEY": "asiastandin:Upstream/Secret+:session/token==,bedrock-api-key-standin",
            "LLM_AWS_BEDROCK_BASE_URL": "http://127.0.0.1:\(port)", "LLM_AWS_BEDROCK_REGION": "eu-central-1",
            "LLM_AWS_BEDROCK_REGION_PREFIX": "eu.",
            // Room for two of the largest bodies, which is the least that there may be.
            "LLMGATEWAY_MAX_BODIES_BYTES": "1024", "ALLOW_PRIVATE_PROVIDER_URLS": "true",
            "PROVIDER_KEY_ENCRYPTION_KEYS": Data((0..<32).map { _ in UInt8.random(in: 0...255) }).base64EncodedString(),
            "LLMGATEWAY_CATALOGUE": TestEnvironment.root + "/Tests/Acceptance/bedrock_catalogue.json",
        ]
        try await withGateway(environment: environment) { gateway in
            let key = try await AcceptanceTests.shop(gateway)
            let paid = try await gateway.python("bedrock_upstream.py", [key.token, "\(port)"])
            let outcomes = try await gateway.outcomes("request.completed")
            #expect(outcomes.reduce(0) { $0 + $1.data.charged } == Int(paid.dropLast()))
            // Bedrock tells the usage at the very end: of a client that left before that it is estimated.
            let left = try #require(
                try await gateway.outcomes("request.cancelled", count: 1, clientRequestID: "left").first)
            #expect(left.data.usage.promptTokens > 0 && left.data.estimated)
        }
    }
}
