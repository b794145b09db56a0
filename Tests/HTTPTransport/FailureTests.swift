import HTTPTransport
import Synchronization
import Testing

private let ok = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"

@Suite(.timeLimit(.minutes(2))) struct FailureTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let step: RawServer.Step
        let code: HTTPTransportError.Code
        /// What the reader must have got before the error.
        var body = ""
        var testDescription: String { name }
    }

    static let cases: [Case] = [
        Case(name: "closed without an answer", step: .writeAndClose(""), code: .reset),
        Case(name: "reset without an answer", step: .writeAndReset(""), code: .reset),
        Case(name: "closed inside the head", step: .writeAndClose("HTTP/1.1 200 OK\r\nx-a: b\r\n"), code: .reset),
        Case(
            name: "closed inside the body", step: .writeAndClose("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc"),
            code: .truncated, body: "abc"),
        Case(
            name: "closed inside a chunk", step: .writeAndClose("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nabc"),
            code: .truncated, body: "abc"),
        Case(
            name: "closed between chunks",
            step: .writeAndClose("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n"), code: .truncated,
            body: "abc"),
        Case(
            name: "a chunk without a size",
            step: .write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n"),
            code: .truncated, body: "abc"),
        Case(
            name: "another protocol that nobody asked for",
            step: .write("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nabc"),
            code: .protocolError),
        Case(name: "closed after an informational head", step: .writeAndClose("HTTP/1.1 103 Early Hints\r\n\r\n"), code: .reset),
        Case(name: "not HTTP", step: .writeAndClose("SSH-2.0-OpenSSH_9.2\r\n\r\n"), code: .protocolError),
        Case(name: "a header without a colon", step: .write("HTTP/1.1 200 OK\r\nx-a\r\n\r\n"), code: .protocolError),
        Case(name: "a NUL in a header", step: .write("HTTP/1.1 200 OK\r\nx-a: a\0b\r\n\r\n"), code: .protocolError),
        Case(
            name: "a long header line", step: .write("HTTP/1.1 200 OK\r\nx-a: \(String(repeating: "a", count: 70_000))\r\n\r\n"),
            code: .tooLarge),
        Case(
            name: "an endless header line", step: .write("HTTP/1.1 200 OK\r\nx-a: \(String(repeating: "a", count: 300_000))"),
            code: .tooLarge),
        Case(
            name: "many header lines",
            step: .write("HTTP/1.1 200 OK\r\n\(String(repeating: "x-a: 0123456789\r\n", count: 5_000))\r\n"), code: .tooLarge),
        Case(
            name: "many informational heads",
            step: .write(String(repeating: "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n", count: 3_000)), code: .tooLarge),
    ]

    @Test(arguments: cases) func hasItsOwnError(_ test: Case) async throws {
        try await RawServer.with([test.step]) { server in
            try await withTransport { transport in
                var body: [UInt8] = []
                let error = await failure { () async throws(HTTPTransportError) in
                    let response = try await transport.get(server.url())
                    while let chunk = try await response.next() { body += chunk }
                }
                #expect(error?.code == test.code)
                #expect(error?.sentRequest == true)
                #expect(String(decoding: body, as: UTF8.self) == test.body)
                // A connection that was opened for this request says nothing about whether the server worked on it.
                #expect(server.requests.load(ordering: .relaxed) == 1)
            }
        }
    }

    @Test func skipsInformationalHeads() async throws {
        let text = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nx-early: 1\r\n\r\n" + ok
        try await RawServer.with([.write(text)]) { server in
            try await withTransport { transport in
                let response = try await transport.get(server.url())
                #expect(response.status == 200)
                #expect(response.header("x-early") == nil)
                #expect(response.headers.map(\.0) == ["content-length"])
                #expect(try await response.collect(upTo: 2) == Array("ok".utf8))
            }
        }
    }

    @Test func leavesOutFieldsThatCouldBreakAClient() async throws {
        let text = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A:  b \r\nbad name: 1\r\nx-bell: a\u{7}b\r\nx-cr: a\rb\r\n\r\nok"
        try await RawServer.with([.write(text)]) { server in
            try await withTransport { transport in
                let response = try await transport.get(server.url())
                #expect(response.headers.map { "\($0)=\($1)" } == ["content-length=2", "x-a=b"])
            }
        }
    }

    @Test func ignoresTrailers() async throws {
        let text = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx-trailer: 1\r\n\r\n"
        try await RawServer.with([.write(text), .write(ok)]) { server in
            try await withTransport { transport in
                for _ in 0..<2 {
                    let response = try await transport.get(server.url())
                    #expect(try await response.collect(upTo: 2) == Array("ok".utf8))
                    #expect(response.header("x-trailer") == nil)
                }
                #expect(transport.connectionsOpened == 1)
            }
        }
    }

    /// libcurl up to 8.1.0 would write it behind a header of the response before, whose memory it has given back.
    @Test func aHeadThatBeginsWithAContinuationHarmsNothing() async throws {
        let lines = String(repeating: "x-a: 0123456789\r\n", count: 50)
        let folded = "HTTP/1.1 200 OK\r\n folded: \(String(repeating: "a", count: 500))\r\ncontent-length: 2\r\n\r\nok"
        let script = (0..<50).flatMap { _ -> [RawServer.Step] in
            [.write("HTTP/1.1 200 OK\r\n\(lines)content-length: 2\r\n\r\nok"), .writeAndClose(folded)]
        }
        try await RawServer.with(script) { server in
            try await withTransport { transport in
                for _ in 0..<50 {
                    let before = try await transport.fetch(.init(url: server.url()))
                    #expect(before.body == "ok")
                    // Some versions take it for a header.
                    var body = "ok"
                    do throws(HTTPTransportError) {
                        body = try await transport.fetch(.init(url: server.url())).body
                    } catch {
                        #expect(error.code == .protocolError)
                    }
                    #expect(body == "ok")
                }
            }
        }
    }

    /// What a server writes beyond a response's end must not be taken for the next response.
    @Test func doesNotReuseAConnectionWithBytesLeft() async throws {
        let other = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil"
        try await RawServer.with([.write(ok + other), .write(ok)]) { server in
            try await withTransport { transport in
                for _ in 0..<2 {
                    let answer = try await transport.fetch(.init(url: server.url()))
                    #expect(answer.body == "ok")
                }
                #expect(transport.connectionsOpened == 2)
            }
        }
    }

    @Test(arguments: ["HTTP/1.0 200 OK\r\n\r\nok", "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nok"])
    func readsABodyThatTheEndOfTheConnectionEnds(_ text: String) async throws {
        try await RawServer.with([.writeAndClose(text)]) { server in
            try await withTransport { transport in
                let answer = try await transport.fetch(.init(url: server.url()))
                #expect(answer.body == "ok")
            }
        }
    }

    @Test func replacesAKeptConnectionThatTheServerClosed() async throws {
        try await RawServer.with([.writeAndClose(ok), .write(ok)]) { server in
            try await withTransport(.init(repeatWithin: .seconds(60))) { transport in
                for _ in 0..<2 {
                    let answer = try await transport.fetch(.init(url: server.url()))
                    #expect(answer.body == "ok")
                }
                #expect(server.requests.load(ordering: .relaxed) == 2)
            }
        }
    }

    /// The server drops the kept connection just when the request arrives on it.
    @Test(arguments: [3, 5_000_000]) func repeatsARequestOnceWhenAKeptConnectionIsLost(_ size: Int) async throws {
        try await RawServer.with([.write(ok), .writeAndReset(""), .write(ok)]) { server in
            try await withTransport(.init(repeatWithin: .seconds(60))) { transport in
                for _ in 0..<2 {
                    let answer = try await transport.fetch(
                        .init(url: server.url(), body: .bytes([UInt8](repeating: 1, count: size))))
                    #expect(answer.body == "ok")
                }
                #expect(server.requests.load(ordering: .relaxed) == 3)
            }
        }
    }

    @Test func repeatsNotMoreThanOnce() async throws {
        try await RawServer.with([.write(ok), .writeAndReset(""), .writeAndReset(""), .write(ok)]) { server in
            try await withTransport(.init(repeatWithin: .seconds(60))) { transport in
                try await expectReset(transport, server)
                #expect(server.requests.load(ordering: .relaxed) == 3)
            }
        }
    }

    /// A server that had the request for longer than a stale connection takes to show may have worked on it.
    @Test func doesNotRepeatWhatTheServerWorkedOn() async throws {
        try await RawServer.with([.write(ok), .resetAfter(100), .write(ok)]) { server in
            try await withTransport(.init(repeatWithin: .milliseconds(50))) { transport in
                try await expectReset(transport, server)
                #expect(server.requests.load(ordering: .relaxed) == 2)
            }
        }
    }

    @Test func repeatsNothingWhenItMayNot() async throws {
        try await RawServer.with([.write(ok), .writeAndReset(""), .write(ok)]) { server in
            try await withTransport(.init(repeatWithin: .zero)) { transport in
                try await expectReset(transport, server)
                #expect(server.requests.load(ordering: .relaxed) == 2)
            }
        }
    }

    /// A body that was made once can't be made again, and half of one must not be sent.
    @Test func doesNotRepeatAStreamedBody() async throws {
        try await RawServer.with([.write(ok), .resetAfterReading("abc"), .write(ok)]) { server in
            try await withTransport(.init(repeatWithin: .seconds(60))) { transport in
                _ = try await transport.fetch(.init(url: server.url()))
                let producer = Producer([Array("abc".utf8), Array("def".utf8)])
                let error = await failure { () async throws(HTTPTransportError) in
                    try await transport.fetch(.init(url: server.url(), body: .stream(length: 6) { await producer.next() }))
                }
                #expect(error?.code == .reset)
                #expect(error?.sentRequest == true)
                #expect(server.requests.load(ordering: .relaxed) == 2)
            }
        }
    }

    /// The first request is answered; the second one is lost.
    private func expectReset(_ transport: HTTPTransport, _ server: RawServer) async throws {
        _ = try await transport.fetch(.init(url: server.url()))
        let error = await failure { () async throws(HTTPTransportError) in try await transport.fetch(.init(url: server.url())) }
        #expect(error?.code == .reset)
        #expect(error?.sentRequest == true)
    }

    @Test func knowsThatNothingWasSent() async throws {
        try await withTransport { transport in
            let refused = await failure { () async throws(HTTPTransportError) in try await transport.get("http://127.0.0.1:1/") }
            #expect(refused?.code == .connectFailed)
            #expect(refused?.sentRequest == false)
            let unresolved = await failure { () async throws(HTTPTransportError) in
                try await transport.get("http://nowhere.invalid/")
            }
            #expect(unresolved?.code == .resolveFailed)
            #expect(unresolved?.sentRequest == false)
        }
    }

    @Test func refusesABodyOfAnotherLength() async throws {
        try await TestServer.with(echo) { server in
            try await withTransport { transport in
                for length in [5, 7] {
                    let producer = Producer([[1, 2, 3], [4, 5, 6]])
                    let error = await failure { () async throws(HTTPTransportError) in
                        try await transport.fetch(
                            .init(url: server.url(), body: .stream(length: length) { await producer.next() }))
                    }
                    #expect(error?.code == .invalidRequest)
                    #expect(error?.sentRequest == true)
                }
            }
        }
    }

    @Test func endsWhenTheProducerThrows() async throws {
        struct Broken: Error {}
        try await TestServer.with(echo) { server in
            try await withTransport { transport in
                let producer = Producer([[1, 2, 3]])
                let error = await failure { () async throws(HTTPTransportError) in
                    try await transport.fetch(
                        .init(
                            url: server.url(),
                            body: .stream(length: nil) {
                                guard let chunk = await producer.next() else { throw Broken() }
                                return chunk
                            }))
                }
                #expect(error?.code == .cancelled)
                #expect(await eventually { server.broken == 1 })
            }
        }
    }
}
