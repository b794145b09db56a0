import NIOCore
import NIOPosix
import TestSupport
import Testing

@testable import Redis

/// A server that greets a connection properly and then answers every read with the same bytes.
private final class Misbehaving: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let answer: String
    private let closes: Bool
    private var isGreeted = false

    init(answer: String, closes: Bool) {
        self.answer = answer
        self.closes = closes
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let text = isGreeted ? answer : "+OK\r\n"
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
        if isGreeted, closes { context.close(promise: nil) }
        isGreeted = true
    }
}

@Suite(.timeLimit(.minutes(1))) struct MisbehavingServerTests {
    private func withMisbehavingServer(
        answer: String, closes: Bool = false, configure: (inout RedisConfiguration) -> Void = { _ in },
        _ body: (RedisConnection) async throws -> Void
    ) async throws {
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Misbehaving(answer: answer, closes: closes))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(server.localAddress?.port)
        try await withConnection("redis://127.0.0.1:\(port)", configure: configure, body)
        try await server.close()
    }

    @Test(arguments: [
        "nonsense\r\n", ":1x\r\n", "*2147483647\r\n", "*-7\r\n", "$-9\r\n", "%1\r\n",
        String(repeating: "*1\r\n", count: 50),
    ])
    func aProtocolViolationEndsTheConnection(_ answer: String) async throws {
        try await withMisbehavingServer(answer: answer) { redis in
            let error = try await failure { () throws(RedisError) in try await redis.call(["PING"], deadline: .seconds(20)) }
            #expect(error.code == .protocolViolation)
            #expect(error.outcomeUnknown)
            try await eventually("the connection is made again") { redis.statistics.connects == 2 }
        }
    }

    @Test func aReplyNobodyAskedForEndsTheConnection() async throws {
        try await withMisbehavingServer(answer: "+PONG\r\n+PONG\r\n") { redis in
            #expect(try await redis.call(["PING"], deadline: .seconds(20)) == .simple("PONG"))
            try await eventually("the connection is made again") { redis.statistics.connects == 2 }
        }
    }

    @Test func anEndlessReplyEndsTheConnection() async throws {
        try await withMisbehavingServer(answer: "$2000000\r\n" + String(repeating: "x", count: 200_000)) {
            $0.maximumReplyBytes = 100_000
        } _: { redis in
            let error = try await failure { () throws(RedisError) in try await redis.call(["PING"], deadline: .seconds(20)) }
            #expect(error.code == .protocolViolation)
        }
    }

    @Test func halfAReplyBeforeTheEndIsALoss() async throws {
        try await withMisbehavingServer(answer: "$100\r\nhalf", closes: true) { redis in
            let error = try await failure { () throws(RedisError) in try await redis.call(["PING"], deadline: .seconds(20)) }
            #expect(error.code == .connectionLost)
            #expect(error.outcomeUnknown)
        }
    }
}
