import TestSupport
import Testing

/// Logs and activity against a running gateway.
@Suite(.serialized) struct LogTests {
    @Test func whatWasAskedIsFoundAndAddsUp() async throws {
        try await withGateway { gateway in try await gateway.python("logs.py") }
    }
}
