import NIOCore
import NIOHTTP1
import NIOHTTP2
import NIOPosix
import NIOSSL
import Synchronization

/// An HTTP server whose answers are closures.
final class TestServer: Sendable {
    typealias Handler = @Sendable (HTTPRequestHead, TestExchange) async throws -> Void

    /// What it speaks.
    enum Kind: Sendable {
        /// HTTP/1.1 without TLS.
        case plain
        /// HTTP/1.1 over TLS.
        case http1(Certificate)
        /// HTTP/2, and HTTP/1.1 for those who ask for it, over TLS.
        case http2(Certificate)
    }

    private struct State {
        var connections: [any Channel] = []
        var exchanging: [Connection] = []
        var isStopping = false
        var requests = 0
        var broken = 0
    }

    /// What the channels need of the server, which is made after them.
    private final class Shared: Sendable {
        let handler: Handler
        let mutex = Mutex(State())
        init(_ handler: @escaping Handler) { self.handler = handler }
    }

    let port: Int
    private let listener: any Channel
    private let group: MultiThreadedEventLoopGroup
    private let shared: Shared
    private let scheme: String

    /// Sockets that were accepted.
    var connections: Int { shared.mutex.withLock { $0.connections.count } }
    var openConnections: Int { shared.mutex.withLock { $0.connections }.count { $0.isActive } }
    var requests: Int { shared.mutex.withLock { $0.requests } }
    /// Handlers that ended with an error: the client had gone.
    var broken: Int { shared.mutex.withLock { $0.broken } }

    /// Runs `body` with a server that answers every request with `handler`.
    static func with<Value>(
        over kind: Kind = .plain, _ handler: @escaping Handler, _ body: (TestServer) async throws -> Value
    ) async throws -> Value {
        let server = try await TestServer(kind, handler)
        do {
            let value = try await body(server)
            try await server.stop()
            return value
        } catch {
            try? await server.stop()
            throw error
        }
    }

    func url(_ path: String = "/", host: String = "127.0.0.1") -> String { "\(scheme)://\(host):\(port)\(path)" }

    private init(_ kind: Kind, _ handler: @escaping Handler) async throws {
        group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let shared = Shared(handler)
        self.shared = shared
        if case .plain = kind { scheme = "http" } else { scheme = "https" }
        let initializer = try Self.initializer(kind, shared)
        listener = try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 2048)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                shared.mutex.withLock { $0.connections.append(channel) }
                return initializer(channel)
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = listener.localAddress?.port ?? 0
    }

    /// Tests cancel more often than a server stands from strangers.
    private static let patient: NIOHTTP2Handler.Configuration = {
        var configuration = NIOHTTP2Handler.Configuration()
        configuration.connection.maximumConnectionGlitches = .max
        configuration.connection.maximumRecentlyResetStreams = 100_000
        configuration.connection.controlFrameRateLimit.maximumCount = .max
        configuration.stream.streamResetFrameRateLimit.maximumCount = .max
        configuration.stream.streamErrorRateLimit.maximumCount = .max
        return configuration
    }()

    private static func initializer(
        _ kind: Kind, _ shared: Shared
    ) throws -> @Sendable (any Channel) -> EventLoopFuture<Void> {
        let http1: @Sendable (any Channel) -> EventLoopFuture<Void> = { channel in
            channel.eventLoop.makeCompletedFuture {
                let pipeline = channel.pipeline.syncOperations
                try pipeline.configureHTTPServerPipeline(withPipeliningAssistance: false, withErrorHandling: false)
                try pipeline.addHandler(ConnectionHandler(.init(channel, isHTTP2: false)) { opened($0, shared) })
            }
        }
        let http2: @Sendable (any Channel) -> EventLoopFuture<Void> = { channel in
            channel.configureHTTP2Pipeline(
                mode: .server, connectionConfiguration: patient.connection, streamConfiguration: patient.stream
            ) { stream in
                stream.eventLoop.makeCompletedFuture {
                    let pipeline = stream.pipeline.syncOperations
                    try pipeline.addHandler(HTTP2FramePayloadToHTTP1ServerCodec())
                    try pipeline.addHandler(ConnectionHandler(.init(stream, isHTTP2: true)) { opened($0, shared) })
                }
            }.map { _ in }
        }
        switch kind {
        case .plain:
            return http1
        case .http1(let certificate):
            let context = try certificate.context(protocols: ["http/1.1"])
            return { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
                }.flatMap { http1(channel) }
            }
        case .http2(let certificate):
            let context = try certificate.context(protocols: ["h2", "http/1.1"])
            return { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
                }.flatMap { channel.configureHTTP2SecureUpgrade(h2ChannelConfigurator: http2, http1ChannelConfigurator: http1) }
            }
        }
    }

    private static func opened(_ connection: Connection, _ shared: Shared) {
        let isStopping = shared.mutex.withLock { state in
            if !state.isStopping { state.exchanging.append(connection) }
            return state.isStopping
        }
        guard !isStopping else { return connection.channel.close(promise: nil) }
        connection.start { connection in
            while true {
                let exchange = TestExchange(connection)
                guard let head = try? await exchange.nextHead() else { return }
                shared.mutex.withLock { $0.requests += 1 }
                do {
                    try await shared.handler(head, exchange)
                    while try await exchange.nextChunk() != nil {}
                } catch {
                    shared.mutex.withLock { $0.broken += 1 }
                    return connection.channel.close(promise: nil)
                }
            }
        }
    }

    /// Closes the connections that are open now.
    func closeConnections() async throws {
        let connections = shared.mutex.withLock { $0.connections }
        for connection in connections where connection.isActive { try await connection.close().get() }
    }

    /// Every task has ended before the event loop does: a write to a loop that is gone would never be answered.
    private func stop() async throws {
        try? await listener.close().get()
        let (connections, exchanging) = shared.mutex.withLock { state in
            state.isStopping = true
            return (state.connections, state.exchanging)
        }
        for connection in connections { try? await connection.close().get() }
        for connection in exchanging { await connection.finish() }
        try await group.shutdownGracefully()
    }
}
