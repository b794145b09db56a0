import Dialects
import HTTPTypes
import HummingbirdCore
import NIOCore
import NIOEmbedded
import Testing
import Web

@testable import Gateway

@Suite struct BodyReaderTests {
    private let reader = BodyReader(maximumBytes: 1 << 20, budget: ByteBudget(maximumBytes: 1 << 20))

    /// As a server's channel does it: what goes wrong on the way ends the body.
    private final class BodyEnd: ChannelInboundHandler, Sendable {
        typealias InboundIn = Any
        private let body: AsyncThrowingStream<ByteBuffer, any Error>.Continuation

        init(_ body: AsyncThrowingStream<ByteBuffer, any Error>.Continuation) { self.body = body }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { body.finish(throwing: error) }
    }

    @Test func aBodyThatTakesTooLongIsRefused() async throws {
        let (body, continuation) = AsyncThrowingStream<ByteBuffer, any Error>.makeStream()
        continuation.yield(ByteBuffer(string: "{"))
        let channel = NIOAsyncTestingChannel()
        try await channel.pipeline.addHandler(BodyEnd(continuation)).get()
        let request = Request(
            head: .init(method: .post, scheme: "http", authority: "x", path: "/"), body: RequestBody(asyncSequence: body))
        let clock = Task {
            while !Task.isCancelled {
                await channel.testingEventLoop.advanceTime(by: .seconds(60))
                try? await Task.sleep(for: .milliseconds(1))
            }
        }
        let refusal = await #expect(throws: GatewayError.self) { try await reader.read(request, channel: channel) }
        clock.cancel()
        #expect(refusal?.status == 408)
    }

    @Test(arguments: [("gzip", 415), ("br, gzip", 415), ("identity", nil), ("", nil)] as [(String, Int?)])
    func aCompressedBodyIsNoBrokenOne(_ encoding: String, _ status: Int?) async throws {
        let request = Request(
            head: .init(
                method: .post, scheme: "http", authority: "x", path: "/", headerFields: [.contentEncoding: encoding]),
            body: RequestBody(buffer: ByteBuffer(string: "{}")))
        let refusal: GatewayError?
        do {
            _ = try await reader.read(request, channel: EmbeddedChannel())
            refusal = nil
        } catch { refusal = error }
        #expect(refusal?.status == status && refusal?.answer.param == status.map { _ in "content-encoding" })
    }
}
