internal import Hummingbird
internal import NIOCore

/// What a handler knows of the connection a request came by.
struct GatewayRequestContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let channel: any Channel

    init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        channel = source.channel
    }

    var eventLoop: any EventLoop { channel.eventLoop }

    /// The peer's address as text, without its port; nil on a unix socket.
    var peerAddress: String? { channel.remoteAddress?.ipAddress }

    /// The handler that tells when this connection's client goes; nil only on a channel that this gateway did not set up.
    func disconnectHandler() -> DisconnectHandler? {
        try? channel.pipeline.syncOperations.handler(type: DisconnectHandler.self)
    }
}
