import Ledger
import Postgres
import TestSupport
import Testing

@testable import Identity

@Suite struct PasskeyTests {
    private func register(_ authenticator: SoftAuthenticator, _ shop: Shop, for user: UserID) async throws -> Passkey {
        let challenge = try await shop.identity.issue(.passkeyRegistration, for: user)
        return try await shop.identity.register(try authenticator.create(challenge), for: user)
    }

    private func signIn(_ authenticator: SoftAuthenticator, _ shop: Shop) async throws -> NewSession {
        let challenge = try await shop.identity.issue(.passkeySignIn, for: nil)
        return try await shop.identity.signIn(try authenticator.get(challenge), Caller())
    }

    @Test(arguments: CredentialKey.Algorithm.allCases)
    func aPasskeyRegistersAndSignsIn(algorithm: CredentialKey.Algorithm) async throws {
        try await Shop.with { shop in
            let ada = try await shop.account("ada@example.org")
            var authenticator = try SoftAuthenticator(algorithm)
            let passkey = try await register(authenticator, shop, for: ada.person.id)
            #expect(passkey.name == "Key" && passkey.transports == ["usb"] && passkey.isUserVerified && passkey.counter == 1)
            authenticator.counter = 2
            let session = try await signIn(authenticator, shop)
            #expect(session.person.id == ada.person.id && session.token != ada.token)
            #expect(try await shop.identity.passkeys(of: ada.person.id).map(\.counter) == [2])
        }
    }

    @Test func aChallengeIsOfUseOnceForItsPersonAndPurpose() async throws {
        try await Shop.with { shop in
            let ada = try await shop.account("ada@example.org").person.id
            let eve = try await shop.account("eve@example.org").person.id
            var authenticator = try SoftAuthenticator()
            let foreign = try await shop.identity.issue(.passkeyRegistration, for: eve)
            #expect(await refusal { try await shop.identity.register(authenticator.create(foreign), for: ada) } != nil)
            let other = try await shop.identity.issue(.passkeySignIn, for: nil)
            #expect(await refusal { try await shop.identity.register(authenticator.create(other), for: ada) } != nil)
            #expect(await refusal { try await shop.identity.register(authenticator.create(SecretToken()), for: ada) } != nil)
            let late = try await shop.identity.issue(.passkeyRegistration, for: ada)
            try await shop.database.client.query("UPDATE identity.verifications SET expires_at = now() - interval '1 second'")
            #expect(await refusal { try await shop.identity.register(authenticator.create(late), for: ada) } != nil)
            #expect(try await shop.count("passkeys") == 0)

            _ = try await register(authenticator, shop, for: ada)
            #expect(await refusal { try await register(authenticator, shop, for: eve) }?.status == 409, "registered already")
            authenticator.counter = 2
            let challenge = try await shop.identity.issue(.passkeySignIn, for: nil)
            let answer = try authenticator.get(challenge)
            _ = try await shop.identity.signIn(answer, Caller())
            authenticator.counter = 3
            let again = try authenticator.get(challenge)
            #expect(await refusal { try await shop.identity.signIn(answer, Caller()) }?.message.contains("challenge") == true)
            #expect(await refusal { try await shop.identity.signIn(again, Caller()) }?.message.contains("challenge") == true)
        }
    }

    /// What is wrong with a sign-in, and the words of the answer.
    enum Mistake: String, CaseIterable, Sendable {
        case origin = "another origin"
        case lookalike = "comes from another origin"
        case site = "another site"
        case kind = "another kind"
        case absent = "nobody was present"
        case frame = "from a frame"
        case notVerified = "not verified"
        case counter = "did not move"
        case clone = "counter did not move"
        case signature = "passkey is not known"
        case unknown = "the passkey is not known"
        case handle = "passkey is not known "
        case backup = "another one"
    }

