import HTTPTransport
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(2))) struct DeadlineTests {
    private func code(
        _ transport: HTTPTransport, _ url: String, _ deadlines: HTTPTransportRequest.Deadlines,
        body: HTTPTransportRequest.Body = .none
    ) async -> (HTTPTransportError.Code?, sent: Bool?) {
        let error = await failure { () async throws(HTTPTransportError) in
            try await transport.fetch(.init(url: url, body: body, deadlines: deadlines))
        }
        return (error?.code, error?.sentRequest)
    }

    /// A server that accepts the connection and says nothing: its TLS handshake does not end.
    @Test func connect() async throws {
        try await RawServer.with([]) { server in
            try await withTransport { transport in
                let (code, sent) = await code(
                    transport, "https://127.0.0.1:\(server.port)/", .init(connect: .milliseconds(150), firstByte: .seconds(60)))
                #expect(code == .connectDeadline)
                #expect(sent == false)
            }
        }
    }

    /// A host that answers nothing at all: its listener's queue is full, so that the kernel lets the first packet fall.
    @Test func connectToAHostThatIsSilent() async throws {
        try await FullListener.with { port in
            try await withTransport { transport in
                let (code, sent) = await code(
                    transport, "http://127.0.0.1:\(port)/", .init(connect: .milliseconds(150), firstByte: .seconds(60)))
                #expect(code == .connectDeadline)
                #expect(sent == false)
                #expect(transport.inFlight == 0)
            }
        }
    }

    @Test func firstByte() async throws {
        try await RawServer.with([.write("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nx-a: b\r\n")]) { server in
            try await withTransport { transport in
                let (code, sent) = await code(transport, server.url(), .init(firstByte: .milliseconds(150)))
                #expect(code == .firstByteDeadline)
                #expect(sent == true)
                #expect(await eventually { server.closed.load(ordering: .relaxed) == 1 })
            }
        }
    }

    @Test func idle() async throws {
        try await RawServer.with([.write("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc")]) { server in
            try await withTransport { transport in
                let response = try await transport.execute(
                    .init(url: server.url(), deadlines: .init(firstByte: .seconds(60), idle: .milliseconds(150))))
                #expect(try await response.next() == Array("abc".utf8))
                let error = await failure { () async throws(HTTPTransportError) in try await response.next() }
                #expect(error?.code == .idleDeadline)
                #expect(error?.sentRequest == true)
                #expect(await eventually { server.closed.load(ordering: .relaxed) == 1 })
            }
        }
    }

    /// Every piece comes in time, and yet it takes too long.
    @Test func total() async throws {
        try await TestServer.with { _, exchange in
            try await exchange.head()
            while true {
                try await exchange.write([1])
                try await Task.sleep(for: .milliseconds(10))
            }
        } _: { server in
            try await withTransport { transport in
                let (code, sent) = await code(transport, server.url(), .init(idle: .seconds(60), total: .seconds(1)))
                #expect(code == .totalDeadline)
                #expect(sent == true)
                #expect(await eventually { server.broken == 1 })
            }
        }
    }

    @Test func totalCountsFromTheCall() async throws {
        try await RawServer.with([]) { server in
            try await withTransport { transport in
                let connecting = await code(
                    transport, "https://127.0.0.1:\(server.port)/", .init(connect: .seconds(60), total: .milliseconds(150)))
                #expect(connecting.0 == .totalDeadline && connecting.sent == false)
                let waiting = await code(transport, server.url(), .init(firstByte: .seconds(60), total: .seconds(1)))
                #expect(waiting.0 == .totalDeadline && waiting.sent == true)
            }
        }
    }

    /// A reader who rests for longer than the idle deadline is not the server's fault.
    @Test func idleStopsWhileTheReaderIsBehind() async throws {
        let size = 8_000_000
        try await TestServer.with { _, exchange in
            try await exchange.head()
            for _ in 0..<8 { try await exchange.write([UInt8](repeating: 1, count: size / 8)) }
            try await exchange.end()
        } _: { server in
            try await withTransport { transport in
                let response = try await transport.execute(
                    .init(url: server.url(), deadlines: .init(idle: .seconds(2))))
                try await Task.sleep(for: .milliseconds(2_500))
                #expect(try await response.collect(upTo: size).count == size)
            }
        }
    }

    /// Nor is a producer who makes the server wait.
    @Test func firstByteStopsWhileTheProducerIsBehind() async throws {
        try await TestServer.with { _, exchange in
            let body = try await exchange.body()
            try await exchange.answer(200, [], String(decoding: body, as: UTF8.self))
        } _: { server in
            try await withTransport { transport in
                let producer = Producer([[65], [66]])
                let response = try await transport.execute(
                    .init(
                        url: server.url(),
                        body: .stream(length: 2) {
                            if await producer.taken == 0 { try await Task.sleep(for: .milliseconds(2_500)) }
                            return await producer.next()
                        },
                        deadlines: .init(firstByte: .seconds(2))))
                #expect(try await response.collect(upTo: 2) == [65, 66])
            }
        }
    }
}
