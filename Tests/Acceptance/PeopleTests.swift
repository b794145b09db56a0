import TestSupport
import Testing

/// People against a running gateway.
@Suite(.serialized) struct PeopleTests {
    @Test func aSoftwareAuthenticatorRegistersAndSignsIn() async throws {
        try await withGateway { gateway in try await gateway.python("passkeys.py") }
    }

    @Test func mailGoesOutAndAServerThatIsAwayIsWaitedFor() async throws {
        let port = try freePort()
        try await withGateway(environment: ["SMTP_URL": "smtp://127.0.0.1:\(port)", "MAIL_FROM": "gateway@example.org"]) {
            gateway in
            try await gateway.python("mailboxes.py", ["\(port)"])
        }
    }

    @Test func anAccountGoesToWhoReadsItsMailboxAlone() async throws {
        try await withGateway { gateway in try await gateway.python("hand_over.py") }
    }

    @Test func aBrowserRegistersAPasskeyAndSignsInWithItAlone() async throws {
        try await withGateway { gateway in try await gateway.python("browser_passkeys.py") }
    }

    @Test func everyExampleOfTheManagementAPIAnswersInItsShape() async throws {
        try await withGateway { gateway in try await gateway.python("curl_examples.py") }
    }

    @Test func thePlaygroundHasAKeyAndAdministratorsTheirFigures() async throws {
        let environment = ["ADMIN_EMAILS": "Boss@example.org", "LLMGATEWAY_MAX_BODIES_BYTES": "\(20 << 20)"]
        try await withGateway(environment: environment) { gateway in
            try await gateway.python("playground.py")
        }
    }
}
