import HTTPTypes
import Testing

@testable import Identity

/// What the routes make of the links in mails.
@Suite struct LinkTests {
    private static let ada = ["email": "ada@example.org", "password": "correct horse", "name": "Ada"]

    @Test func aLinkVerifiesAndLeadsOnlyToOurPages() async throws {
        try await Shop.with { shop in
            let client = RouteClient(shop)
            let up = try await client.send(
                .post, "/auth/sign-up/email", Self.ada.merging(["callbackURL": "https://evil.example/"]) { given, _ in given })
            let letter = try #require(try await shop.letters().last)
            #expect(!letter.text.contains("evil"))
            let token = try #require(letter.token).secret
            let evil = try await client.send(.get, "/auth/verify-email?token=x&callbackURL=https%3A%2F%2Fevil.example%2F")
            #expect(evil.status == 400 && evil.headers[.location] == nil)
            let failed = try await client.send(.get, "/auth/verify-email?token=x&callbackURL=%2Fhome")
            #expect(failed.headers[.location] == "https://app.example.org/home?error=INVALID_TOKEN")
            let link = "/auth/verify-email?token=\(token)"
            #expect(try await client.send(.get, link).status == 401)
            let nobody = try await client.send(.get, link + "&callbackURL=%2Fhome")
            #expect(nobody.headers[.location] == "https://app.example.org/home?error=UNAUTHORIZED")
            let verified = try await client.send(.get, link + "&callbackURL=%2Fhome", cookie: up.cookie)
            #expect(verified.status == 302 && verified.headers[.location] == "https://app.example.org/home")
        }
    }

    @Test func aLinkVerifiesWithThePasswordToo() async throws {
        try await Shop.with({ $0.requiresVerifiedEmail = true }) { shop in
            let client = RouteClient(shop)
            #expect(try await client.send(.post, "/auth/sign-up/email", Self.ada).cookie == nil)
            let token = try #require(try await shop.letters().last?.token).secret
            for (body, status) in [
                (["token": "x", "password": "correct horse"], 400), (["token": token], 401),
                (["token": token, "password": "wrong horse"], 400), (["token": token, "password": "correct horse"], 200),
                (["token": token, "password": "correct horse"], 400),
            ] {
                let answer = try await client.send(.post, "/auth/verify-email", body)
                #expect(answer.status == status, "\(body)")
                #expect(status != 200 || answer.user["emailVerified"] as? Bool == true)
            }
            #expect(try await client.send(.post, "/auth/sign-in/email", Self.ada).status == 200)
        }
    }
}
