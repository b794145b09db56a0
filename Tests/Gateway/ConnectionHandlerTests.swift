import Foundation
import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import Gateway

/// What is sent and answered, byte for byte, without a socket.
@Suite struct ConnectionHandlerTests {
    @Test func aConnectionStays() throws {
        let wire = try Wire()
        for _ in 0..<3 {
            #expect(try wire.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n") == ["/a", "end"])
            #expect(try wire.answer("hi") == "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi")
        }
        #expect(!wire.isHalfClosed)
    }

    @Test(arguments: ["close", "Close", "keep-alive, close", "TE, CLOSE", "close, TE"])
    func whoWantsItClosedIsTold(_ value: String) throws {
        let wire = try Wire()
        #expect(try wire.send("GET /a HTTP/1.1\r\nHost: x\r\nConnection: \(value)\r\n\r\n") == ["/a", "end"])
        #expect(try wire.answer("hi") == "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi")
        #expect(wire.isHalfClosed && wire.channel.isActive)
        // RFC 9112, 9.6: what comes after that is no request any more.
        #expect(try wire.send("GET /b HTTP/1.1\r\nHost: x\r\n\r\n") == [])
        wire.loop.advanceTime(by: ConnectionHandler.patience)
        #expect(!wire.channel.isActive)
    }

    @Test func requestsThatAreSentTogetherAreAnsweredInTurn() throws {
        let wire = try Wire()
        let first = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
        let second = "GET /b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        #expect(try wire.send(first + second) == ["/a", "end", "/b", "end"])
        #expect(try !wire.answer("1").contains("connection"))
        #expect(!wire.isHalfClosed)
        #expect(try wire.answer("2").contains("connection: close"))
        #expect(wire.isHalfClosed)
    }

    /// RFC 9112, 6.1: such a client knows no chunks, and reads to the end of the connection.
    @Test func anOldClientIsAnsweredWithoutChunks() throws {
        let wire = try Wire()
        #expect(try wire.send("GET /a HTTP/1.0\r\n\r\n") == ["/a", "end"])
        #expect(try wire.answer("hi", hasLength: false) == "HTTP/1.0 200 OK\r\nconnection: close\r\n\r\nhi")
        #expect(wire.isHalfClosed)
    }

