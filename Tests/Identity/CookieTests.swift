import HTTPTypes
import Testing
import Web

@testable import Identity

/// What the routes leave in a browser, and what they make of what is there.
@Suite struct CookieTests {
    private static let ada = ["email": "ada@example.org", "password": "correct horse", "name": "Ada"]

    /// The playground's key would be spent by whoever uses the browser next.
    @Test func nothingOfAPersonStaysInTheBrowserForTheNext() async throws {
        try await Shop.with { shop in
            let client = RouteClient(shop)
            func clearsKey(_ answer: RouteClient.Answer) -> Bool {
                answer.cookies.contains { $0.hasPrefix("\(PlaygroundCookie.name)=;") && $0.hasSuffix("; Max-Age=0") }
            }
            let ada = try await client.send(.post, "/auth/sign-up/email", Self.ada)
            #expect(!clearsKey(ada))
            let again = try await client.send(.post, "/auth/sign-in/email", Self.ada, cookie: ada.cookie)
            #expect(again.status == 200 && !clearsKey(again), "the same person goes on")
            let bo = try await client.send(
                .post, "/auth/sign-up/email", ["email": "bo@example.org", "password": "correct horse"], cookie: again.cookie)
            #expect(bo.status == 200 && clearsKey(bo))
            let back = try await client.send(.post, "/auth/sign-in/email", Self.ada, cookie: bo.cookie)
            #expect(back.status == 200 && clearsKey(back))
            #expect(try await clearsKey(client.send(.post, "/auth/revoke-sessions", [:], cookie: back.cookie)))
            #expect(try await clearsKey(client.send(.post, "/auth/sign-out")), "whatever the browser still has")
            let last = try await client.send(.post, "/auth/sign-in/email", Self.ada)
            #expect(try await clearsKey(client.send(.delete, "/user/me", cookie: last.cookie)))
        }
    }

    @Test func aSessionThatWasPlantedIsWorthNothingAfterTheSignIn() async throws {
        try await Shop.with { shop in
            let client = RouteClient(shop)
            _ = try await client.send(.post, "/auth/sign-up/email", Self.ada)
            let eve = try await shop.account("eve@example.org")
            for planted in [eve.token.secret, SecretToken().secret, "chosen-by-eve"] {
                let answer = try await client.send(
                    .post, "/auth/sign-in/email", Self.ada, cookie: "\(SessionCookie.name)=\(planted)")
                #expect(answer.status == 200)
                #expect(answer.cookie != nil && answer.cookie != "\(SessionCookie.name)=\(planted)")
                #expect(try await client.send(.get, "/user/me", cookie: "\(SessionCookie.name)=\(planted)").status == 401)
            }
        }
    }
}
