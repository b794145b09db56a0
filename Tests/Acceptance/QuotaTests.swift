import TestSupport
import Testing

/// What the holder of a key learns of it.
@Suite struct QuotaTests {
    @Test func aKeyKnowsWhatItMaySpend() async throws {
        try await withGateway { gateway in try await gateway.python("quota.py") }
    }
}