    @Test(arguments: Mistake.allCases)
    func aWrongAnswerIsRefused(mistake: Mistake) async throws {
        try await Shop.with { shop in
            let ada = try await shop.account("ada@example.org").person.id
            var authenticator = try SoftAuthenticator()
            authenticator.counter = 5
            _ = try await register(authenticator, shop, for: ada)
            authenticator.counter = 6
            let right = authenticator
            switch mistake {
            case .origin: authenticator.origin = "https://evil.example"
            case .lookalike: authenticator.origin = "https://app.example.org.evil.example"
            case .site: authenticator.relyingParty = "evil.example"
            case .kind: authenticator.kind.get = "webauthn.create"
            case .absent: authenticator.flags = 0x04
            case .frame: authenticator.extraClientData = #","crossOrigin":true"#
            case .notVerified: authenticator.flags = 0x01
            case .counter: authenticator.counter = 5
            case .clone: authenticator.counter = 0
            case .backup: authenticator.flags = 0x0D
            case .unknown: authenticator.credentialID = SecretToken.random(32)
            case .signature, .handle: break
            }
            let challenge = try await shop.identity.issue(.passkeySignIn, for: nil)
            var answer = try authenticator.get(challenge)
            if mistake == .signature { answer.authenticatorData[36] ^= 1 }
            if mistake == .handle { answer.userHandle = SecretToken.random(16) }
            let refused = await refusal { try await shop.identity.signIn(answer, Caller()) }
            #expect(refused?.status == 401)
            #expect(
                refused?.message.contains(mistake.rawValue.trimmingPrefix(" ").split(separator: " ").joined(separator: " "))
                    == true)
            _ = try await signIn(right, shop)
        }
    }

    @Test func aConfirmedMailboxHearsOfPasskeys() async throws {
        try await Shop.with { shop in
            let identity = shop.identity
            let ada = try await shop.account("ada@example.org").person.id
            _ = try await register(try SoftAuthenticator(), shop, for: ada)
            let first = try await shop.letters()
            #expect(first.count == 1, "nobody has shown to read the mailbox")
            _ = try await identity.verify(try #require(first.last?.token), signedIn: ada, Caller())
            _ = try await register(try SoftAuthenticator(), shop, for: ada)
            let second = try await shop.letters()
            #expect(second.count == 2 && second.last?.to == "ada@example.org")
            #expect(second.last?.subject == "A passkey was added to your account")

            try await identity.requestPasswordReset(email: "ada@example.org", redirect: nil, Caller())
            let reset = try #require(try await shop.letters().last?.token)
            try await identity.resetPassword(reset, to: "another horse")
            #expect(try await shop.letters().last?.text.contains("2 passkeys still sign in") == true)
            #expect(try await identity.passkeys(of: ada).count == 2)
        }
    }

    @Test func authenticatorsThatDoNotCountAreTakenAtTheirWord() async throws {
        try await Shop.with { shop in
            let ada = try await shop.account("ada@example.org").person.id
            var authenticator = try SoftAuthenticator()
            authenticator.counter = 0
            _ = try await register(authenticator, shop, for: ada)
            _ = try await signIn(authenticator, shop)
            _ = try await signIn(authenticator, shop)
            authenticator.counter = 1
            _ = try await signIn(authenticator, shop)
            authenticator.counter = 0
            #expect(await refusal { try await signIn(authenticator, shop) } != nil)
        }
    }

    @Test func ofTwoCopiesAtTheSameMomentOneIsRefused() async throws {
        try await Shop.with { shop in
            let ada = try await shop.account("ada@example.org").person.id
            var authenticator = try SoftAuthenticator()
            _ = try await register(authenticator, shop, for: ada)
            authenticator.counter = 2
            let copy = authenticator
            let signedIn = await withTaskGroup(of: Bool.self) { group in
                for _ in 0..<6 { group.addTask { await refusal { try await signIn(copy, shop) } == nil } }
                return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
            }
            #expect(signedIn == 1)
        }
    }

    @Test func userVerificationCanBeRequired() async throws {
        try await Shop.with({ $0.requiresUserVerification = true }) { shop in
            let ada = try await shop.account("ada@example.org").person.id
            var authenticator = try SoftAuthenticator()
            authenticator.flags = 0x01
            #expect(await refusal { try await register(authenticator, shop, for: ada) }?.message.contains("not verified") == true)
        }
    }

    @Test func onePasskeyIsRemovedAndOnlyByItsPerson() async throws {
        try await Shop.with { shop in
            let ada = try await shop.account("ada@example.org").person.id
            let eve = try await shop.account("eve@example.org").person.id
            let first = try await register(SoftAuthenticator(), shop, for: ada)
            let second = try await register(SoftAuthenticator(), shop, for: ada)
            #expect(try await !shop.identity.removePasskey(first.id, of: eve))
            #expect(try await shop.identity.renamePasskey(first.id, of: eve, to: "Mine") == nil)
            #expect(try await shop.identity.removePasskey(first.id, of: ada))
            #expect(try await shop.identity.passkeys(of: ada).map(\.id) == [second.id])
        }
    }
}
