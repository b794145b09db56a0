public import Hummingbird
public import Ledger
internal import NIOCore

/// What a handler knows of a request besides the request itself.
public struct WebContext: RequestContext, Sendable {
    public var coreContext: CoreRequestContextStorage
    /// Minted here for every request; answered as `x-request-id` and kept with the events that the request makes.
    public let webRequestID: Ledger.RequestID
    /// When the request came.
    public let receivedAt: Timestamp
    /// The other end of the connection, an IP address without its port; nil on a unix socket.
    public let peerAddress: String?
    /// The client's IP address: the peer's, or what a trusted proxy says it is; nil on a unix socket without a proxy.
    public internal(set) var clientAddress: String?
    /// Whether only the head of the answer is asked for. A GET that changes something is not for those who look whether a link works.
    public internal(set) var isHead = false

    public init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        webRequestID = .mint()
        receivedAt = .now
        peerAddress = source.channel.remoteAddress?.ipAddress
        clientAddress = peerAddress
    }

    /// A part of the path, such as `id` of `/orgs/:id`; empty when the route has none of that name.
    public func part(_ name: String) -> String { parameters.get(name) ?? "" }
}
