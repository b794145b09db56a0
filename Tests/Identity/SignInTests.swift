import Ledger
import Postgres
import TestSupport
import Testing

@testable import Identity

@Suite struct SignInTests {
    @Test func aPersonSignsUpInAndOut() async throws {
        try await Shop.with { shop in
            let identity = shop.identity
            let first = try await shop.account("ada@example.org")
            #expect(try await identity.session(first.token)?.person == first.person)
            let second = try await identity.signIn(
                email: "ADA@example.org", password: "correct horse", callback: nil,
                Caller(address: "192.0.2.1", userAgent: "a\nb"))
            #expect(second.session.userAgent == "ab")
            #expect(second.token != first.token && second.session.id != first.session.id)
            #expect(try await identity.session(first.token) != nil, "another browser's session goes on")
            try await identity.endSession(second.token)
            #expect(try await identity.session(second.token) == nil)
            #expect(try await identity.session(SecretToken()) == nil)
        }
    }

    @Test func aSignInReplacesTheTokenThatTheClientShowed() async throws {
        try await Shop.with { shop in
            let attacker = try await shop.account("eve@example.org", address: "192.0.2.66")
            _ = try await shop.account("ada@example.org")
            // Eve's own session was planted in Ada's browser: after Ada signed in, it is worth nothing.
            let fixed = try await shop.identity.signIn(
                email: "ada@example.org", password: "correct horse", callback: nil, Caller(token: attacker.token))
            #expect(fixed.token != attacker.token)
            #expect(try await shop.identity.session(attacker.token) == nil)
            #expect(try await shop.identity.session(fixed.token)?.person.email == "ada@example.org")
        }
    }

    @Test func noTokenAndNoPasswordIsStored() async throws {
        try await Shop.with { shop in
            let session = try await shop.account("ada@example.org", password: "a password of Ada's")
            for table in ["users", "credentials", "sessions", "verifications", "rate_limits"] {
                for line in try await shop.database.lines("SELECT t::text FROM identity.\(table) AS t") {
                    #expect(!line.contains(session.token.secret) && !line.contains("a password of"))
                }
            }
            #expect(try await shop.database.text("SELECT count(*)::text FROM identity.credentials") == "1")
        }
    }

    @Test func everyWrongGuessGetsTheSameAnswerAfterTheSameWork() async throws {
        try await Shop.with { shop in
            let identity = shop.identity
            _ = try await shop.account("ada@example.org")
            _ = try await identity.insert(.mint(), email: "no-password@example.org", name: nil, hash: nil)
            var answers: [IdentityError?] = []
            var work: [Int] = []
            for email in ["ada@example.org", "no-password@example.org", "nobody@example.org", "what?"] {
                let before = identity.hasher.computed
                answers.append(
                    await refusal {
                        try await identity.signIn(
                            email: email, password: "wrong horse", callback: nil, Caller(address: "192.0.2.1"))
                    })
                work.append(identity.hasher.computed - before)
            }
            #expect(answers == Array(repeating: IdentityError.wrongCredentials, count: 4))
            #expect(work == [1, 1, 1, 1])
        }
    }

    @Test func whereMailboxesAreVerifiedSignUpTellsNobodyWhoHasAnAccount() async throws {
        try await Shop.with({ $0.requiresVerifiedEmail = true }) { shop in
            let identity = shop.identity
            func signUp() async throws -> (person: User, session: NewSession?) {
                try await identity.signUp(
                    email: "ada@example.org", password: "correct horse", name: "Ada", callback: "/done",
                    Caller(address: "192.0.2.1"))
            }
            let first = try await signUp()
            await identity.drain()
            let second = try await signUp()
            #expect(first.session == nil && second.session == nil)
            #expect(first.person.email == second.person.email && first.person.id != second.person.id)
            #expect(try await shop.count("users") == 1)
            let letters = try await shop.letters()
            #expect(letters.map(\.subject) == ["Confirm your e-mail address", "You already have an account"])
            #expect(letters[0].text.contains("&callbackURL=https%3A%2F%2Fapp.example.org%2Fdone"))

            let refused = await refusal {
                try await identity.signIn(email: "ada@example.org", password: "correct horse", callback: nil, Caller())
            }
            #expect(refused?.code == .emailNotVerified)
            let token = try #require(letters[0].token)
            #expect(await refusal { try await identity.verify(token, signedIn: nil, Caller()) } == IdentityError.othersLink)
            let person = try await identity.verify(token, signedIn: nil, password: "correct horse", Caller())
            #expect(person.isEmailVerified && person.id == first.person.id)
            _ = try await identity.signIn(email: "ada@example.org", password: "correct horse", callback: nil, Caller())
        }
    }

