import NIOCore

/// One channel to Redis: bytes in, replies out. Tells the connection's core what happens; knows nothing of calls.
final class RedisChannelHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let core: ConnectionCore
    private let reader: ReplyReader
    private var context: ChannelHandlerContext?

    init(core: ConnectionCore, reader: ReplyReader) {
        self.core = core
        self.reader = reader
    }

    /// Writes and flushes; a failure to write closes the channel.
    func send(_ buffer: ByteBuffer) {
        guard let context else { return }
        context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
    }

    /// Closes the channel; nothing is reported after that.
    func close() {
        guard let context else { return }
        self.context = nil
        context.close(promise: nil)
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelActive(context: ChannelHandlerContext) { core.opened(self) }

    func channelInactive(context: ChannelHandlerContext) {
        guard self.context != nil else { return }
        self.context = nil
        core.lost(self, RedisError(.connectionLost, "Redis closed the connection"))
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard self.context != nil else { return }
        let now = NIODeadline.now()
        do throws(RedisError) {
            try reader.read(unwrapInboundIn(data)) { reply in
                core.received(reply, on: self, now: now)
                return self.context != nil
            }
        } catch {
            core.lost(self, error)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard self.context != nil else { return }
        core.lost(self, RedisError(.connectionLost, String(describing: error)))
    }
}
