import TestSupport
import Testing

/// The API's document against the running server.
@Suite(.serialized) struct DocumentTests {
    @Test func whateverTheDocumentAllowsIsAnsweredAsItSays() async throws {
        // The same walk every time, but for long ones: a new one belongs to whoever has the time to look at what it finds.
        let seed = TestEnvironment.soak ? TestEnvironment.seed("a walk through the document") % 1_000_000_007 : 1
        let port = try freePort()
        try await withGateway(environment: stripeEnvironment(port)) { gateway in
            let key = try await AcceptanceTests.shop(gateway)
            let examples = TestEnvironment.soak ? "300" : "8"
            try await gateway.python(
                "openapi.py", [key.token, examples, "\(port)"], environment: ["TEST_SEED": "\(seed)"],
                limit: TestEnvironment.soak ? 14_400 : 900)
        }
    }

    @Test func theDocumentIsAPage() async throws {
        try await withGateway { gateway in try await gateway.python("docs_page.py") }
    }
}
