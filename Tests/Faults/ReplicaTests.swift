import Foundation
import TestSupport
import Testing

/// Many gateways share one budget, and none of them multiplies it.
@Suite(
    .timeLimit(.minutes(5)),
    .enabled(if: MockProvider.source != nil, "the mock provider's source is not there: set LLMGATEWAY_SHARED"))
struct ReplicaTests {
    @Test func `two gateways let five requests of two cents spend ten cents`() async throws {
        let provider = try await SlowProvider()
        try await withGateway(environment: provider.environment) { gateway in
            let token = try await GatewayClient.shop(gateway, credits: "0.1")
            try await gateway.withAnother { other in
                let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                    for number in 0..<24 {
                        group.addTask {
                            try await GatewayClient.chat(
                                gateway, token, model: "slow", maximum: 64, url: number.isMultiple(of: 2) ? other : nil
                            ).status
                        }
                    }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                #expect(statuses.count { $0 == 200 } == 5, "\(statuses)")
                #expect(statuses.count { $0 == 402 } == 19, "\(statuses)")
            }
            #expect(try await provider.mock.requests() == 5)
        }
        await provider.remove()
    }
}
