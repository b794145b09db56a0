import Foundation
import HTTPTypes
import Hummingbird
import Ledger
import Money
import Testing

@testable import Web

private struct Routes: WebRoutes {
    struct Body: Decodable, Sendable {
        struct Inner: Decodable, Sendable { let models: [String] }
        let name: String
        let limit: Field<DecimalText>
        let until: Field<TimeText>
        let inner: Inner?
    }
    struct Broken: Error {}

    func register(on router: Router<WebContext>) {
        router.post("/things/:id") { request, context in
            let body = try await WebBody.read(Body.self, from: request)
            let limit: WebValue =
                switch body.limit {
                case .absent: "absent"
                case .null: .null
                case .value(let value): .amount(value.amount)
                }
            return Response.json([
                "id": .string(context.part("id")), "name": .string(body.name), "limit": limit,
                "until": .time(body.until.given?.time), "address": .string(optional: context.clientAddress),
            ])
        }
        router.get("/missing") { _, _ -> Response in throw WebError.notFound("There is no such thing.") }
        router.get("/broken") { _, _ -> Response in throw Broken() }
    }
}

@Suite struct WebTests {
    private let client = RouteClient(Routes())

    @Test(arguments: [
        ("a%2Fb%2fc", "a/b/c"), ("gr%C3%BC%c3%9fe", "grüße"), ("100%", "100%"), ("%4", "%4"), ("%zz%41", "%zzA"), ("", ""),
    ])
    func percentSignsAreDecoded(_ text: String, _ meaning: String) {
        #expect(PercentEncoding.decode(text) == meaning)
        #expect(PercentEncoding.decode(PercentEncoding.encode(meaning)) == meaning)
    }

