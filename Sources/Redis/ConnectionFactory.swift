import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// Opens channels to one Redis; the TLS context, which is costly to make, is shared by all of a client's connections.
final class ConnectionFactory: Sendable {
    let configuration: RedisConfiguration
    private let context = Mutex<NIOSSLContext?>(nil)

    init(_ configuration: RedisConfiguration) { self.configuration = configuration }

    /// Connects, with handlers of the caller's making at the end of the pipeline.
    func connect(
        on eventLoop: any EventLoop, makeHandler: @escaping @Sendable () throws -> RedisChannelHandler
    ) -> EventLoopFuture<any Channel> {
        var bootstrap = ClientBootstrap(group: eventLoop)
            .connectTimeout(TimeAmount(configuration.connectDeadline))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls = try self.makeTLSHandler() { try channel.pipeline.syncOperations.addHandler(tls) }
                    try channel.pipeline.syncOperations.addHandler(makeHandler())
                }
            }
        switch configuration.address {
        case .tcp(let host, let port):
            // A peer that vanished is also noticed while nothing is asked.
            bootstrap = bootstrap.channelOption(.tcpOption(.tcp_nodelay), value: 1)
                .channelOption(.socketOption(.so_keepalive), value: 1)
            return bootstrap.connect(host: host, port: port)
        case .unix(let path):
            return bootstrap.connect(unixDomainSocketPath: path)
        }
    }

    private func makeTLSHandler() throws -> NIOSSLClientHandler? {
        guard configuration.usesTLS, case .tcp(let host, _) = configuration.address else { return nil }
        let context = try context.withLock { kept in
            if let kept { return kept }
            let made = try makeContext()
            kept = made
            return made
        }
        // An address can't be sent as a server name; the certificate is then checked against the address itself.
        let isAddress = (try? SocketAddress(ipAddress: host, port: 0)) != nil
        return try NIOSSLClientHandler(context: context, serverHostname: isAddress ? nil : host)
    }

    private func makeContext() throws -> NIOSSLContext {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.certificateVerification = .fullVerification
        tls.minimumTLSVersion = .tlsv12
        if let file = configuration.certificateAuthorityFile { tls.trustRoots = .file(file) }
        return try NIOSSLContext(configuration: tls)
    }
}
