import TestSupport
import Testing

@Suite(.enabled(if: MockProvider.source != nil, "the mock provider's source is not there: set LLMGATEWAY_SHARED"))
struct ProviderFailureTests {
    @Test func everyFailureOfAProviderIsTold() async throws {
        try await withMock { gateway, _ in
            let key = try await AcceptanceTests.shop(gateway)
            try await gateway.python("upstream_failures.py", [key.token])
        }
    }
}
