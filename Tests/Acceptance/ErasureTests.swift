import TestSupport
import Testing

/// T18: a person goes, and with them an organization that has nobody else.
@Suite(.serialized) struct ErasureTests {
    @Test func whoIsErasedIsFoundNowhereAndTheBooksStay() async throws {
        try await withGateway { gateway in try await gateway.python("erasure.py") }
    }
}
