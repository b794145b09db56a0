import Ledger
import Postgres
import TestSupport
import Testing

@testable import Identity

@Suite struct MailboxTests {
    @Test func aForgottenPasswordIsSetByMailAndEndsEverySession() async throws {
        try await Shop.with { shop in
            let identity = shop.identity
            let session = try await shop.account("ada@example.org")
            try await identity.requestPasswordReset(email: "Ada@example.org", redirect: "https://evil.example/", Caller())
            let letter = try #require(try await shop.letters().last)
            #expect(letter.to == "ada@example.org")
            #expect(letter.text.contains("https://app.example.org/reset-password?token="))
            let token = try #require(letter.token)
            #expect(await refusal { try await identity.resetPassword(token, to: "short") }?.field == "newPassword")
            try await identity.resetPassword(token, to: "another horse")
            #expect(await refusal { try await identity.resetPassword(token, to: "a third horse") }?.code == .invalidToken)
            #expect(try await identity.session(session.token) == nil)
            let old = await refusal {
                try await identity.signIn(email: "ada@example.org", password: "correct horse", callback: nil, Caller())
            }
            #expect(old?.code == .invalidCredentials)
            let new = try await identity.signIn(email: "ada@example.org", password: "another horse", callback: nil, Caller())
            #expect(new.person.isEmailVerified, "the link came by mail")
        }
    }

    @Test func askingForAMailSaysNothingAboutTheAccount() async throws {
        try await Shop.with { shop in
            try await shop.identity.requestPasswordReset(email: "nobody@example.org", redirect: nil, Caller())
            try await shop.identity.requestVerification(email: "nobody@example.org", callback: nil, Caller())
            #expect(try await shop.letters().isEmpty)
            for _ in 0..<18 { try await shop.identity.requestPasswordReset(email: "nobody@example.org", redirect: nil, Caller()) }
            let refused = await refusal {
                try await shop.identity.requestPasswordReset(email: "nobody@example.org", redirect: nil, Caller())
            }
            #expect(refused?.status == 429, "by where it comes from")
        }
    }

    /// Each kind of mail is counted by itself, and who caused one too many is answered the same.
    @Test func nobodyElseFillsAMailbox() async throws {
        try await Shop.with({
            $0.requiresVerifiedEmail = true
            $0.limits.mailOfAccount = RateLimit(3, in: .seconds(3600))
        }) { shop in
            let identity = shop.identity
            _ = try await shop.account("ada@example.org")
            for _ in 0..<5 {
                let refused = await refusal {
                    try await identity.signIn(email: "ada@example.org", password: "correct horse", callback: nil, Caller())
                }
                #expect(refused?.code == .emailNotVerified)
            }
            for _ in 0..<5 { identity.tell(invitedTo: "org_1", as: "developer", by: "inv_1", email: "bo@example.org") }
            let letters = try await shop.letters()
            #expect(letters.count { $0.to == "ada@example.org" } == 1 + 3, "that of the sign-up is limited by itself")
            #expect(letters.count { $0.to == "bo@example.org" } == 3)
            for _ in 0..<5 { try await identity.requestPasswordReset(email: "Ada@example.org", redirect: nil, Caller()) }
            let resets = try await shop.letters().filter { $0.subject == "Choose a new password" }
            #expect(resets.map(\.to) == Array(repeating: "ada@example.org", count: 3))
            // Those that a stranger has asked for are of use to her.
            try await identity.resetPassword(try #require(resets[0].token), to: "another horse")
        }
    }

    @Test func aTokenIsOfUseOnceForOnePurposeAndForATime() async throws {
        try await Shop.with { shop in
            let identity = shop.identity
            let person = try await shop.account("ada@example.org").person
            let token = try await identity.issue(.passwordReset, for: person.id)
            #expect(try await identity.use(token, .emailVerification) == nil)
            #expect(
                await refusal { try await identity.verify(token, signedIn: person.id, Caller()) }?.code == .invalidToken)
            let uses = try await withThrowingTaskGroup(of: Bool.self) { group in
                for _ in 0..<8 { group.addTask { try await identity.use(token, .passwordReset) != nil } }
                return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
            }
            #expect(uses == 1)
            let late = try await identity.issue(.passwordReset, for: person.id)
            try await shop.database.client.query("UPDATE identity.verifications SET expires_at = now() - interval '1 second'")
            #expect(await refusal { try await identity.resetPassword(late, to: "another horse") }?.code == .invalidToken)
        }
    }

