import HTTPTransport
import NIOHTTP1
import Testing

@Suite(.timeLimit(.minutes(2))) struct HTTP2Tests {
    /// Answers with the protocol of the request and its body.
    private static let protocolEcho: TestServer.Handler = { _, exchange in
        let body = try await exchange.body()
        try await exchange.answer(
            200, [("x-protocol", exchange.isHTTP2 ? "HTTP/2" : "HTTP/1.1")], String(decoding: body, as: UTF8.self))
    }

    private func with(
        http1Only: Bool = false, _ handler: @escaping TestServer.Handler, http2: Bool = true,
        _ body: (TestServer, HTTPTransport) async throws -> Void
    ) async throws {
        try await Certificates.with { certificates in
            let kind: TestServer.Kind = http1Only ? .http1(certificates.good) : .http2(certificates.good)
            try await TestServer.with(over: kind, handler) { server in
                try await withTransport(.init(certificateAuthorities: certificates.authority, http2: http2)) {
                    try await body(server, $0)
                }
            }
        }
    }

    @Test func multiplexesOnOneConnection() async throws {
        try await with(Self.protocolEcho) { server, transport in
            let url = server.url()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<90 {
                    group.addTask {
                        let response = try await transport.execute(.init(url: url, body: .bytes(Array("\(index)".utf8))))
                        #expect(response.header("x-protocol") == "HTTP/2")
                        #expect(try await response.collect(upTo: 10) == Array("\(index)".utf8))
                    }
                }
                try await group.waitForAll()
            }
            #expect(transport.connectionsOpened == 1)
            #expect(server.connections == 1)
        }
    }

    @Test func spreadsAThousandStreams() async throws {
        try await with(Self.protocolEcho) { server, transport in
            let url = server.url()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<1_000 {
                    group.addTask {
                        let answer = try await transport.fetch(
                            .init(url: url, body: .bytes(Array("\(index)".utf8)), deadlines: .init(connect: .seconds(60))))
                        #expect(answer.body == "\(index)")
                    }
                }
                try await group.waitForAll()
            }
            #expect(server.requests == 1_000)
            // Beyond the streams that one connection takes, libcurl opens one for each that it can't place at once.
            #expect(transport.connectionsOpened < 1_000)
        }
    }

    @Test(arguments: [(false, true), (true, false), (true, true)])
    func fallsBackToHTTP1(_ http1Only: Bool, _ http2: Bool) async throws {
        try await with(http1Only: http1Only, Self.protocolEcho, http2: http2) { server, transport in
            for _ in 0..<3 {
                let response = try await transport.execute(.init(url: server.url(), body: .bytes([65])))
                #expect(response.header("x-protocol") == (http2 && !http1Only ? "HTTP/2" : "HTTP/1.1"))
                #expect(try await response.collect(upTo: 100) == [65])
            }
            #expect(transport.connectionsOpened == 1)
        }
    }

    @Test(arguments: [true, false]) func streamsLargeBodiesBothWays(_ http2: Bool) async throws {
        let chunks = (0..<50).map { [UInt8](repeating: UInt8($0), count: 100_000) }
        try await with(echo, http2: http2) { server, transport in
            let producer = Producer(chunks)
            let response = try await transport.execute(
                .init(url: server.url(), body: .stream(length: nil) { await producer.next() }))
            #expect(try await response.collect(upTo: 10_000_000) == chunks.flatMap { $0 })
        }
    }

    @Test(arguments: [65_536, 65_537, 5_000_000]) func sendsBodiesOfEverySize(_ size: Int) async throws {
        let body = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        try await with(echo) { server, transport in
            let response = try await transport.execute(.init(url: server.url(), body: .bytes(body)))
            #expect(try await response.collect(upTo: size) == body)
        }
    }

    /// libcurl then ends the request's body before its length, for which a server may reset the stream; the status is here.
    @Test func readsAStatusThatComesBeforeTheBodysEnd() async throws {
        try await with { _, exchange in
            try await exchange.answer(413, [], "too large")
        } _: { server, transport in
            let response = try await transport.execute(
                .init(url: server.url(), body: .bytes([UInt8](repeating: 1, count: 10_000_000))))
            #expect(response.status == 413)
        }
    }

    /// The server drops the kept connection just when the request arrives on it.
    @Test(arguments: [3, 100_000]) func repeatsARequestOnceWhenAKeptConnectionIsLost(_ size: Int) async throws {
        let seen = Count()
        let body = [UInt8](repeating: 65, count: size)
        try await Certificates.with { certificates in
            try await TestServer.with(over: .http2(certificates.good)) { head, exchange in
                seen.add(1)
                if seen.value % 2 == 0 { return try await exchange.closeConnection() }
                try await echo(head, exchange)
            } _: { server in
                let configuration = HTTPTransportConfiguration(
                    certificateAuthorities: certificates.authority, repeatWithin: .seconds(60))
                try await withTransport(configuration) { transport in
                    for round in 1...10 {
                        let response = try await transport.execute(.init(url: server.url(), body: .bytes(body)))
                        #expect(try await response.collect(upTo: size) == body)
                        #expect(seen.value == 2 * round - 1)
                    }
                }
            }
        }
    }

    /// A body that was made once can't be made again, and half of one must not be sent.
    @Test func doesNotRepeatAStreamedBody() async throws {
        let seen = Count()
        try await with { head, exchange in
            seen.add(1)
            guard head.uri == "/lost" else { return try await exchange.answer() }
            _ = try await exchange.nextChunk()
            try await exchange.closeConnection()
        } _: { server, transport in
            _ = try await transport.fetch(.init(url: server.url()))
            let url = server.url("/lost")
            let producer = Producer([[1, 2, 3], [4, 5, 6]])
            let error = await failure { () async throws(HTTPTransportError) in
                try await transport.fetch(.init(url: url, body: .stream(length: 6) { await producer.next() }))
            }
            #expect(error?.code == .reset)
            #expect(error?.sentRequest == true)
            #expect(seen.value == 2)
        }
    }

    /// A server that ends one stream and keeps the connection has seen the request.
    @Test func doesNotRepeatARequestThatTheServerReset() async throws {
        let seen = Count()
        try await with { head, exchange in
            seen.add(1)
            if seen.value == 2 { return try await exchange.reset() }
            try await echo(head, exchange)
        } _: { server, transport in
            let url = server.url()
            _ = try await transport.fetch(.init(url: url, body: .bytes([65])))
            let error = await failure { () async throws(HTTPTransportError) in
                try await transport.fetch(.init(url: url, body: .bytes([65])))
            }
            #expect(error?.code == .reset)
            #expect(error?.sentRequest == true)
            #expect(seen.value == 2)
        }
    }

    @Test func replacesAKeptConnectionThatTheServerClosed() async throws {
        try await Certificates.with { certificates in
            try await TestServer.with(over: .http2(certificates.good), echo) { server in
                let configuration = HTTPTransportConfiguration(
                    certificateAuthorities: certificates.authority, repeatWithin: .seconds(60))
                try await withTransport(configuration) { transport in
                    for round in 1...20 {
                        let answer = try await transport.fetch(.init(url: server.url(), body: .bytes([65])))
                        #expect(answer.body == "A")
                        #expect(server.requests == round)
                        try await server.closeConnections()
                    }
                }
            }
        }
    }

    /// Serves streams that end when the client is gone, and counts that; answers everything else.
    private func endless(counting gone: Count) -> TestServer.Handler {
        { head, exchange in
            guard head.uri == "/endless" else { return try await exchange.answer(200, [], "ok") }
            defer { gone.add(1) }
            try await exchange.head()
            while true { try await exchange.write([UInt8](repeating: 1, count: 100_000)) }
        }
    }

    @Test func cancelsStreams() async throws {
        let gone = Count()
        try await with(endless(counting: gone)) { server, transport in
            for count in 1...20 {
                let response = try await transport.get(server.url("/endless"))
                _ = try await response.next()
                response.cancel()
                #expect(await eventually { gone.value == count })
                let answer = try await transport.fetch(.init(method: "GET", url: server.url("/")))
                #expect(answer.body == "ok")
            }
        }
    }

    /// The reset must not wait for traffic of those who share the connection: they may be silent for as long as it lasts.
    @Test(arguments: [false, true]) func cancelsOneStreamBesideASilentOne(_ byDeadline: Bool) async throws {
        let gone = Count()
        let gate = AsyncStream<Void>.makeStream()
        try await with { head, exchange in
            try await exchange.head()
            guard head.uri == "/silent" else {
                defer { gone.add(1) }
                return try await Task.sleep(for: .seconds(600))
            }
            for await _ in gate.stream {}
            try await exchange.write([1, 2, 3])
            try await exchange.end()
        } _: { server, transport in
            let silent = try await transport.get(server.url("/silent"))
            for count in 1...3 {
                if byDeadline {
                    let error = await failure { () async throws(HTTPTransportError) in
                        try await transport.fetch(
                            .init(method: "GET", url: server.url("/other"), deadlines: .init(total: .seconds(1))))
                    }
                    #expect(error?.code == .totalDeadline)
                } else {
                    try await transport.get(server.url("/other")).cancel()
                }
                #expect(await eventually { gone.value == count })
            }
            gate.continuation.finish()
            #expect(try await silent.collect(upTo: 10) == [1, 2, 3])
            #expect(transport.connectionsOpened == 1)
        }
    }

    /// Bytes that a cancelled stream never read must not use up the window that the connection's streams share.
    @Test func cancelledStreamsGiveTheirWindowBack() async throws {
        let gone = Count()
        let gate = AsyncStream<Void>.makeStream()
        let endless = endless(counting: gone)
        try await with { head, exchange in
            guard head.uri == "/silent" else { return try await endless(head, exchange) }
            try await exchange.head()
            for await _ in gate.stream {}
            try await exchange.end()
        } _: { server, transport in
            // Keeps the connection.
            let silent = try await transport.get(server.url("/silent"))
            for count in 1...60 {
                let response = try await transport.get(server.url("/endless"))
                _ = try await response.next()
                response.cancel()
                #expect(await eventually { gone.value == count })
            }
            let answer = try await transport.fetch(.init(method: "GET", url: server.url("/")))
            #expect(answer.body == "ok")
            gate.continuation.finish()
            #expect(try await silent.collect(upTo: 10) == [])
            #expect(transport.connectionsOpened == 1)
        }
    }

    /// Whoever is slow must not make others wait on the connection that they share.
    @Test func aSlowReaderDoesNotStopOtherStreams() async throws {
        let size = 32_000_000
        try await with { head, exchange in
            guard head.uri == "/big" else { return try await exchange.answer(200, [], "small") }
            try await exchange.head(200)
            for _ in 0..<size / 16_000 { try await exchange.write([UInt8](repeating: 7, count: 16_000)) }
            try await exchange.end()
        } _: { server, transport in
            let slow = try await transport.get(server.url("/big"))
            var total = try await slow.next()?.count ?? 0
            for _ in 0..<50 {
                let answer = try await transport.fetch(.init(method: "GET", url: server.url("/small")))
                #expect(answer.body == "small")
            }
            while let chunk = try await slow.next() { total += chunk.count }
            #expect(total == size)
            #expect(transport.connectionsOpened == 1)
        }
    }
}
