import Foundation
import TestSupport
import Testing

/// More is asked than can be admitted.
@Suite(.timeLimit(.minutes(5))) struct SheddingTests {
    @Test func `whose turn does not come is told to come again, and nobody else is hurt`() async throws {
        try await PostgresServer.with { server in
            try await withGateway(environment: ["LLMGATEWAY_MAX_ADMITTING": "2"], server: server.url) { gateway in
                let token = try await GatewayClient.shop(gateway)
                #expect(try await GatewayClient.chat(gateway, token).status == 200)
                // Two wait for their authorizations, as on a machine that can't keep up.
                server.freeze()
                async let first = GatewayClient.chat(gateway, token)
                async let second = GatewayClient.chat(gateway, token)
                try await eventually("both are in admission") {
                    try await GatewayClient.get(gateway, "/metrics").body.contains("\nllmgateway_requests_admitting 2\n")
                }
                let shed = try await GatewayClient.chat(gateway, token)
                server.thaw()
                #expect(shed.status == 503 && shed.retryAfter == "1")
                #expect(shed.body.contains(#""code":"overloaded""#), "\(shed.body)")
                #expect(try await [first.status, second.status] == [200, 200])
                #expect(try await GatewayClient.chat(gateway, token).status == 200)
                let metrics = try await GatewayClient.get(gateway, "/metrics").body
                #expect(metrics.contains("\nllmgateway_requests_shed_total 1\n"))
                #expect(metrics.contains("\nllmgateway_requests_admitting 0\n"))
            }
        }
    }
}
