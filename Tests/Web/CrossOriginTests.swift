import HTTPTypes
import Hummingbird
import Testing

@testable import Web

private struct Things: WebRoutes {
    struct Broken: Error {}

    func register(on router: Router<WebContext>) {
        router.get("/things/:id") { _, _ in Response.json(["ok": true]) }
        router.delete("/things/:id") { _, _ -> Response in throw WebError.unauthorized }
        router.post("/broken") { _, _ -> Response in throw Broken() }
    }
}

@Suite struct CrossOriginTests {
    private let client = RouteClient(
        Things(), WebConfiguration(origins: OriginCheck(allowed: ["https://app.test/", "http://localhost:3002"])))

    private func send(
        _ method: HTTPRequest.Method, _ path: String, from origin: String?, asking names: String? = nil
    ) async throws -> RouteClient.Answer {
        var headers: HTTPFields = [.accessControlRequestMethod: "DELETE", .cookie: "s=1"]
        headers[.origin] = origin
        headers[.accessControlRequestHeaders] = names
        return try #require(try await client.send(method, path, headers: headers))
    }

    @Test(arguments: ["https://app.test", "http://localhost:3002"])
    func aPageOfANamedOriginMayAskAndReadWhateverIsAnswered(_ origin: String) async throws {
        let asked = try await send(.options, "/things/7", from: origin)
        #expect(asked.status == 204)
        #expect(asked.headers[.accessControlMaxAge] == "600")
        #expect(asked.headers[.accessControlAllowMethods]?.contains("DELETE") == true)
        for name in ["authorization", "content-type", "idempotency-key"] {
            #expect(asked.headers[.accessControlAllowHeaders]?.contains(name) == true, "\(name)")
        }
        let calls: [(HTTPRequest.Method, String, Int)] = [
            (.get, "/things/7", 200), (.delete, "/things/7", 401), (.put, "/things/7", 405), (.post, "/broken", 500),
        ]
        var answers = [asked]
        for (method, path, status) in calls {
            let answer = try await send(method, path, from: origin)
            #expect(answer.status == status)
            answers.append(answer)
        }
        for answer in answers {
            #expect(answer.headers[.accessControlAllowOrigin] == origin)
            #expect(answer.headers[.accessControlAllowCredentials] == "true")
            #expect(
                answer.headers[.accessControlExposeHeaders]
                    == "retry-after, x-ratelimit-limit, x-ratelimit-remaining, x-ratelimit-reset, x-request-id, "
                    + "x-llmgateway-request-id")
            #expect(answer.headers[.vary] == "Origin")
        }
    }

    @Test(arguments: [
        ("x-no-cache,x-session-id", true), ("X-Source, x-no-fallback", true), ("", false), ("a b", false), ("a,,b", false),
        ("a;b", false), (String(repeating: "a", count: 1025), false),
    ])
    func aPageOfANamedOriginMaySendWhatItAsksFor(_ names: String, _ isList: Bool) async throws {
        let allowed = try await send(.options, "/things/7", from: "https://app.test", asking: names)
            .headers[.accessControlAllowHeaders]
        #expect(allowed == (isList ? names : "authorization, cache-control, content-type, idempotency-key, x-request-id"))
        let evil = try await send(.options, "/things/7", from: "https://evil.test", asking: names)
        #expect(evil.headers[.accessControlAllowHeaders] == nil)
    }

    @Test(arguments: ["https://evil.test", "https://app.test.evil.test", "http://app.test", "null", nil])
    func nobodyElseIsToldThatTheyMay(_ origin: String?) async throws {
        let asked = try await send(.options, "/things/7", from: origin)
        #expect(asked.status == 405 && asked.headers[.allow]?.hasPrefix("DELETE, GET") == true)
        for answer in [asked, try await send(.get, "/things/7", from: origin)] {
            #expect(!answer.headers.contains { $0.name.canonicalName.hasPrefix("access-control-") })
            #expect(answer.headers[.vary] == "Origin")
        }
    }

    @Test func onlyWhatIsThereIsAskedAbout() async throws {
        #expect(try await client.send(.options, "/nowhere", headers: [.origin: "https://app.test"]) == nil)
    }
}
