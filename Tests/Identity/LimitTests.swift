import Ledger
import Testing

@testable import Identity

/// Who counts as one, and what is refused after how many.
@Suite struct LimitTests {
    private func key(_ address: String?) -> [UInt8] {
        Identity.Attempt("sign-in address", RateLimit(1, in: .seconds(1)), address: address).key
    }

    /// A listener of both versions sees clients of version 4 by their mapped addresses, which all begin alike.
    @Test func aClientIsOneByEverySpellingOfItsAddress() {
        #expect(key("::ffff:192.0.2.1") == key("192.0.2.1"))
        #expect(key("::ffff:192.0.2.1") != key("::ffff:192.0.2.2"))
        #expect(key("192.0.2.1") != key("192.0.2.2"))
        #expect(key("2001:db8:1:2::1") == key("2001:DB8:1:2:ffff::2"))
        #expect(key("2001:db8:1:2::1") != key("2001:db8:1:3::1"))
        #expect(key(nil) == key(nil) && key(nil) != key("::1"))
    }

    private func guess(_ shop: Shop, _ email: String, _ address: String, _ password: String = "wrong horse") async -> Int? {
        await refusal {
            try await shop.identity.signIn(email: email, password: password, callback: nil, Caller(address: address))
        }?.status
    }

    @Test func guessingIsLimitedByAccountAndAddress() async throws {
        try await Shop.with({ configuration in
            configuration.limits.signInOfAccount = RateLimit(3, in: .seconds(600))
            configuration.limits.signInOfAddress = RateLimit(5, in: .seconds(600))
        }) { shop in
            _ = try await shop.account("ada@example.org")
            for _ in 0..<3 { #expect(await guess(shop, "ada@example.org", "192.0.2.1") == 401) }
            // The right password too: or guessing could go on and look for the one answer that differs.
            #expect(await guess(shop, "ADA@example.org", "192.0.2.1", "correct horse") == 429)
            for _ in 0..<3 {
                #expect(await guess(shop, "nobody@example.org", "192.0.2.2") == 401, "an account that there is not counts alike")
            }
            #expect(await guess(shop, "nobody@example.org", "192.0.2.2") == 429)
            // One address, always another account; a whole /64 is one address.
            for index in 0..<5 {
                #expect(await guess(shop, "a\(index)@example.org", "2001:db8:1:2::\(index)") == 401)
            }
            #expect(await guess(shop, "a6@example.org", "2001:db8:1:2:ffff::1") == 429)
            #expect(await guess(shop, "a7@example.org", "2001:db8:1:3::1") == 401)
        }
    }

    @Test func invitationsAreCountedByPersonAndByOrganization() async throws {
        try await Shop.with({ configuration in
            configuration.limits.invitationOfPerson = RateLimit(2, in: .seconds(600))
            configuration.limits.invitationOfOrganization = RateLimit(3, in: .seconds(600))
        }) { shop in
            let (ada, bo) = (UserID.mint(), UserID.mint())
            func mayInvite(_ person: UserID, _ organization: String) async -> Bool {
                do {
                    try await shop.identity.countInvitation(by: person, to: organization)
                    return true
                } catch {
                    return false
                }
            }
            for organization in ["org_1", "org_2"] { #expect(await mayInvite(ada, organization)) }
            #expect(await !mayInvite(ada, "org_3"))
            for _ in 0..<2 { #expect(await mayInvite(bo, "org_1")) }
            #expect(await !mayInvite(UserID.mint(), "org_1"))
        }
    }

    @Test func nobodyAloneKeepsAPersonOut() async throws {
        try await Shop.with({ configuration in
            configuration.limits.signInOfAccount = RateLimit(2, in: .seconds(600))
            configuration.limits.signInOfAccountAnywhere = RateLimit(7, in: .seconds(600))
        }) { shop in
            _ = try await shop.account("ada@example.org")
            // What is refused by the address does not count for the account.
            for _ in 0..<20 { _ = await guess(shop, "ada@example.org", "192.0.2.66") }
            #expect(await guess(shop, "ada@example.org", "192.0.2.1", "correct horse") == nil)
            // Many addresses together are stopped.
            for index in 0..<7 { #expect(await guess(shop, "ada@example.org", "198.51.100.\(index)") == 401) }
            #expect(await guess(shop, "ada@example.org", "198.51.100.99") == 429)
        }
    }
}
