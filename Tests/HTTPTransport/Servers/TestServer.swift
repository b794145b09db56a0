import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// An HTTP/1.1 server whose answers are closures.
final class TestServer: Sendable {
    typealias Channel = NIOAsyncChannel<HTTPServerRequestPart, HTTPPart<HTTPResponseHead, ByteBuffer>>
    typealias Handler = @Sendable (HTTPRequestHead, Exchange) async throws -> Void

    /// One request being answered.
    final class Exchange {
        private var inbound: NIOAsyncChannelInboundStream<HTTPServerRequestPart>.AsyncIterator
        private let outbound: NIOAsyncChannelOutboundWriter<HTTPPart<HTTPResponseHead, ByteBuffer>>
        private(set) var bodyEnded = false

        init(
            _ inbound: NIOAsyncChannelInboundStream<HTTPServerRequestPart>,
            _ outbound: NIOAsyncChannelOutboundWriter<HTTPPart<HTTPResponseHead, ByteBuffer>>
        ) {
            self.inbound = inbound.makeAsyncIterator()
            self.outbound = outbound
        }

        func nextHead() async throws -> HTTPRequestHead? {
            bodyEnded = false
            while let part = try await inbound.next(isolation: #isolation) { if case .head(let head) = part { return head } }
            return nil
        }

        func nextChunk() async throws -> ByteBuffer? {
            if bodyEnded { return nil }
            switch try await inbound.next(isolation: #isolation) {
            case .body(let buffer): return buffer
            default:
                bodyEnded = true
                return nil
            }
        }

        func body() async throws -> [UInt8] {
            var all: [UInt8] = []
            while let chunk = try await nextChunk() { all.append(contentsOf: chunk.readableBytesView) }
            return all
        }

        func head(_ status: Int = 200, _ headers: [(String, String)] = []) async throws {
            try await outbound.write(.head(.init(version: .http1_1, status: .init(statusCode: status), headers: .init(headers))))
        }

        func write(_ bytes: some Sequence<UInt8>) async throws { try await outbound.write(.body(ByteBuffer(bytes: bytes))) }

        func end() async throws { try await outbound.write(.end(nil)) }

        func answer(_ status: Int = 200, _ headers: [(String, String)] = [], _ body: String = "") async throws {
            try await head(status, headers + [("content-length", "\(body.utf8.count)")])
            if !body.isEmpty { try await write(body.utf8) }
            try await end()
        }
    }

    let port: Int
    private let listener: any NIOCore.Channel
    private let counts = Counts()
    private let group: MultiThreadedEventLoopGroup
    private let task: Mutex<Task<Void, Never>?>

    final class Counts: Sendable {
        let connections = Atomic(0)
        let requests = Atomic(0)
        /// Handlers that ended with an error: the client had gone.
        let broken = Atomic(0)
    }

    var connections: Int { counts.connections.load(ordering: .relaxed) }
    var requests: Int { counts.requests.load(ordering: .relaxed) }
    var broken: Int { counts.broken.load(ordering: .relaxed) }

    /// Runs `body` with a server that answers every request with `handler`.
    static func with<Value>(_ handler: @escaping Handler, _ body: (TestServer) async throws -> Value) async throws -> Value {
        let server = try await TestServer(handler)
        do {
            let value = try await body(server)
            try await server.stop()
            return value
        } catch {
            try? await server.stop()
            throw error
        }
    }

    func url(_ path: String = "/") -> String { "http://127.0.0.1:\(port)\(path)" }

    private init(_ handler: @escaping Handler) async throws {
        group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let server = try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 2048)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .bind(host: "127.0.0.1", port: 0) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline(withErrorHandling: true)
                    try channel.pipeline.syncOperations.addHandler(ByteBufferResponses())
                    return try Channel(
                        wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: false))
                }
            }
        listener = server.channel
        port = server.channel.localAddress?.port ?? 0
        let counts = counts
        task = Mutex(
            Task {
                await withDiscardingTaskGroup { group in
                    try? await server.executeThenClose { clients in
                        for try await client in clients {
                            counts.connections.add(1, ordering: .relaxed)
                            group.addTask { await Self.serve(client, counts, handler) }
                        }
                    }
                    group.cancelAll()
                }
            })
    }

    private static func serve(_ client: Channel, _ counts: Counts, _ handler: @escaping Handler) async {
        try? await client.executeThenClose { inbound, outbound in
            let exchange = Exchange(inbound, outbound)
            while let head = try await exchange.nextHead() {
                counts.requests.add(1, ordering: .relaxed)
                do {
                    try await handler(head, exchange)
                    while try await exchange.nextChunk() != nil {}
                } catch {
                    counts.broken.add(1, ordering: .relaxed)
                    throw error
                }
            }
        }
    }

    func stop() async throws {
        try? await listener.close()
        let task = task.withLock { $0 }
        task?.cancel()
        await task?.value
        try await group.shutdownGracefully()
    }
}

/// Lets responses be written as buffers.
private final class ByteBufferResponses: ChannelOutboundHandler {
    typealias OutboundIn = HTTPPart<HTTPResponseHead, ByteBuffer>
    typealias OutboundOut = HTTPServerResponsePart

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

/// Waits until something that another thread does is seen; false after five seconds.
func eventually(_ condition: () throws -> Bool) async rethrows -> Bool {
    for _ in 0..<500 {
        if try condition() { return true }
        try? await Task.sleep(for: .milliseconds(10))
    }
    return try condition()
}
