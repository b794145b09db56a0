import TestSupport
import Testing

/// Answers that are given again.
@Suite struct CacheTests {
    @Test func equalRequestsAreAnsweredAlikeAndForNothing() async throws {
        try await withGateway { gateway in try await gateway.python("cache.py") }
    }
}
