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

    /// Where there are no other pages, and a browser has no session of the account.
    @Test func aBrowserIsAskedForThePassword() async throws {
        try await Shop.with({ $0.requiresVerifiedEmail = true }) { shop in
            let client = RouteClient(shop)
            _ = try await client.send(.post, "/auth/sign-up/email", Self.ada)
            let token = try #require(try await shop.letters().last?.token).secret
            let link = "/auth/verify-email?token=\(token)&callbackURL=%2Fhome"
            let page = try await client.send(.get, link, accept: "text/html,*/*;q=0.8")
            #expect(page.status == 401 && page.headers[.contentType]?.hasPrefix("text/html") == true)
            #expect(page.text.contains(#"value="\#(token)""#) && page.text.contains(#"action="/auth/verify-email""#))
            #expect(page.headers[.contentSecurityPolicy]?.contains("default-src 'none'") == true)
            func form(_ password: String) -> String { "token=\(token)&callbackURL=%2Fhome&password=\(password)" }
            let wrong = try await client.send(
                .post, "/auth/verify-email", origin: "https://api.example.org", form: form("wrong+horse"))
            #expect(wrong.status == 400 && wrong.text.contains("Invalid password") && wrong.text.contains("<form"))
            let evil = try await client.send(
                .post, "/auth/verify-email", origin: "https://evil.example", form: form("correct+horse"))
            #expect(evil.status == 403)
            let right = try await client.send(
                .post, "/auth/verify-email", origin: "https://api.example.org", form: form("correct+horse"))
            #expect(right.status == 200 && right.text.contains("https://app.example.org/home"))
            #expect(try await client.send(.post, "/auth/sign-in/email", Self.ada).status == 200)
        }
    }

    @Test func aNewPasswordIsChosenOnAPage() async throws {
        try await Shop.with({ $0.pagesURL = $0.baseURL }) { shop in
            let client = RouteClient(shop)
            _ = try await shop.account("ada@example.org")
            try await shop.identity.requestPasswordReset(email: "ada@example.org", redirect: nil, Caller())
            let letter = try #require(try await shop.letters().last)
            let token = try #require(letter.token).secret
            #expect(letter.text.contains("https://api.example.org/reset-password?token=\(token)"))
            let page = try await client.send(.get, "/reset-password?token=\(token)")
            #expect(page.status == 200 && page.text.contains(#"value="\#(token)""#))
            let planted = try await client.send(.get, "/reset-password?token=%22%3E%3Cscript%3E")
            #expect(!planted.text.contains("<script"))
            let short = try await client.send(.post, "/auth/reset-password", form: "token=\(token)&newPassword=short")
            #expect(short.status == 400 && short.text.contains("at least 8 characters"))
            let done = try await client.send(
                .post, "/auth/reset-password", form: "token=\(token)&newPassword=another+h%C3%B6rse")
            #expect(done.status == 200 && done.text.contains("Your password is set"))
            let signedIn = try await client.send(
                .post, "/auth/sign-in/email", ["email": "ada@example.org", "password": "another hörse"])
            #expect(signedIn.status == 200)
        }
    }

    /// A proxy takes the path away before the request comes here, and the browser must send it.
    @Test func aFormIsSentToWhereTheServerIs() async throws {
        try await Shop.with({
            $0.requiresVerifiedEmail = true
            $0.baseURL = "https://api.example.org/gateway"
        }) { shop in
            let client = RouteClient(shop)
            _ = try await client.send(.post, "/auth/sign-up/email", Self.ada)
            let token = try #require(try await shop.letters().last?.token).secret
            let confirm = try await client.send(.get, "/auth/verify-email?token=\(token)", accept: "text/html")
            #expect(confirm.text.contains(#"action="/gateway/auth/verify-email""#))
            let choose = try await client.send(.get, "/reset-password?token=\(token)")
            #expect(choose.text.contains(#"action="/gateway/auth/reset-password""#))
        }
    }

    /// Programs that look whether the links of a mail work use up none of them.
    @Test func theHeadOfALinkThatDoesSomethingIsNotAskedFor() async throws {
        try await Shop.with { shop in
            let client = RouteClient(shop)
            let links = [
                ("/auth/verify-email?token=\(SecretToken().secret)", "GET, POST"),
                ("/auth/callback/google?state=a&code=b", "GET"),
            ]
            for (path, allowed) in links {
                let answer = try await client.send(.head, path)
                #expect(answer.status == 405 && answer.headers[.allow] == allowed, "\(path)")
            }
            #expect(try await client.send(.head, "/auth/ok").status == 200)
        }
    }
}
