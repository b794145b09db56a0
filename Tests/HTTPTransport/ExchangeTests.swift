import HTTPTransport
import NIOCore
import NIOHTTP1
import Testing

/// Answers with the request: its method and path and headers as headers, its body as the body, chunk by chunk.
let echo: TestServer.Handler = { head, exchange in
    var headers = [("x-method", head.method.rawValue), ("x-path", head.uri)]
    for (name, value) in head.headers { headers.append(("x-echo-\(name)", value)) }
    try await exchange.head(200, headers)
    while let chunk = try await exchange.nextChunk() { try await exchange.write(chunk.readableBytesView) }
    try await exchange.end()
}

@Suite(.timeLimit(.minutes(2))) struct ExchangeTests {
    @Test func postsBytesAndReadsTheAnswer() async throws {
        try await TestServer.with(echo) { server in
            try await withTransport { transport in
                let response = try await transport.execute(
                    .init(
                        url: server.url("/v1/x?y=1"),
                        headers: [("Content-Type", "application/json"), ("Authorization", "Bearer k"), ("X-Empty", "")],
                        body: .bytes(Array("{\"a\":1}".utf8))))
                #expect(response.status == 200)
                #expect(response.header("x-method") == "POST")
                #expect(response.header("x-path") == "/v1/x?y=1")
                #expect(response.header("x-echo-content-type") == "application/json")
                #expect(response.header("x-echo-authorization") == "Bearer k")
                #expect(response.header("x-echo-x-empty") == "")
                #expect(response.header("x-echo-content-length") == "7")
                #expect(response.header("x-echo-expect") == nil)
                #expect(response.header("x-echo-accept-encoding") == nil)
                #expect(try await response.collect(upTo: 100) == Array("{\"a\":1}".utf8))
                #expect(try await response.next() == nil)
            }
        }
    }

    @Test(arguments: ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
    func sendsEveryMethodWithoutABody(_ method: String) async throws {
        try await TestServer.with { head, exchange in
            try await exchange.answer(200, [("x-method", head.method.rawValue)], head.method == .HEAD ? "" : "ok")
        } _: { server in
            try await withTransport { transport in
                let response = try await transport.execute(.init(method: method, url: server.url()))
                #expect(response.header("x-method") == method)
                #expect(try await response.collect(upTo: 10).count == (method == "HEAD" ? 0 : 2))
                #expect(response.header("content-type") == nil)
            }
        }
    }

    @Test(arguments: ["POST", "PUT", "PATCH", "DELETE"], [0, 1, 65_536, 65_537, 3_000_000])
    func sendsBodiesOfEverySize(_ method: String, _ size: Int) async throws {
        let body = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        try await TestServer.with(echo) { server in
            try await withTransport { transport in
                let response = try await transport.execute(.init(method: method, url: server.url(), body: .bytes(body)))
                #expect(response.header("x-method") == method)
                #expect(try await response.collect(upTo: size) == body)
            }
        }
    }

    @Test(arguments: [true, false])
    func streamsBothWays(_ knownLength: Bool) async throws {
        let chunks = (0..<50).map { [UInt8](repeating: UInt8($0), count: $0 * 400) }
        let length = chunks.reduce(0) { $0 + $1.count }
        try await TestServer.with(echo) { server in
            try await withTransport { transport in
                let producer = Producer(chunks)
                let response = try await transport.execute(
                    .init(url: server.url(), body: .stream(length: knownLength ? length : nil) { await producer.next() }))
                #expect(response.header("x-echo-transfer-encoding") == (knownLength ? nil : "chunked"))
                #expect(response.header("x-echo-content-length") == (knownLength ? "\(length)" : nil))
                #expect(try await response.collect(upTo: length) == chunks.flatMap { $0 })
            }
        }
    }

    /// The answer to the first chunk must come before the second one is made.
    @Test func isDuplex() async throws {
        try await TestServer.with(echo) { server in
            try await withTransport { transport in
                let (stream, input) = AsyncStream<[UInt8]>.makeStream()
                let source = Source(stream)
                input.yield([1])
                let response = try await transport.execute(
                    .init(url: server.url(), body: .stream(length: nil) { await source.next() }))
                for byte in UInt8(1)...20 {
                    #expect(try await response.next() == [byte])
                    if byte < 20 { input.yield([byte + 1]) } else { input.finish() }
                }
                #expect(try await response.next() == nil)
            }
        }
    }

    @Test func keepsConnectionsAlive() async throws {
        try await TestServer.with(echo) { server in
            try await withTransport { transport in
                for index in 0..<50 {
                    let answer = try await transport.fetch(.init(url: server.url(), body: .bytes(Array("\(index)".utf8))))
                    #expect(answer.body == "\(index)")
                }
                #expect(server.connections == 1)
                #expect(transport.connectionsOpened == 1)
            }
        }
    }

    @Test func runsAThousandAtOnce() async throws {
        try await TestServer.with { head, exchange in
            let body = try await exchange.body()
            try await Task.sleep(for: .milliseconds(100))
            try await exchange.answer(200, [], String(decoding: body, as: UTF8.self))
        } _: { server in
            try await withTransport { transport in
                try await withThrowingTaskGroup(of: Bool.self) { group in
                    for index in 0..<1_000 {
                        group.addTask {
                            let request = HTTPTransportRequest(url: server.url(), body: .bytes(Array("\(index)".utf8)))
                            return try await transport.fetch(request).body == "\(index)"
                        }
                    }
                    for try await right in group { #expect(right) }
                }
                #expect(server.requests == 1_000)
                // All are idle now and serve again.
                let before = server.connections
                for _ in 0..<20 { _ = try await transport.fetch(.init(url: server.url(), body: .bytes([65]))) }
                #expect(server.connections == before)
            }
        }
    }

    @Test func collectHasALimit() async throws {
        try await TestServer.with { _, exchange in
            try await exchange.head(200)
            for _ in 0..<100 { try await exchange.write([UInt8](repeating: 0, count: 1_000)) }
            try await exchange.end()
        } _: { server in
            try await withTransport { transport in
                let exact = try await transport.get(server.url())
                #expect(try await exact.collect(upTo: 100_000).count == 100_000)
                let over = try await transport.get(server.url())
                let error = await failure { () async throws(HTTPTransportError) in try await over.collect(upTo: 99_999) }
                #expect(error?.code == .tooLarge)
                #expect(error?.sentRequest == true)
            }
        }
    }

    @Test(arguments: [301, 302, 303, 307, 308]) func followsNoRedirect(_ status: Int) async throws {
        try await TestServer.with(echo) { elsewhere in
            let location = elsewhere.url("/elsewhere")
            try await TestServer.with { _, exchange in
                try await exchange.answer(status, [("location", location), ("refresh", "0; url=\(location)")])
            } _: { server in
                try await withTransport { transport in
                    let response = try await transport.get(server.url())
                    #expect(response.status == status)
                    #expect(response.header("location") == location)
                    _ = try await response.collect(upTo: 10)
                    #expect(server.requests == 1)
                    #expect(elsewhere.connections == 0)
                }
            }
        }
    }

    /// The answer counts, whether or not it came before the body's end.
    @Test func readsAnAnswerThatComesBeforeTheBodysEnd() async throws {
        try await TestServer.with { _, exchange in
            try await exchange.answer(413, [], "too large")
        } _: { server in
            try await withTransport { transport in
                let answer = try await transport.fetch(
                    .init(url: server.url(), body: .bytes([UInt8](repeating: 1, count: 10_000_000))))
                #expect(answer.status == 413)
                #expect(answer.body == "too large")
            }
        }
    }

    @Test func keepsTheOrderOfFieldsAndAllOfThem() async throws {
        try await TestServer.with { _, exchange in
            try await exchange.answer(
                200, [("set-cookie", "a=1"), ("X-Empty", ""), ("set-cookie", "b=2"), ("x-utf8", "caf\u{E9}")])
        } _: { server in
            try await withTransport { transport in
                let response = try await transport.get(server.url())
                #expect(
                    response.headers.map { "\($0)=\($1)" }
                        == ["set-cookie=a=1", "x-empty=", "set-cookie=b=2", "x-utf8=caf\u{E9}", "content-length=0"])
                #expect(response.header("set-cookie") == "a=1")
            }
        }
    }

    /// More requests than connections wait for one.
    @Test func holdsToTheConnectionsOfAHost() async throws {
        let inside = Count()
        let most = Count()
        try await TestServer.with { _, exchange in
            inside.add(1)
            most.raise(to: inside.value)
            try await Task.sleep(for: .milliseconds(5))
            inside.add(-1)
            try await exchange.answer(200, [], "ok")
        } _: { server in
            try await withTransport(.init(maximumConnectionsPerHost: 3)) { transport in
                await withTaskGroup { group in
                    for _ in 0..<60 {
                        group.addTask {
                            let answer = try? await transport.fetch(
                                .init(method: "GET", url: server.url(), deadlines: .init(connect: .seconds(60))))
                            #expect(answer?.body == "ok")
                        }
                    }
                }
                #expect(server.requests == 60)
                #expect(most.value <= 3)
                #expect(transport.connectionsOpened == 3)
            }
        }
    }

    @Test func keepsNoMoreIdleConnectionsThanAllowed() async throws {
        let gate = AsyncStream<Void>.makeStream()
        try await TestServer.with { _, exchange in
            for await _ in gate.stream {}
            try await exchange.answer(200, [], "ok")
        } _: { server in
            try await withTransport(.init(maximumIdleConnections: 2)) { transport in
                await withTaskGroup { group in
                    for _ in 0..<10 {
                        group.addTask { _ = try? await transport.fetch(.init(method: "GET", url: server.url())) }
                    }
                    group.addTask {
                        #expect(await eventually { server.requests == 10 })
                        gate.continuation.finish()
                    }
                }
                #expect(await eventually { server.openConnections <= 2 })
                #expect(server.connections == 10)
            }
        }
    }
}

/// Gives chunks one by one.
actor Producer {
    private var chunks: ArraySlice<[UInt8]>
    private(set) var taken = 0
    init(_ chunks: [[UInt8]]) { self.chunks = chunks[...] }
    func next() -> [UInt8]? {
        guard let chunk = chunks.popFirst() else { return nil }
        taken += 1
        return chunk
    }
}

/// An async stream that a sendable closure can read.
actor Source {
    private let stream: AsyncStream<[UInt8]>
    init(_ stream: AsyncStream<[UInt8]>) { self.stream = stream }
    func next() async -> [UInt8]? {
        for await chunk in stream { return chunk }
        return nil
    }
}