    @Test func aBodyIsReadWithItsThreeKindsOfField() async throws {
        let absent = try #require(try await client.send(.post, "/things/7", #"{"name":"a\"b","more":1}"#))
        #expect(absent.status == 200)
        #expect(absent.json["id"] as? String == "7")
        #expect(absent.json["name"] as? String == "a\"b")
        #expect(absent.json["limit"] as? String == "absent")
        let given = try #require(
            try await client.send(.post, "/things/7", #"{"name":"a","limit":"0.50","until":"2026-11-24T20:33:40.1239+01:00"}"#))
        #expect(given.json["limit"] as? String == "0.5")
        #expect(given.json["until"] as? String == "2026-11-24T19:33:40.123Z")
        let null = try #require(try await client.send(.post, "/things/7", #"{"name":"a","limit":null}"#))
        #expect(null.json["limit"] is NSNull)
    }

    @Test(arguments: [
        (#"{}"#, "name"), (#"{"name":1}"#, "name"), (#"{"name":null}"#, "name"), (#"{"name":"a","limit":1.5}"#, "limit"),
        (#"{"name":"a","limit":"1.0000000001"}"#, "limit"), (#"{"name":"a","limit":"x"}"#, "limit"),
        (#"{"name":"a","until":"soon"}"#, "until"), (#"{"name":"a","inner":{"models":["b",2]}}"#, "inner.models.1"),
        (#"{"name":"a","inner":{}}"#, "inner.models"),
    ])
    func aWrongFieldIsNamed(body: String, field: String) async throws {
        let answer = try #require(try await client.send(.post, "/things/7", body))
        #expect(answer.status == 400)
        #expect(answer.json["field"] as? String == field, "\(answer.json)")
        #expect(answer.json["error"] as? Bool == true && answer.json["status"] as? Int == 400)
    }

    @Test(arguments: ["", "{", "[]", "1", "\u{0}", #"{"name":"a"}x"#])
    func whatIsNoObjectIsRefused(body: String) async throws {
        let answer = try #require(try await client.send(.post, "/things/7", body))
        #expect(answer.status == 400)
    }

    @Test func bodiesAreBoundedAndJSON() async throws {
        let large = #"{"name":""# + String(repeating: "a", count: WebBody.maximumBytes) + #""}"#
        #expect(try await client.send(.post, "/things/7", large)?.status == 413)
        let form = try await client.send(
            .post, "/things/7", "name=a", headers: [.contentType: "application/x-www-form-urlencoded"])
        #expect(form?.status == 415)
        let charset = try await client.send(
            .post, "/things/7", #"{"name":"a"}"#, headers: [.contentType: "Application/JSON; charset=utf-8"])
        #expect(charset?.status == 200)
        let zipped = try await client.send(.post, "/things/7", "\u{1f}", headers: [.contentEncoding: "gzip"])
        #expect(zipped?.status == 415 && zipped?.json["field"] as? String == "content-encoding")
        let plain = try await client.send(.post, "/things/7", #"{"name":"a"}"#, headers: [.contentEncoding: "Identity"])
        #expect(plain?.status == 200)
    }

    @Test func errorsKeepToTheEnvelope() async throws {
        let missing = try #require(try await client.send(.get, "/missing"))
        #expect(missing.status == 404 && missing.json["message"] as? String == "There is no such thing.")
        let broken = try #require(try await client.send(.get, "/broken"))
        #expect(broken.status == 500 && broken.json["error"] as? Bool == true)
        #expect(try await client.send(.get, "/nowhere") == nil)
        let method = try #require(try await client.send(.delete, "/missing"))
        #expect(method.status == 405 && method.headers[.allow] == "GET, HEAD")
        for answer in [missing, broken, method] {
            #expect(answer.headers[.cacheControl] == "no-store")
            #expect(answer.headers[.xContentTypeOptions] == "nosniff")
            #expect(answer.headers[try #require(HTTPField.Name("x-request-id"))]?.hasPrefix("req_") == true)
        }
    }

    /// RFC 9110, 9.3.2: as GET, where there is one.
    @Test func theHeadAloneCanBeAskedFor() async throws {
        let head = try #require(try await client.send(.head, "/missing"))
        #expect(head.status == 404 && head.json["message"] as? String == "There is no such thing.")
        let posted = try #require(try await client.send(.head, "/things/7"))
        #expect(posted.status == 405 && posted.headers[.allow] == "POST")
        #expect(try await client.send(.options, "/things/7")?.headers[.allow] == "POST")
        #expect(try await client.send(.head, "/nowhere") == nil)
    }

    @Test func aForeignPageCanNotUseTheCookie() async throws {
        let client = RouteClient(Routes(), WebConfiguration(origins: OriginCheck(allowed: ["https://app.test/"])))
        func status(_ headers: HTTPFields) async throws -> Int? {
            try await client.send(.post, "/things/7", #"{"name":"a"}"#, headers: headers)?.status
        }
        let site = try #require(HTTPField.Name("sec-fetch-site"))
        #expect(try await status([.cookie: "s=1", .origin: "https://evil.test"]) == 403)
        #expect(try await status([.cookie: "s=1", .origin: "null"]) == 403)
        #expect(try await status([.cookie: "s=1", .origin: "https://gateway.test.evil.test"]) == 403)
        #expect(try await status([.cookie: "s=1", site: "cross-site"]) == 403)
        #expect(try await status([.cookie: "s=1", .origin: "http://gateway.test"]) == 200)
        #expect(try await status([.cookie: "s=1", .origin: "https://APP.test"]) == 200)
        #expect(try await status([.cookie: "s=1"]) == 200)
        #expect(try await status([.origin: "https://evil.test"]) == 200)
    }

    @Test func onlyTrustedProxiesAreBelieved() throws {
        let proxies = try #require(TrustedProxies(list: "10.0.0.0/8, 2001:db8::/32"))
        let name = try #require(HTTPField.Name("x-forwarded-for"))
        func client(_ peer: String?, _ forwarded: String...) -> String? {
            var headers = HTTPFields()
            for value in forwarded { headers.append(HTTPField(name: name, value: value)) }
            return proxies.client(peer: peer, headers: headers)
        }
        #expect(client("192.0.2.1", "198.51.100.7") == "192.0.2.1")
        #expect(client("10.0.0.1", "198.51.100.7") == "198.51.100.7")
        #expect(client("10.0.0.1", "1.2.3.4, 198.51.100.7", "10.9.9.9") == "198.51.100.7")
        #expect(client("::ffff:10.0.0.1", "2001:db8::5, 2001:db8::6") == "2001:db8::5")
        #expect(client("10.0.0.1", "unknown") == "10.0.0.1")
        #expect(client("10.0.0.1") == "10.0.0.1")
        #expect(TrustedProxies().client(peer: nil, headers: [name: "198.51.100.7"]) == nil)
        #expect(client(nil, "198.51.100.7") == "198.51.100.7")
        #expect(TrustedProxies(list: "10.0.0.0/33") == nil && TrustedProxies(list: "x") == nil)
    }

    @Test(arguments: [
        ("a@x.test", true), ("A.b+c@mail.x.test", true), ("", false), ("x", false), ("a@b", false), ("a@b@c.test", false),
        ("@x.test", false), ("a@.test", false), ("a@x.", false), ("a;b@x.test", false), ("ü@x.test", false),
        ("<a@x.test>", false), ("a b@x.test", false), ("a@x.test\r\nBcc: b@x.test", false),
        (String(repeating: "a", count: 64) + "@x.test", true), (String(repeating: "a", count: 65) + "@x.test", false),
        ("a@" + String(repeating: "b.", count: 125) + "test", false),
    ])
    func addressesAreWhatAnAccountCanHave(text: String, isAddress: Bool) {
        #expect(EmailText.isAddress(text) == isAddress)
        #expect((try? EmailText.check(text, field: "email")) == (isAddress ? text.lowercased() : nil))
    }

    @Test func aFormIsReadAsBrowsersWriteIt() {
        let form = WebForm(encoded: "a=1&b=x+y%26%C3%A9&c&d=&a=2&e=p=q&f=%zz")
        #expect(form["a"] == "1" && form["b"] == "x y&é" && form["c"] == "" && form["d"] == "")
        #expect(form["e"] == "p=q" && form["f"] == "%zz" && form["nothing"] == "")
        #expect(WebForm(encoded: "")["a"] == "")
    }

    @Test func aPageShowsTextsAsTheyAre() {
        let form = WebPage.Form(
            action: "/a?b&c", hidden: [("t", "\"\u{301}><script>")], password: "p", isNew: false, button: "Go")
        let page = WebPage("<b>", ["1 < 2 & 'x'"], next: "https://app.example.org/?a&b", form: form).saying("No: <i>").html
        #expect(!page.contains("<script") && !page.contains("<b>") && !page.contains("<i>"))
        #expect(page.contains("value=\"&quot;\u{301}&gt;&lt;script&gt;\""))
        #expect(page.contains("1 &lt; 2 &amp; &#39;x&#39;") && page.contains(#"href="https://app.example.org/?a&amp;b""#))
    }

    @Test func networksContainWhatTheirBitsSay() throws {
        let network = try #require(IPNetwork("172.16.0.0/12"))
        #expect(network.contains(try #require(IPAddress("172.31.255.255"))))
        #expect(!network.contains(try #require(IPAddress("172.32.0.0"))))
        #expect(try #require(IPNetwork("0.0.0.0/0")).contains(try #require(IPAddress("::ffff:8.8.8.8"))))
        #expect(!(try #require(IPNetwork("0.0.0.0/0")).contains(try #require(IPAddress("2001:db8::1")))))
        for malformed in ["", "1.2.3", "1.2.3.4/", "1.2.3.4/+1", "1.2.3.4/33", "::/129", "fe80::1%eth0", "1.2.3.4/8/8"] {
            #expect(IPNetwork(malformed) == nil, "\(malformed)")
        }
    }
}