    @Test func anOldClientMayKeepItsConnection() throws {
        let wire = try Wire()
        let request = "GET /a HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"
        for _ in 0..<2 {
            #expect(try wire.send(request) == ["/a", "end"])
            #expect(
                try wire.answer("hi") == "HTTP/1.0 200 OK\r\ncontent-length: 2\r\nconnection: keep-alive\r\n\r\nhi")
            #expect(!wire.isHalfClosed)
        }
        #expect(try wire.send(request) == ["/a", "end"])
        #expect(try wire.answer("hi", hasLength: false) == "HTTP/1.0 200 OK\r\nconnection: close\r\n\r\nhi")
        #expect(wire.isHalfClosed)
    }

    /// The parser reads nothing after it, as if another protocol came then.
    @Test func anUpgradeThatIsNotDoneIsTheLastRequest() throws {
        let wire = try Wire()
        let upgrade = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"
        #expect(try wire.send("GET /a HTTP/1.1\r\nHost: x\r\n\(upgrade)\r\n") == ["/a", "end"])
        #expect(try wire.answer("hi").contains("connection: close"))
        #expect(wire.isHalfClosed)
    }

    /// RFC 9110, 9.3.2: also where the answer has no length, so that the end of its body has bytes.
    @Test func whoAsksForTheHeadGetsNoBody() throws {
        let wire = try Wire()
        let head = "HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n"
        #expect(try wire.send(head) == ["/a", "end"])
        #expect(try wire.answer("hi") == "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n")
        #expect(try wire.send(head) == ["/a", "end"])
        #expect(try wire.answer("hi", hasLength: false) == "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        #expect(try wire.send("GET /b HTTP/1.1\r\nHost: x\r\n\r\n") == ["/b", "end"])
        #expect(try wire.answer("hi") == "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi")
        #expect(!wire.isHalfClosed)
    }

    /// RFC 9112, 3.2: two readers could take it for a request to two servers.
    @Test(arguments: ["", "Host: x\r\nHost: y\r\n", "Host: x\r\nhost: x\r\n"])
    func aRequestHasOneHost(_ hosts: String) throws {
        let wire = try Wire()
        #expect(try wire.send("POST /a HTTP/1.1\r\n\(hosts)Content-Length: 1\r\n\r\na") == [])
        let refusal = try wire.received()
        #expect(refusal.hasPrefix("HTTP/1.1 400 Bad Request\r\n") && refusal.contains("connection: close\r\n"))
        #expect(refusal.contains(#""param":"host""#) && refusal.contains("date: "))
        #expect(wire.isHalfClosed)
    }

    @Test func aRefusalOfAHeadHasNoBodyWhereNoneIsAskedFor() throws {
        let wire = try Wire()
        #expect(try wire.send("HEAD /a HTTP/1.1\r\n\r\n") == [])
        #expect(try wire.received().hasSuffix("connection: close\r\n\r\n"))
    }

    @Test(arguments: [
        "GARBAGE\r\n\r\n", "GET /a HTTP/2.0\r\nHost: x\r\n\r\n", "GET /a HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    ])
    func aHeadThatCanNotBeReadIsAnsweredInTheEnvelope(_ request: String) throws {
        try Self.expect(400, to: request)
    }

    @Test func aHeadThatIsTooLargeIsCalledSo() throws {
        let long = String(repeating: "a", count: 90_000)
        try Self.expect(431, to: "GET /a HTTP/1.1\r\nHost: x\r\nX: \(long)\r\n\r\n")
        try Self.expect(431, to: "GET /\(long) HTTP/1.1\r\nHost: x\r\n\r\n")
    }

    private static func expect(_ status: Int, to request: String) throws {
        let wire = try Wire()
        #expect(try wire.send(request) == [])
        let refusal = try wire.received()
        #expect(refusal.hasPrefix("HTTP/1.1 \(status) ") && refusal.contains(#"{"error":{"#), "\(refusal)")
        // Once, however often the parser says it.
        #expect(refusal.components(separatedBy: "HTTP/1.1 ").count == 2)
        #expect(wire.isHalfClosed)
    }

    @Test func aRefusalOfAHeadWaitsForTheAnswersBeforeIt() throws {
        let wire = try Wire()
        #expect(try wire.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\nGARBAGE\r\n\r\n") == ["/a", "end"])
        #expect(try wire.received() == "")
        let answers = try wire.answer("hi")
        #expect(answers.hasPrefix("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhiHTTP/1.1 400 Bad Request\r\n"))
        #expect(wire.isHalfClosed)
    }

    /// Its reader answers it.
    @Test func aBodyThatCanNotBeReadIsItsReadersToRefuse() throws {
        let wire = try Wire()
        #expect(throws: HTTPParserError.self) {
            try wire.send("POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
        }
        #expect(try wire.received() == "")
        #expect(try wire.answer("no").contains("connection: close"))
        #expect(wire.isHalfClosed)
    }

    private static func held(_ expectation: String = "100-continue", length: Int = 2, version: String = "1.1") -> String {
        "POST /a HTTP/\(version)\r\nHost: x\r\nExpect: \(expectation)\r\nContent-Length: \(length)\r\n\r\n"
    }

    @Test(arguments: ["100-continue", "100-Continue"]) func whoWaitsForLeaveGetsIt(_ expectation: String) throws {
        let wire = try Wire()
        for _ in 0..<2 {
            #expect(try wire.send(Self.held(expectation)) == ["/a"])
            #expect(try wire.received() == "HTTP/1.1 100 Continue\r\n\r\n")
            #expect(try wire.send("hi") == ["hi", "end"])
            #expect(try wire.answer("hi") == "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi")
        }
    }

    @Test func nobodyIsLetSendWhatIsTooLarge() throws {
        let wire = try Wire()
        #expect(try wire.send(Self.held(length: Wire.maximumBodyBytes + 1)) == ["/a"])
        #expect(try wire.received() == "")
    }

    /// RFC 9110, 10.1.1.
    @Test func anOldClientIsAnsweredOnce() throws {
        let wire = try Wire()
        #expect(try wire.send(Self.held(version: "1.0")) == ["/a"])
        #expect(try wire.received() == "")
    }

    @Test func leaveComesAfterTheAnswersBeforeIt() throws {
        let wire = try Wire()
        #expect(try wire.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n" + Self.held()) == ["/a", "end", "/a"])
        #expect(try wire.received() == "")
        #expect(try wire.answer("hi").hasSuffix("hiHTTP/1.1 100 Continue\r\n\r\n"))
    }

    @Test func nothingElseCanBeExpected() throws {
        let wire = try Wire()
        #expect(try wire.send(Self.held("miracles")) == [])
        let refusal = try wire.received()
        #expect(refusal.hasPrefix("HTTP/1.1 417 Expectation Failed\r\n") && refusal.contains(#""param":"expect""#))
    }

    private static let refused = "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n{"

    @Test func whatComesAfterARefusalIsReadForAWhile() throws {
        let wire = try Wire()
        #expect(try wire.send(Self.refused) == ["/a", "{"])
        #expect(try wire.answer("no").contains("connection: close"))
        #expect(wire.isHalfClosed)
        for _ in 0..<4 {
            wire.loop.advanceTime(by: .seconds(1))
            #expect(try wire.send("a") == [])
            #expect(wire.channel.isActive)
        }
        wire.loop.advanceTime(by: .seconds(1))
        #expect(!wire.channel.isActive)
    }

    @Test func noMoreIsReadThanTwiceTheLargestBody() throws {
        let wire = try Wire()
        #expect(try wire.send(Self.refused) == ["/a", "{"])
        _ = try wire.answer("no")
        #expect(try wire.send(String(repeating: "a", count: 2 * Wire.maximumBodyBytes)) == [])
        #expect(wire.channel.isActive)
        _ = try wire.send("a")
        #expect(!wire.channel.isActive)
    }
}

/// A server's end of a connection.
private final class Wire {
    static let maximumBodyBytes = 1000

    let loop = EmbeddedEventLoop()
    let channel: EmbeddedChannel
    private let socket = Socket()

    init() throws {
        channel = EmbeddedChannel(loop: loop)
        try channel.pipeline.syncOperations.addHandlers([
            socket, HTTPResponseEncoder(), ByteToMessageHandler(HTTPRequestDecoder()),
            ConnectionHandler(maximumBodyBytes: Self.maximumBodyBytes, date: HTTPDateClock()),
        ])
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    deinit { _ = try? channel.finish(acceptAlreadyClosed: true) }

    var isHalfClosed: Bool { socket.isHalfClosed }

    /// - Returns: what comes of it behind the handler: paths, pieces of bodies, and ends.
    func send(_ text: String) throws -> [String] {
        try channel.writeInbound(ByteBuffer(string: text))
        var parts: [String] = []
        while let part = try channel.readInbound(as: HTTPServerRequestPart.self) {
            switch part {
            case .head(let head): parts.append(head.uri)
            case .body(let bytes): parts.append(String(buffer: bytes))
            case .end: parts.append("end")
            }
        }
        return parts
    }

    /// Answers the oldest request.
    ///
    /// - Returns: what the client gets.
    func answer(_ body: String, hasLength: Bool = true) throws -> String {
        let headers: HTTPHeaders = hasLength ? ["content-length": String(body.utf8.count)] : [:]
        let parts: [HTTPServerResponsePart] = [
            .head(HTTPResponseHead(version: .http1_1, status: .ok, headers: headers)),
            .body(.byteBuffer(ByteBuffer(string: body))), .end(nil),
        ]
        for part in parts { channel.pipeline.syncOperations.write(NIOAny(part), promise: nil) }
        channel.pipeline.syncOperations.flush()
        return try received()
    }

    /// What the client has got since it was last asked.
    func received() throws -> String {
        var text = ""
        while let bytes = try channel.readOutbound(as: ByteBuffer.self) { text += String(buffer: bytes) }
        return text
    }

    /// Embedded channels know no half-closure.
    private final class Socket: ChannelOutboundHandler {
        typealias OutboundIn = IOData
        var isHalfClosed = false

        func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
            guard mode == .output else { return context.close(mode: mode, promise: promise) }
            isHalfClosed = true
            promise?.succeed(())
        }
    }
}
