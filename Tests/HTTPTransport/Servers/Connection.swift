import NIOCore
import NIOHTTP1
import Synchronization

/// An HTTP/1.1 connection or an HTTP/2 stream of the test server: parts of requests wait here until its task reads them. A
/// task that does not read makes the client wait.
final class Connection: Sendable {
    /// The client has gone, or the server was stopped.
    struct Gone: Error {}

    /// Bytes that may wait before nothing more is read from the client.
    private static let limit = 65_536

    private struct State {
        var parts: [HTTPServerRequestPart] = []
        var bytes = 0
        var isPaused = false
        var isGone = false
        var reader: CheckedContinuation<Void, Never>?
        var task: Task<Void, Never>?
    }

    let channel: any Channel
    let isHTTP2: Bool
    private let state = Mutex(State())

    init(_ channel: any Channel, isHTTP2: Bool) {
        self.channel = channel
        self.isHTTP2 = isHTTP2
    }

    /// Runs `body` until it ends; cancels it when the connection is gone.
    func start(_ body: @escaping @Sendable (Connection) async -> Void) {
        let task = Task { await body(self) }
        let isGone = state.withLock { state in
            state.task = task
            return state.isGone
        }
        if isGone { task.cancel() }
    }

    /// Waits until the task has ended, which it does when the connection is gone.
    func finish() async { await state.withLock { $0.task }?.value }

    /// The next part of a request.
    func next() async throws(Gone) -> HTTPServerRequestPart {
        while true {
            let (part, isGone, resumes) = state.withLock { state -> (HTTPServerRequestPart?, Bool, Bool) in
                guard !state.parts.isEmpty else { return (nil, state.isGone, false) }
                let part = state.parts.removeFirst()
                if case .body(let buffer) = part { state.bytes -= buffer.readableBytes }
                let resumes = state.isPaused && state.parts.isEmpty
                if resumes { state.isPaused = false }
                return (part, false, resumes)
            }
            // Unlike a socket's channel, a stream's does not read by itself when it may again.
            if resumes { channel.setOption(.autoRead, value: true).whenComplete { [channel] _ in channel.read() } }
            if let part { return part }
            if isGone { throw Gone() }
            await withCheckedContinuation { continuation in
                let isReady = state.withLock { state in
                    if state.isGone || !state.parts.isEmpty { return true }
                    state.reader = continuation
                    return false
                }
                if isReady { continuation.resume() }
            }
        }
    }

    /// Writes a part and waits until it has left: until the kernel has it, or the stream's window had room for it.
    func write(_ part: HTTPPart<HTTPResponseHead, ByteBuffer>) async throws {
        try await channel.writeAndFlush(part).get()
    }

    fileprivate func received(_ part: HTTPServerRequestPart) {
        let (reader, pauses) = state.withLock { state in
            state.parts.append(part)
            if case .body(let buffer) = part { state.bytes += buffer.readableBytes }
            let pauses = !state.isPaused && state.bytes > Self.limit
            if pauses { state.isPaused = true }
            defer { state.reader = nil }
            return (state.reader, pauses)
        }
        if pauses { channel.setOption(.autoRead, value: false).whenComplete { _ in } }
        reader?.resume()
    }

    fileprivate func gone() {
        let (reader, task) = state.withLock { state in
            state.isGone = true
            defer { state.reader = nil }
            return (state.reader, state.task)
        }
        task?.cancel()
        reader?.resume()
    }
}

/// Hands what arrives to the connection, and lets responses be written as buffers.
final class ConnectionHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = HTTPPart<HTTPResponseHead, ByteBuffer>
    typealias OutboundOut = HTTPServerResponsePart

    private let connection: Connection
    private var opened: ((Connection) -> Void)?

    init(_ connection: Connection, opened: @escaping (Connection) -> Void) {
        self.connection = connection
        self.opened = opened
    }

    /// Behind TLS the protocol is known, and this handler added, only after the channel became active.
    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { open() }
    }

    func channelActive(context: ChannelHandlerContext) { open() }

    private func open() {
        opened?(connection)
        opened = nil
    }

    func channelInactive(context: ChannelHandlerContext) { connection.gone() }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { connection.received(unwrapInboundIn(data)) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let part: HTTPServerResponsePart =
            switch unwrapOutboundIn(data) {
            case .head(let head): .head(head)
            case .body(let buffer): .body(.byteBuffer(buffer))
            case .end(let trailers): .end(trailers)
            }
        context.write(wrapOutboundOut(part), promise: promise)
    }
}
