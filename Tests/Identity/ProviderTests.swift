import HTTPTransport
import Ledger
import Postgres
import TestSupport
import Testing

@testable import Identity

@Suite struct ProviderTests {
    /// A shop that believes a provider of the test's own, as `corp` and as `github`.
    private func with(
        minimumAgeOfKeys: Duration = .seconds(30), hooks: Identity.Hooks = Identity.Hooks(),
        _ body: (Shop, OpenIDStandIn) async throws -> Void
    ) async throws {
        let standIn = try await OpenIDStandIn()
        let corp = try #require(
            IdentityProvider.openIDConnect(
                id: "corp", issuer: standIn.issuer, clientID: standIn.clientID, clientSecret: standIn.clientSecret))
        let gitHub = IdentityProvider.gitHub(
            clientID: standIn.clientID, clientSecret: standIn.clientSecret, site: standIn.issuer, api: standIn.issuer)
        try await Shop.with(
            {
                $0.providers = [corp, gitHub]
                $0.minimumAgeOfKeys = minimumAgeOfKeys
            }, hooks: hooks
        ) { try await body($0, standIn) }
        await standIn.tearDown()
    }

    private func signIn(
        _ shop: Shop, _ standIn: OpenIDStandIn, _ person: OpenIDStandIn.Person, provider: String = "corp"
    ) async throws -> NewSession {
        let departure = try await shop.identity.depart(to: provider, callback: "/home", failure: nil, Caller())
        let answer = try standIn.agree(person, to: departure.url)
        let journey = try await shop.identity.resume(provider, state: answer["state"], cookie: departure.cookie)
        #expect(journey.destination == "https://app.example.org/home")
        return try await shop.identity.arrive(journey, code: answer["code"], issuer: nil, Caller())
    }

    @Test(arguments: ["corp", "github"])
    func somebodyNewGetsAnAccountAndComesBackToIt(provider: String) async throws {
        try await with { shop, standIn in
            let person = OpenIDStandIn.Person(subject: "4711", email: "ada@example.org")
            let first = try await signIn(shop, standIn, person, provider: provider)
            #expect(first.person.email == "ada@example.org" && first.person.isEmailVerified)
            // The mailbox changed there; the subject is who it is.
            let second = try await signIn(
                shop, standIn, .init(subject: "4711", email: "new@example.org"), provider: provider)
            #expect(second.person.id == first.person.id && second.token != first.token)
            #expect(try await shop.count("users") == 1)
            #expect(try await shop.count("accounts") == 1)
        }
    }

    @Test func aProviderThatSignsWithANewKeyIsAskedForIt() async throws {
        try await with(minimumAgeOfKeys: .zero) { shop, standIn in
            let person = OpenIDStandIn.Person(subject: "1", email: "ada@example.org")
            let first = try await signIn(shop, standIn, person)
            _ = try await signIn(shop, standIn, person)
            #expect(standIn.requests.count { $0 == "/keys" } == 1, "they are kept")
            standIn.rotateKey()
            #expect(try await signIn(shop, standIn, person).person.id == first.person.id)
            #expect(standIn.requests.count { $0 == "/keys" } == 2)
        }
    }

    @Test func tokensWithUnknownKeysDoNotMakeItAskEachTime() async throws {
        try await with { shop, standIn in
            let person = OpenIDStandIn.Person(subject: "1", email: "ada@example.org")
            _ = try await signIn(shop, standIn, person)
            standIn.rotateKey()
            for _ in 0..<5 {
                await #expect(throws: IdentityError.self) { try await signIn(shop, standIn, person) }
            }
            #expect(standIn.requests.count { $0 == "/keys" } == 1)
        }
    }

    @Test func aConfirmedMailboxIsLinkedAndItsPasswordStays() async throws {
        try await with { shop, standIn in
            let ada = try await shop.account("ada@example.org")
            let token = try #require(try await shop.letters().last?.token)
            _ = try await shop.identity.verify(token, signedIn: ada.person.id, Caller())
            let arrival = try await signIn(shop, standIn, .init(subject: "1", email: "ADA@example.org"))
            #expect(arrival.person.id == ada.person.id)
            #expect(try await shop.identity.session(ada.token) != nil)
            _ = try await shop.identity.signIn(email: "ada@example.org", password: "correct horse", callback: nil, Caller())
            #expect(try await shop.letters().last?.subject == "A sign-in was linked to your account")
        }
    }

    @Test func anAccountThatWasMadeBeforeItsMailboxWasConfirmedIsTakenFromWhoMadeIt() async throws {
        let others = HandOvers()
        try await with(hooks: others.hooks) { shop, standIn in
            // Eve makes an account with Ada's address and waits.
            let eve = try await shop.account("ada@example.org", password: "eve's password")
            let ada = OpenIDStandIn.Person(subject: "1", email: "ada@example.org")
            others.refuse(true)
            let early = await refusal { try await signIn(shop, standIn, .init(subject: "1", email: "ada@example.org")) }
            #expect(early?.status == 503)
            others.refuse(false)
            let arrival = try await signIn(shop, standIn, ada)
            #expect(arrival.person.id == eve.person.id && others.asked == [eve.person.id, eve.person.id])
            _ = try await signIn(shop, standIn, ada)
            #expect(others.asked.count == 2, "it is hers now")
            #expect(try await shop.identity.session(eve.token) == nil)
            let refused = await refusal {
                try await shop.identity.signIn(email: "ada@example.org", password: "eve's password", callback: nil, Caller())
            }
            #expect(refused?.code == .invalidCredentials)
        }
    }

    @Test func anUnconfirmedMailboxOpensNothing() async throws {
        try await with { shop, standIn in
            _ = try await shop.account("ada@example.org")
            for provider in ["corp", "github"] {
                let refused = await refusal {
                    try await signIn(
                        shop, standIn, .init(subject: "1", email: "ada@example.org", isEmailVerified: false), provider: provider)
                }
                #expect(refused?.code == .emailNotVerified)
            }
            #expect(await refusal { try await signIn(shop, standIn, .init(subject: "2", email: nil)) }?.code == .emailNotVerified)
            #expect(try await shop.count("accounts") == 0)
        }
    }

    @Test func theStateIsOfUseOnceInTheBrowserThatBeganAndAtItsProvider() async throws {
        try await with { shop, standIn in
            let person = OpenIDStandIn.Person(subject: "1", email: "ada@example.org")
            func attempt(
                _ change: (inout [String: String], inout SecretToken?, inout String) -> Void
            ) async throws -> IdentityError? {
                let departure = try await shop.identity.depart(to: "corp", callback: nil, failure: nil, Caller())
                var answer = try standIn.agree(person, to: departure.url)
                var cookie: SecretToken? = departure.cookie
                var provider = "corp"
                change(&answer, &cookie, &provider)
                return await refusal {
                    let journey = try await shop.identity.resume(provider, state: answer["state"], cookie: cookie)
                    return try await shop.identity.arrive(journey, code: answer["code"], issuer: answer["iss"], Caller())
                }
            }
            let wrong: [(inout [String: String], inout SecretToken?, inout String) -> Void] = [
                { _, cookie, _ in cookie = nil }, { _, cookie, _ in cookie = SecretToken() },
                { answer, _, _ in answer["state"] = SecretToken().secret }, { answer, _, _ in answer["state"] = nil },
                { answer, _, _ in answer["code"] = nil }, { answer, _, _ in answer["code"] = "made-up" },
                { answer, _, _ in answer["iss"] = "https://evil.example" }, { _, _, provider in provider = "github" },
            ]
            for (index, change) in wrong.enumerated() {
                let refused = try await attempt(change)
                #expect(refused?.code == .providerRefused, "\(index)")
            }
            #expect(try await shop.count("users") == 0)
            let right = try await attempt { answer, _, _ in answer["iss"] = standIn.issuer }
            #expect(right == nil)
            #expect(
                await refusal { try await shop.identity.depart(to: "nobody", callback: nil, failure: nil, Caller()) }?.status
                    == 404)
        }
    }

    /// Ways in which an ID token can be wrong.
    enum Lie: CaseIterable, Sendable {
        case key, none, issuer, audience, noAudience, shared, party, expired, future, nonce, noNonce, subject, endless
    }

    @Test(arguments: Lie.allCases)
    func aTokenThatIsWrongIsNotBelieved(lie: Lie) async throws {
        try await with { shop, standIn in
            standIn.lie { lies in
                switch lie {
                case .key: lies.foreignKey = true
                case .none: lies.algorithm = "none"
                case .issuer: lies.claims["iss"] = #""https://evil.example""#
                case .audience: lies.claims["aud"] = #""another-client""#
                case .noAudience: lies.claims["aud"] = "[]"
                case .shared: lies.claims["aud"] = #"["the-client","another-client"]"#
                case .party: lies.claims["azp"] = #""another-client""#
                case .expired: lies.claims["exp"] = "1700000000"
                case .future: lies.claims["iat"] = "4000000000"
                case .nonce: lies.claims["nonce"] = "\"\(SecretToken().secret)\""
                case .noNonce: lies.claims["nonce"] = ""
                case .subject: lies.claims["sub"] = #""""#
                case .endless: lies.claims["exp"] = "1e999"
                }
            }
            let person = OpenIDStandIn.Person(subject: "1", email: "ada@example.org")
            #expect(await refusal { try await signIn(shop, standIn, person) }?.code == .providerRefused)
            #expect(try await shop.count("users") == 0)
            standIn.lie { $0 = .init() }
            _ = try await signIn(shop, standIn, person)
        }
    }

    @Test func aMailboxThatTheTokenDoesNotHaveIsAskedFor() async throws {
        try await with { shop, standIn in
            standIn.lie { $0.hidesEmail = true }
            let arrival = try await signIn(shop, standIn, .init(subject: "1", email: "ada@example.org"))
            #expect(arrival.person.email == "ada@example.org")
            #expect(standIn.requests.contains("/userinfo"))
        }
    }

    /// Some providers say only there whether the mailbox is confirmed, some by a string.
    @Test(
        arguments: [
            (false, [:], true), (false, ["email": #""ADA@example.org""#, "email_verified": #""true""#], true),
            (true, ["email_verified": #""true""#], true), (true, ["email_verified": #""false""#], false),
            (false, ["email_verified": "false"], false), (false, ["email_verified": "null"], false),
            (false, ["email": #""eve@example.org""#], false), (false, ["sub": #""2""#], false),
        ] as [(Bool, [String: String], Bool)])
    func aMailboxIsConfirmedByTheProfile(hidesEmail: Bool, profile: [String: String], isConfirmed: Bool) async throws {
        try await with { shop, standIn in
            standIn.lie { lies in
                lies.hidesEmail = hidesEmail
                lies.claims["email_verified"] = ""
                lies.profile = profile
            }
            let person = OpenIDStandIn.Person(subject: "1", email: "ada@example.org")
            let refused = await refusal { try await signIn(shop, standIn, person) }
            #expect((refused == nil) == isConfirmed, "\(String(describing: refused))")
            let users = try await shop.count("users")
            #expect(users == (isConfirmed ? 1 : 0))
        }
    }

    @Test func anotherIssuersDocumentIsRefused() async throws {
        try await with { shop, standIn in
            standIn.lie { $0.issuer = "https://evil.example" }
            let refused = await refusal { try await shop.identity.depart(to: "corp", callback: nil, failure: nil, Caller()) }
            #expect(refused?.code == .providerRefused)
        }
    }

    @Test func providersAreHttpsOrThisMachine() {
        func provider(_ id: String, _ issuer: String) -> IdentityProvider? {
            .openIDConnect(id: id, issuer: issuer, clientID: "a", clientSecret: "b")
        }
        #expect(provider("corp", "https://login.example.org") != nil)
        #expect(provider("corp", "http://localhost:8080") != nil)
        #expect(provider("corp", "http://login.example.org") == nil)
        #expect(provider("github", "https://login.example.org") == nil)
        #expect(provider("../x", "https://login.example.org") == nil)
    }
}
