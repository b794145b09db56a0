import TestSupport
import Testing

/// Answers that are given again.
@Suite struct CacheTests {
    @Test func equalRequestsAreAnsweredAlikeAndForNothing() async throws {
        let port = try freePort()
        try await withGateway(environment: ["ALLOW_PRIVATE_PROVIDER_URLS": "true"]) { gateway in
            try await gateway.python("cache.py", ["\(port)"])
        }
    }
}
