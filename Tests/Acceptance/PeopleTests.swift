import Foundation
import TestSupport
import Testing

/// People against a running gateway.
@Suite(.serialized) struct PeopleTests {
    @Test func aSoftwareAuthenticatorRegistersAndSignsIn() async throws {
        try await withGateway { gateway in
            try await gateway.python("passkeys.py")
            let mails = try FileManager.default.contentsOfDirectory(atPath: gateway.home + "/mail")
            #expect(mails.contains { $0.hasSuffix(".eml") }, "without a server mails lie in the home")
        }
    }

    @Test func aBrowserRegistersAPasskeyAndSignsInWithItAlone() async throws {
        try await withGateway { gateway in try await gateway.python("browser_passkeys.py") }
    }
}