    @Test func anAddressChangesOnlyWhenTheNewOneIsConfirmed() async throws {
        try await Shop.with { shop in
            let identity = shop.identity
            let ada = try await shop.account("ada@example.org").person
            let taken = try await shop.account("taken@example.org").person
            #expect(
                await refusal { try await identity.requestEmailChange(of: ada, to: "not one", callback: nil, Caller()) }?.field
                    == "newEmail")
            try await identity.requestEmailChange(of: ada, to: "taken@example.org", callback: nil, Caller())
            try await identity.requestEmailChange(of: ada, to: "new@example.org", callback: nil, Caller())
            let letters = try await shop.letters()
            #expect(letters.filter { $0.subject.contains("new e-mail") }.map(\.to) == ["new@example.org"])
            #expect(try await identity.user(ada.id)?.email == "ada@example.org")
            let token = try #require(letters.last?.token)
            #expect(await refusal { try await identity.verify(token, signedIn: taken.id, Caller()) } == IdentityError.othersLink)
            let changed = try await identity.verify(token, signedIn: ada.id, Caller())
            #expect(changed.email == "new@example.org" && changed.isEmailVerified)
            #expect(try await shop.letters().last?.to == "ada@example.org")
            #expect(await refusal { try await identity.verify(token, signedIn: ada.id, Caller()) }?.code == .invalidToken)
        }
    }

    /// A program that looks at a stranger's mail opens links, and the stranger may do so without thinking: neither makes the
    /// address that of whoever gave it at sign-up.
    @Test(arguments: ["", "wrong horse"])
    func aLinkAloneGivesNoAddressAway(guess: String) async throws {
        try await Shop.with({ $0.administrators = ["root@example.org"] }) { shop in
            let identity = shop.identity
            let eve = try await shop.account("root@example.org", password: "eve's password")
            let bo = try await shop.account("bo@example.org").person
            let token = try #require(try await shop.letters().first { $0.to == "root@example.org" }?.token)
            let password = guess.isEmpty ? nil : guess
            for person in [nil, bo.id] {
                let refused = await refusal {
                    try await identity.verify(token, signedIn: person, password: password, Caller())
                }
                #expect(refused?.code == (guess.isEmpty ? .unauthorized : .invalidPassword))
            }
            let after = try #require(try await identity.session(eve.token)).person
            #expect(!after.isEmailVerified && !identity.isAdministrator(after))
            // Who reads the mailbox takes the account.
            try await identity.requestPasswordReset(email: "root@example.org", redirect: nil, Caller())
            let reset = try #require(try await shop.letters().last { $0.to == "root@example.org" }?.token)
            try await identity.resetPassword(reset, to: "root's own password")
            #expect(try await identity.session(eve.token) == nil)
            let late = await refusal {
                try await identity.verify(token, signedIn: nil, password: "eve's password", Caller())
            }
            #expect(late?.code == .invalidToken)
        }
    }

    /// Whoever knew the old password may have asked for the change.
    @Test func aNewPasswordEndsAChangeOfTheAddress() async throws {
        try await Shop.with { shop in
            let identity = shop.identity
            let ada = try await shop.account("ada@example.org").person
            try await identity.requestEmailChange(of: ada, to: "thief@example.org", callback: nil, Caller())
            let first = try #require(try await shop.letters().last?.token)
            _ = try await identity.changePassword(of: ada, from: "correct horse", to: "another horse", Caller())
            #expect(await refusal { try await identity.verify(first, signedIn: ada.id, Caller()) }?.code == .invalidToken)
            try await identity.requestEmailChange(of: ada, to: "thief@example.org", callback: nil, Caller())
            let second = try #require(try await shop.letters().last { $0.to == "thief@example.org" }?.token)
            try await identity.requestPasswordReset(email: "ada@example.org", redirect: nil, Caller())
            let reset = try #require(try await shop.letters().last { $0.to == "ada@example.org" }?.token)
            try await identity.resetPassword(reset, to: "another password of hers")
            #expect(await refusal { try await identity.verify(second, signedIn: ada.id, Caller()) }?.code == .invalidToken)
            #expect(try await identity.user(ada.id)?.email == "ada@example.org")
        }
    }

    /// Of many strangers the mailbox is kept, and of one its person.
    @Test func nobodyElseKeepsAPersonFromTheirMailbox() async throws {
        try await Shop.with({
            $0.limits.mailOfAccount = RateLimit(2, in: .seconds(3600))
            $0.limits.emailChangeOfAccountAnywhere = RateLimit(4, in: .seconds(3600))
        }) { shop in
            let identity = shop.identity
            func letters() async throws -> Int {
                try await shop.letters().count { $0.to == "new@example.org" }
            }
            let eve = try await shop.account("eve@example.org").person
            for _ in 0..<2 { try await identity.requestEmailChange(of: eve, to: "new@example.org", callback: nil, Caller()) }
            let refused = await refusal {
                try await identity.requestEmailChange(of: eve, to: "New@example.org", callback: nil, Caller())
            }
            #expect(refused?.status == 429)
            let ada = try await shop.account("ada@example.org").person
            for expected in 3...4 {
                try await identity.requestEmailChange(of: ada, to: "new@example.org", callback: nil, Caller())
                #expect(try await letters() == expected)
            }
            let bo = try await shop.account("bo@example.org").person
            try await identity.requestEmailChange(of: bo, to: "new@example.org", callback: nil, Caller())
            #expect(try await letters() == 4)
        }
    }

    @Test func anAddressThatWasTakenMeanwhileIsNotTakenTwice() async throws {
        try await Shop.with { shop in
            let ada = try await shop.account("ada@example.org").person
            try await shop.identity.requestEmailChange(of: ada, to: "new@example.org", callback: nil, Caller())
            let token = try #require(try await shop.letters().last?.token)
            _ = try await shop.account("NEW@example.org")
            #expect(await refusal { try await shop.identity.verify(token, signedIn: ada.id, Caller()) }?.code == .invalidToken)
            #expect(try await shop.identity.user(ada.id)?.email == "ada@example.org")
        }
    }

    @Test func aLinkToAnOlderAddressConfirmsNothing() async throws {
        try await Shop.with { shop in
            let ada = try await shop.account("ada@example.org").person
            let token = try #require(try await shop.letters().last?.token)
            try await shop.database.client.query("UPDATE identity.users SET email = 'other@example.org'")
            #expect(await refusal { try await shop.identity.verify(token, signedIn: ada.id, Caller()) }?.code == .invalidToken)
            #expect(try await shop.identity.user(ada.id)?.isEmailVerified == false)
        }
    }

    @Test func changingThePasswordEndsTheOtherSessionsAndRotatesThisOne() async throws {
        try await Shop.with { shop in
            let identity = shop.identity
            let first = try await shop.account("ada@example.org")
            let second = try await identity.signIn(email: "ada@example.org", password: "correct horse", callback: nil, Caller())
            let wrong = await refusal {
                try await identity.changePassword(
                    of: first.person, from: "wrong horse", to: "another horse", Caller(token: first.token))
            }
            #expect(wrong?.code == .invalidPassword)
            let new = try await identity.changePassword(
                of: first.person, from: "correct horse", to: "another horse", Caller(token: first.token))
            #expect(try await identity.session(first.token) == nil)
            #expect(try await identity.session(second.token) == nil)
            #expect(try await identity.session(new.token) != nil)
            _ = try await identity.signIn(email: "ada@example.org", password: "another horse", callback: nil, Caller())
        }
    }

    @Test func administratorsAreThoseWhoseListedMailboxIsVerified() async throws {
        try await Shop.with({ $0.administrators = ["Root@example.org"] }) { shop in
            let person = try await shop.account("root@EXAMPLE.org").person
            #expect(!shop.identity.isAdministrator(person))
            let token = try #require(try await shop.letters().last?.token)
            let verified = try await shop.identity.verify(token, signedIn: person.id, Caller())
            #expect(shop.identity.isAdministrator(verified))
        }
    }

    @Test func aDeletedPersonLeavesNothing() async throws {
        let refused = IdentityError(.conflict, status: 409, "The last owner of an organization")
        var hooks = Identity.Hooks()
        hooks.beforeDeletion = { (person) throws(IdentityError) in if person.name == "Owner" { throw refused } }
        try await Shop.with(hooks: hooks) { shop in
            let session = try await shop.account("ada@example.org")
            try await shop.identity.rename(session.person.id, to: "Owner")
            let owner = try #require(try await shop.identity.user(session.person.id))
            #expect(await refusal { try await shop.identity.delete(owner) } == refused)
            try await shop.identity.rename(owner.id, to: nil)
            try await shop.identity.delete(try #require(try await shop.identity.user(owner.id)))
            await shop.identity.drain()
            #expect(try await shop.identity.session(session.token) == nil)
            for table in ["users", "credentials", "sessions", "verifications"] { #expect(try await shop.count(table) == 0) }
        }
    }
}