    @Test func attemptsAtTheSameMomentAreAllCounted() async throws {
        try await Shop.with({ $0.limits.signInOfAccount = RateLimit(10, in: .seconds(600)) }) { shop in
            _ = try await shop.account("ada@example.org")
            let answers = await withTaskGroup(of: Int?.self) { group in
                for _ in 0..<40 {
                    group.addTask {
                        await refusal {
                            try await shop.identity.signIn(
                                email: "ada@example.org", password: "wrong horse", callback: nil,
                                Caller(address: "10.0.0.1"))
                        }?.status
                    }
                }
                return await group.reduce(into: [:]) { $0[$1, default: 0] += 1 }
            }
            #expect(answers == [401: 10, 429: 30])
        }
    }

    @Test func aSuccessBeginsTheCountAnew() async throws {
        try await Shop.with({ $0.limits.signInOfAccount = RateLimit(2, in: .seconds(600)) }) { shop in
            _ = try await shop.account("ada@example.org")
            for _ in 0..<5 {
                _ = try await shop.identity.signIn(email: "ada@example.org", password: "correct horse", callback: nil, Caller())
            }
        }
    }

    @Test func signUpsAreLimited() async throws {
        try await Shop.with({ $0.limits.signUpOfAddress = RateLimit(2, in: .seconds(600)) }) { shop in
            for index in 0..<2 { _ = try await shop.account("a\(index)@example.org") }
            #expect(await refusal { try await shop.account("b@example.org") }?.status == 429)
            #expect(try await shop.count("users") == 2)
        }
    }

    @Test func aPasswordIsHashedAnewWhenItsCostChanged() async throws {
        try await Shop.with { shop in
            let session = try await shop.account("ada@example.org")
            try await shop.database.client.query("UPDATE identity.credentials SET rounds = 32")
            let stale = await refusal {
                try await shop.identity.signIn(email: "ada@example.org", password: "correct horse", callback: nil, Caller())
            }
            #expect(stale?.code == .invalidCredentials, "the stored parameters are what a password is compared by")
            let old = try PasswordHash(of: "correct horse", cost: PasswordCost(rounds: 32, blockSize: 2, parallelism: 2))
            try await shop.database.client.withConnection { try await shop.identity.store(old, of: session.person.id, over: $0) }
            _ = try await shop.identity.signIn(email: "ada@example.org", password: "correct horse", callback: nil, Caller())
            #expect(
                try await shop.database.lines("SELECT rounds, block_size, parallelism FROM identity.credentials") == ["(16,1,1)"])
            _ = try await shop.identity.signIn(email: "ada@example.org", password: "correct horse", callback: nil, Caller())
        }
    }

    @Test(arguments: [
        ("", "correct horse", "email"), ("ada", "correct horse", "email"), ("a@b@c.d", "correct horse", "email"),
        ("a b@example.org", "correct horse", "email"), ("a@example.org\r\nBcc: x@example.org", "correct horse", "email"),
        ("a@example", "correct horse", "email"), ("ä@example.org", "correct horse", "email"),
        ("a@example.org", "short", "password"),
        ("a@example.org", String(repeating: "x", count: 513), "password"), ("a\0@example.org", "correct horse", "email"),
    ])
    func badInputIsRefusedByName(email: String, password: String, field: String) async throws {
        try await Shop.with { shop in
            let refused = await refusal {
                try await shop.identity.signUp(email: email, password: password, name: nil, callback: nil, Caller())
            }
            #expect(refused?.status == 400 && refused?.field == field)
        }
    }

    @Test func sessionsEndAndAreRenewed() async throws {
        try await Shop.with { shop in
            let session = try await shop.account("ada@example.org")
            let client = shop.database.client
            func age(_ interval: String) async throws {
                try await client.query(
                    "UPDATE identity.sessions SET renewed_at = renewed_at - interval '\(interval)', expires_at = expires_at - interval '\(interval)'"
                )
            }
            try await age("23 hours")
            let young = try #require(try await shop.identity.session(session.token))
            #expect(young.session.expiresAt < session.session.expiresAt)
            try await age("2 hours")
            let renewed = try #require(try await shop.identity.session(session.token))
            #expect(renewed.session.expiresAt > session.session.expiresAt, "used after a day, it is renewed")
            try await age("7 days")
            #expect(try await shop.identity.session(session.token) == nil)
        }
    }
}
