import Ledger
import Postgres
import Synchronization
import Testing

@testable import Identity

/// What others hear of accounts that change hands.
final class HandOvers: Sendable {
    private struct State {
        var asked: [UserID] = []
        var refuses = false
    }

    private let state = Mutex(State())

    /// Whose account it was, each time that others were asked.
    var asked: [UserID] { state.withLock { $0.asked } }

    func refuse(_ refuses: Bool) { state.withLock { $0.refuses = refuses } }

    var hooks: Identity.Hooks {
        var hooks = Identity.Hooks()
        hooks.beforeHandOver = { (person) throws(IdentityError) in
            let refuses = self.state.withLock { state in
                state.asked.append(person.id)
                return state.refuses
            }
            if refuses { throw IdentityError.unavailable }
        }
        return hooks
    }
}

/// Accounts that somebody made with an address of somebody else.
@Suite struct HandOverTests {
    /// The token of a mail that only who reads Ada's mailbox has.
    private func proof(_ shop: Shop) async throws -> SecretToken {
        try await shop.identity.requestPasswordReset(email: "ada@example.org", redirect: nil, Caller())
        return try #require(try await shop.letters().last?.token)
    }

    @Test func anAccountIsGivenWhenWhatItOpenedIsEnded() async throws {
        let others = HandOvers()
        try await Shop.with(hooks: others.hooks) { shop in
            let identity = shop.identity
            let eve = try await shop.account("ada@example.org", password: "eve's password")
            let token = try await proof(shop)
            others.refuse(true)
            let refused = await refusal { try await identity.resetPassword(token, to: "ada's password") }
            #expect(refused?.status == 503)
            // Nobody has it meanwhile.
            #expect(try await identity.session(eve.token) == nil)
            for password in ["eve's password", "ada's password"] {
                let shut = await refusal {
                    try await identity.signIn(email: "ada@example.org", password: password, callback: nil, Caller())
                }
                #expect(shut?.code == .invalidCredentials)
            }
            #expect(try await identity.user(eve.person.id)?.isEmailVerified == false)

            others.refuse(false)
            try await identity.resetPassword(token, to: "ada's password")
            #expect(others.asked == [eve.person.id, eve.person.id])
            let ada = try await identity.signIn(email: "ada@example.org", password: "ada's password", callback: nil, Caller())
            #expect(ada.person.id == eve.person.id && ada.person.isEmailVerified)
            // What she opens from now on is hers.
            try await identity.requestPasswordReset(email: "ada@example.org", redirect: nil, Caller())
            let second = try #require(try await shop.letters().last { $0.subject == "Choose a new password" }?.token)
            try await identity.resetPassword(second, to: "another password")
            #expect(others.asked.count == 2)
        }
    }

    /// What the second ends may be what the person has made after the first.
    @Test func ofTwoProofsAtOnceOneWaits() async throws {
        let others = HandOvers()
        try await Shop.with(hooks: others.hooks) { shop in
            let identity = shop.identity
            let eve = try await shop.account("ada@example.org", password: "eve's password")
            let token = try await proof(shop)
            let refused = try await identity.handingOver(eve.person) {
                await refusal { try await identity.resetPassword(token, to: "ada's password") }
            }
            #expect(refused == IdentityError.contended)
            #expect(others.asked == [eve.person.id])
            try await identity.resetPassword(token, to: "ada's password")
            #expect(others.asked == [eve.person.id, eve.person.id])
        }
    }

    /// Each holds a connection that everybody else needs.
    @Test func fewAccountsAreHandedOverAtOnce() async throws {
        try await Shop.with { shop in
            let identity = shop.identity
            let ada = try await shop.account("ada@example.org").person
            let bob = try await shop.account("bob@example.org").person
            let carl = try await shop.account("carl@example.org").person
            let refused = try await identity.handingOver(ada) {
                try await identity.handingOver(bob) { await refusal { try await identity.handingOver(carl) {} } }
            }
            #expect(refused == IdentityError.contended)
            try await identity.handingOver(carl) {}
        }
    }

    @Test func aPasswordThatIsBeingCheckedOpensNothingAfterwards() async throws {
        try await Shop.with { shop in
            let identity = shop.identity
            let eve = try await shop.account("ada@example.org", password: "eve's password")
            let checked = try #require(try await identity.credential(email: "ada@example.org")?.hash)
            // Under another cost it is the same password.
            await identity.rehash("eve's password", of: eve.person, instead: checked)
            _ = try await identity.beginSession(for: eve.person, by: checked, Caller())

            let token = try await proof(shop)
            try await identity.resetPassword(token, to: "ada's password")
            let refused = await refusal { try await identity.beginSession(for: eve.person, by: checked, Caller()) }
            #expect(refused == IdentityError.wrongCredentials)
            let begun = try await shop.count("sessions")
            #expect(begun == 0)
            await identity.rehash("eve's password", of: eve.person, instead: checked)
            let kept = await refusal { try await identity.replace(checked, with: checked, of: eve.person, Caller()) }
            #expect(kept == IdentityError.wrongPassword)
            let ada = try await identity.signIn(email: "ada@example.org", password: "ada's password", callback: nil, Caller())
            #expect(ada.person.id == eve.person.id)
        }
    }

    /// By a passkey that was being checked when the account was emptied.
    @Test func whoComesInMeanwhileIsNotLeftInside() async throws {
        try await Shop.with { shop in
            let identity = shop.identity
            let eve = try await shop.account("ada@example.org", password: "eve's password")
            let refused = await refusal {
                try await identity.postgres.withTransaction { try await identity.takeOver(eve.person.id, hash: nil, over: $0) }
            }
            #expect(refused == IdentityError.contended)
            #expect(try await identity.user(eve.person.id)?.isEmailVerified == false)
            try await identity.vacate(eve.person)
            let email = try await identity.postgres.withTransaction {
                try await identity.takeOver(eve.person.id, hash: nil, over: $0)
            }
            #expect(email == "ada@example.org")
            #expect(try await identity.user(eve.person.id)?.isEmailVerified == true)
        }
    }
}
