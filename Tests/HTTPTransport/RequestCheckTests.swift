import HTTPTransport
import Testing

@Suite(.timeLimit(.minutes(2))) struct RequestCheckTests {
    static let badHeaders: [(String, String)] = [
        ("x-a", "b\r\nx-b: c"), ("x-a", "b\nx-b: c"), ("x-a", "b\rx-b: c"), ("x-a", "b\0c"), ("x-a", "\u{7F}"),
        ("x-a", "\u{1B}[0m"),
        ("x-a\r\nx-b", "c"), ("x-a\n", "c"), ("x a", "c"), ("x-a:", "c"), ("", "c"), ("x-\u{E9}", "c"), ("x-a\0", "c"),
        (";", "c"),
        ("Host", "elsewhere"), ("content-length", "5"), ("Transfer-Encoding", "chunked"), ("CONNECTION", "close"),
        ("Expect", "100-continue"), ("Upgrade", "h2c"), ("te", "trailers"), ("Trailer", "x"), ("keep-alive", "1"),
        ("Proxy-Authorization", "Basic x"), ("proxy-connection", "x"),
    ]
    static let badURLs = [
        "", "example.com/", "ftp://example.com/", "file:///etc/passwd", "HTTPS:/example.com", "unix://x", "//example.com/",
        "http://", "http:///path", "http://user:password@127.0.0.1/", "http://user@127.0.0.1/", "http://127.0.0.1/a b",
        "http://127.0.0.1/a\r\nx-b: c", "http://127.0.0.1/\u{E9}", "http://127.0.0.1:99999/", "http://127.0.0.1:x/",
        "http://[::1/",
        "http://127.0.0.1\\@example.com/", "http://127.0.0.1/\0",
    ]
    static let badMethods = ["", "GET /", "GET\r\n", "CONNECT", "TRACE", "G\u{E9}T"]

    private func expectRefused(_ request: HTTPTransportRequest) async throws {
        try await withTransport { transport in
            let error = await failure { () async throws(HTTPTransportError) in try await transport.execute(request) }
            #expect(error?.code == .invalidRequest)
            #expect(error?.sentRequest == false)
            #expect(transport.connectionsOpened == 0)
        }
    }

    @Test(arguments: badHeaders) func refusesHeader(_ name: String, _ value: String) async throws {
        try await expectRefused(.init(url: "http://127.0.0.1:1/", headers: [("x-good", "1"), (name, value)]))
    }

    @Test(arguments: badURLs) func refusesURL(_ url: String) async throws {
        try await expectRefused(.init(method: "GET", url: url))
    }

    @Test(arguments: badMethods) func refusesMethod(_ method: String) async throws {
        try await expectRefused(.init(method: method, url: "http://127.0.0.1:1/"))
    }

    @Test func refusesABodyThatCanNotBe() async throws {
        try await expectRefused(.init(method: "HEAD", url: "http://127.0.0.1:1/", body: .bytes([1])))
        try await expectRefused(.init(url: "http://127.0.0.1:1/", body: .stream(length: -1) { nil }))
    }

    /// Characters that are unusual and allowed arrive as they are.
    @Test func sendsUnusualValues() async throws {
        try await TestServer.with(echo) { server in
            try await withTransport { transport in
                let response = try await transport.execute(
                    .init(
                        url: server.url(),
                        headers: [("X-Tab", "a\tb"), ("x-utf8", "caf\u{E9}"), ("x.y~z", "1"), ("x-semicolon", ";")]))
                #expect(response.header("x-echo-x-tab") == "a\tb")
                #expect(response.header("x-echo-x-utf8") == "caf\u{E9}")
                #expect(response.header("x-echo-x.y~z") == "1")
                #expect(response.header("x-echo-x-semicolon") == ";")
            }
        }
    }

    /// What one request set must not be on the next that uses the same handle.
    @Test func nothingStaysBehind() async throws {
        try await TestServer.with(echo) { server in
            try await withTransport { transport in
                _ = try await transport.fetch(
                    .init(
                        method: "PUT", url: server.url(), headers: [("authorization", "Bearer a"), ("cookie", "a=b")],
                        body: .bytes([1])))
                let response = try await transport.execute(.init(method: "GET", url: server.url("/second")))
                #expect(response.header("x-method") == "GET")
                #expect(response.header("x-echo-authorization") == nil)
                #expect(response.header("x-echo-cookie") == nil)
                #expect(response.header("x-echo-content-length") == nil)
                #expect(try await response.collect(upTo: 1) == [])
                #expect(transport.connectionsOpened == 1)
            }
        }
    }
}
