import Foundation
import HTTPTypes
import Ledger
import Postgres
import TestSupport
import Testing
import Web

@testable import Identity

@Suite struct RouteTests {
    private static let ada = ["email": "ada@example.org", "password": "correct horse", "name": "Ada"]

    private func with(
        _ change: (inout IdentityConfiguration) -> Void = { _ in }, _ body: (RouteClient, Shop) async throws -> Void
    ) async throws {
        try await Shop.with(change) { try await body(RouteClient($0), $0) }
    }

    @Test func theOriginalsClientSignsUpInAndOut() async throws {
        try await with { client, _ in
            let up = try await client.send(.post, "/auth/sign-up/email", Self.ada)
            #expect(
                up.status == 200 && up.user["email"] as? String == "ada@example.org" && up.user["emailVerified"] as? Bool == false
            )
            let cookie = try #require(up.cookie)
            let attributes = try #require(up.cookies.first)
            for attribute in ["Path=/", "HttpOnly", "SameSite=Lax", "Secure", "Max-Age=604800"] {
                #expect(attributes.contains("; \(attribute)"))
            }
            #expect(try await client.send(.get, "/auth/get-session", cookie: cookie).user["name"] as? String == "Ada")
            let me = try await client.send(.get, "/user/me", cookie: cookie)
            #expect(Set(me.user.keys) == ["id", "email", "name", "onboardingCompleted", "emailVerified", "isAdmin"])
            let signedIn = try await client.send(.post, "/auth/sign-in/email", Self.ada)
            let token = try #require(signedIn["token"] as? String)
            #expect(try await client.send(.get, "/user/me", bearer: token).status == 200)
            let out = try await client.send(.post, "/auth/sign-out", cookie: cookie)
            #expect(out["success"] as? Bool == true && out.cookies.first?.contains("Max-Age=0") == true)
            #expect(try await client.send(.get, "/auth/get-session", cookie: cookie).json is NSNull)
            #expect(try await client.send(.get, "/user/me", cookie: cookie).status == 401)
            #expect(try await client.send(.get, "/user/me", bearer: token).status == 200, "another session goes on")
        }
    }

    @Test func everyRouteThatNeedsASessionSaysSo() async throws {
        try await with { client, _ in
            let routes: [(HTTPRequest.Method, String)] = [
                (.get, "/user/me"), (.patch, "/user/me"), (.delete, "/user/me"), (.post, "/user/me/complete-onboarding"),
                (.put, "/user/password"), (.delete, "/user/me/passkeys/pk_1"), (.post, "/auth/change-password"),
                (.post, "/auth/change-email"), (.post, "/auth/update-user"), (.get, "/auth/list-sessions"),
                (.post, "/auth/revoke-sessions"), (.post, "/auth/revoke-other-sessions"),
                (.get, "/auth/passkey/generate-register-options"), (.post, "/auth/passkey/verify-registration"),
                (.get, "/auth/passkey/list-user-passkeys"), (.post, "/auth/passkey/delete-passkey"),
                (.post, "/auth/passkey/update-passkey"),
            ]
            for (method, path) in routes {
                for bearer in [nil, SecretToken().secret, "llmgtwy_abc"] as [String?] {
                    let answer = try await client.send(method, path, [:], bearer: bearer)
                    #expect(answer.status == 401, "\(method) \(path)")
                    #expect(answer["error"] as? Bool == true && answer["message"] as? String == "Unauthorized")
                }
            }
        }
    }

    @Test func bodiesOfStrangersAreSmall() async throws {
        try await with { client, _ in
            let long = Self.ada.merging(["name": String(repeating: "a", count: WebBody.smallBytes)]) { $1 }
            for path in ["/auth/sign-up/email", "/auth/sign-in/email", "/auth/forget-password", "/beacon", "/referral"] {
                let answer = try await client.send(.post, path, long)
                #expect(answer.status == 413, "\(path)")
            }
        }
    }

    @Test func anotherSitesPageCanDoNothing() async throws {
        try await with { client, shop in
            let cookie = try #require(try await client.send(.post, "/auth/sign-up/email", Self.ada).cookie)
            for origin in ["https://evil.example", "null", "http://app.example.org", "https://app.example.org.evil.example"] {
                #expect(try await client.send(.delete, "/user/me", cookie: cookie, origin: origin).status == 403)
                #expect(try await client.send(.post, "/auth/sign-out", cookie: cookie, origin: origin).status == 403)
                // Signing a visitor in to somebody else's account needs no cookie.
                #expect(try await client.send(.post, "/auth/sign-in/email", Self.ada, origin: origin).status == 403)
            }
            #expect(try await shop.count("users") == 1)
            for origin in ["https://app.example.org", "https://api.example.org"] {
                #expect(try await client.send(.patch, "/user/me", ["name": "Ada"], cookie: cookie, origin: origin).status == 200)
            }
        }
    }

    @Test func nothingIsSetThatARouteDoesNotName() async throws {
        try await with({ $0.administrators = ["root@example.org"] }) { client, shop in
            let more: [String: Any] = [
                "isAdmin": true, "emailVerified": true, "email_verified": true, "id": UserID.mint().description, "role": "owner",
                "onboardingCompleted": true, "user": ["isAdmin": true],
            ]
            let up = try await client.send(
                .post, "/auth/sign-up/email", (Self.ada as [String: Any]).merging(more) { given, _ in given })
            let cookie = try #require(up.cookie)
            let id = try #require(up.user["id"] as? String)
            #expect(id != more["id"] as? String)
            let patched = try await client.send(.patch, "/user/me", more, cookie: cookie)
            #expect(patched.status == 200)
            let me = try await client.send(.get, "/user/me", cookie: cookie).user
            #expect(me["isAdmin"] as? Bool == false && me["emailVerified"] as? Bool == false)
            #expect(me["onboardingCompleted"] as? Bool == false && me["id"] as? String == id)
            // Taking an administrator's address does not make one, before or after it was asked for.
            #expect(try await client.send(.patch, "/user/me", ["email": "root@example.org"], cookie: cookie).status == 200)
            #expect(try await client.send(.get, "/user/me", cookie: cookie).user["email"] as? String == "ada@example.org")
            #expect(try await shop.letters().contains { $0.to == "root@example.org" })
        }
    }

    @Test func aPatchChangesWhatItNames() async throws {
        try await with { client, shop in
            let cookie = try #require(try await client.send(.post, "/auth/sign-up/email", Self.ada).cookie)
            #expect(try await client.send(.patch, "/user/me", [:], cookie: cookie).user["name"] as? String == "Ada")
            #expect(
                try await client.send(.patch, "/user/me", ["name": "Ada L."], cookie: cookie).user["name"] as? String == "Ada L.")
            #expect(try await client.send(.patch, "/user/me", ["name": NSNull()], cookie: cookie).user["name"] is NSNull)
            for (body, field) in [
                (["name": 1], "name"), (["name": ""], "name"), (["email": "x"], "email"), (["email": []], "email"),
                (["name": "Changed", "email": "x"], "email"), (["name": "", "email": "new@example.org"], "name"),
            ]
                as [([String: Any], String)]
            {
                let answer = try await client.send(.patch, "/user/me", body, cookie: cookie)
                #expect(answer.status == 400 && answer["field"] as? String == field)
                #expect(try await client.send(.get, "/user/me", cookie: cookie).user["name"] is NSNull, "nothing of it is done")
            }
            #expect(try await shop.letters().allSatisfy { $0.to == "ada@example.org" })
            let done = try await client.send(.post, "/user/me/complete-onboarding", [:], cookie: cookie)
            #expect(done.user["onboardingCompleted"] as? Bool == true)
        }
    }

    @Test func passwordsAreChangedAndForgotten() async throws {
        try await with { client, shop in
            let cookie = try #require(try await client.send(.post, "/auth/sign-up/email", Self.ada).cookie)
            let wrong = try await client.send(
                .put, "/user/password", ["currentPassword": "wrong horse", "newPassword": "another horse"], cookie: cookie)
            #expect(wrong.status == 400)
            let changed = try await client.send(
                .put, "/user/password", ["currentPassword": "correct horse", "newPassword": "another horse"], cookie: cookie)
            #expect(changed.status == 200 && changed.cookie != nil && changed.cookie != cookie)
            #expect(try await client.send(.get, "/user/me", cookie: cookie).status == 401)
            #expect(try await client.send(.get, "/user/me", cookie: changed.cookie).status == 200)

            var answers: [[String: AnyHashable]?] = []
            for email in ["ada@example.org", "nobody@example.org"] {
                let answer = try await client.send(
                    .post, "/auth/request-password-reset", ["email": email, "redirectTo": "/reset"])
                #expect(answer.status == 200)
                answers.append(answer.json as? [String: AnyHashable])
            }
            #expect(answers[0] != nil && answers[0] == answers[1])
            let letter = try #require(try await shop.letters().last)
            #expect(letter.text.contains("https://app.example.org/reset?token="))
            let token = try #require(letter.token)
            let reset = try await client.send(
                .post, "/auth/reset-password?token=\(token.secret)", ["newPassword": "a third horse"])
            #expect(reset.status == 200)
            #expect(try await client.send(.get, "/user/me", cookie: changed.cookie).status == 401)
            let again = try await client.send(
                .post, "/auth/reset-password", ["newPassword": "a third horse", "token": token.secret])
            #expect(again.status == 400)
        }
    }

    @Test func refusalsAfterTooManyAttemptsSayWhenToComeBack() async throws {
        try await with({ $0.limits.signInOfAccount = RateLimit(1, in: .seconds(600)) }) { client, _ in
            let body = ["email": "ada@example.org", "password": "wrong horse"]
            #expect(try await client.send(.post, "/auth/sign-in/email", body).status == 401)
            let refused = try await client.send(.post, "/auth/sign-in/email", body)
            #expect(refused.status == 429)
            #expect(refused.headers[.retryAfter].flatMap { Int($0) }.map { (1...600).contains($0) } == true)
        }
    }

    @Test func aDeletedPersonIsGone() async throws {
        try await with { client, shop in
            let cookie = try #require(try await client.send(.post, "/auth/sign-up/email", Self.ada).cookie)
            #expect(try await client.send(.delete, "/user/me", cookie: cookie).status == 200)
            #expect(try await client.send(.get, "/user/me", cookie: cookie).status == 401)
            #expect(try await shop.count("users") == 0)
        }
    }

    @Test func anotherPersonsPasskeyIsNotFound() async throws {
        try await with { client, shop in
            let ada = try await shop.account("ada@example.org")
            let challenge = try await shop.identity.issue(.passkeyRegistration, for: ada.person.id)
            let passkey = try await shop.identity.register(SoftAuthenticator().create(challenge), for: ada.person.id)
            let eve = try await shop.account("eve@example.org").token.secret
            #expect(try await client.send(.delete, "/user/me/passkeys/\(passkey.id)", bearer: eve).status == 200)
            let renamed = try await client.send(
                .post, "/auth/passkey/update-passkey", ["id": passkey.id.description, "name": "Mine"], bearer: eve)
            #expect(renamed.status == 404)
            let list = try await client.send(.get, "/auth/passkey/list-user-passkeys", bearer: ada.token.secret)
            #expect((list.json as? [Any])?.count == 1)
            #expect(try await client.send(.delete, "/user/me/passkeys/\(passkey.id)", bearer: ada.token.secret).status == 200)
        }
    }

    @Test func aPasskeySignsInByTheRoutes() async throws {
        try await with { client, shop in
            let ada = try await shop.account("ada@example.org")
            var authenticator = try SoftAuthenticator(.edDSA)
            let options = try await client.send(.get, "/auth/passkey/generate-register-options", bearer: ada.token.secret)
            let challenge = try #require((options["challenge"] as? String).flatMap { SecretToken($0) })
            let new = try authenticator.create(challenge)
            let registered = try await client.send(
                .post, "/auth/passkey/verify-registration",
                [
                    "name": "Key",
                    "response": [
                        "id": Base64URL.encode(authenticator.credentialID), "type": "public-key",
                        "response": [
                            "clientDataJSON": Base64URL.encode(new.clientData),
                            "attestationObject": Base64URL.encode(new.attestation),
                        ],
                    ],
                ], bearer: ada.token.secret)
            #expect(registered.status == 200 && registered["name"] as? String == "Key")
            authenticator.counter = 2
            let request = try await client.send(.get, "/auth/passkey/generate-authenticate-options")
            #expect((request["allowCredentials"] as? [Any])?.isEmpty == true)
            let answer = try authenticator.get(try #require((request["challenge"] as? String).flatMap { SecretToken($0) }))
            func body(_ signature: String) -> [String: Any] {
                [
                    "response": [
                        "id": Base64URL.encode(answer.credentialID), "type": "public-key",
                        "response": [
                            "clientDataJSON": Base64URL.encode(answer.clientData),
                            "authenticatorData": Base64URL.encode(answer.authenticatorData), "signature": signature,
                            "userHandle": NSNull(),
                        ],
                    ]
                ]
            }
            let malformed = try await client.send(.post, "/auth/passkey/verify-authentication", body("???"))
            #expect(malformed.status == 400 && malformed["field"] as? String == "response.response.signature")
            let signedIn = try await client.send(
                .post, "/auth/passkey/verify-authentication", body(Base64URL.encode(answer.signature)))
            #expect(signedIn.status == 200 && signedIn.cookie != nil && signedIn.user["email"] as? String == "ada@example.org")
        }
    }

    @Test func aProviderSignsInByTheRoutes() async throws {
        let standIn = try await OpenIDStandIn()
        let corp = try #require(
            IdentityProvider.openIDConnect(
                id: "corp", issuer: standIn.issuer, clientID: standIn.clientID, clientSecret: standIn.clientSecret))
        try await with({ $0.providers = [corp] }) { client, _ in
            let began = try await client.send(
                .post, "/auth/sign-in/social", ["provider": "corp", "callbackURL": "/home", "errorCallbackURL": "/oops"])
            let cookie = try #require(began.cookies.first.map { String($0.prefix { $0 != ";" }) })
            #expect(cookie.hasPrefix(SessionCookie.stateName) && began.cookies.first?.contains("HttpOnly") == true)
            let answer = try standIn.agree(
                .init(subject: "1", email: "ada@example.org"), to: try #require(began["url"] as? String))
            let query = "code=\(answer["code"] ?? "")&state=\(answer["state"] ?? "")"
            let arrived = try await client.send(.get, "/auth/callback/corp?\(query)", cookie: cookie)
            #expect(arrived.status == 302 && arrived.headers[.location] == "https://app.example.org/home")
            #expect(try await client.send(.get, "/user/me", cookie: arrived.cookie).user["emailVerified"] as? Bool == true)
            let again = try await client.send(.get, "/auth/callback/corp?\(query)", cookie: cookie)
            #expect(again.status == 400 && again.cookie == nil)
        }
        await standIn.tearDown()
    }
}
