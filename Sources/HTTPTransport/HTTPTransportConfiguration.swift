/// What a transport is made with; the rest is decided per request.
public struct HTTPTransportConfiguration: Sendable {
    /// PEM file of the certificate authorities to trust; nil takes the system's bundle. Verification can't be turned off.
    public var certificateAuthorities: String?
    /// Idle connections that are kept for reuse.
    public var maximumIdleConnections: Int
    /// Connections to one host at a time; more requests wait for one within their connect deadline. 0 is no limit.
    public var maximumConnectionsPerHost: Int
    /// Whether HTTP/2 is offered to TLS servers.
    public var http2: Bool
    /// A kept connection that is lost within this time of sending, with no byte of a response, is taken for one that the server
    /// had closed before: the request is sent once more, on another connection. Zero never sends a request twice.
    public var repeatWithin: Duration
    /// Bytes of a response head (all of its 1xx heads included) that are accepted.
    public var maximumHeadBytes: Int
    /// Proxy for requests that may reach private addresses, `http://host:port`; nil is none, whatever the environment says.
    /// A request with `allowPrivateAddresses: false` never uses it, because a proxy looks names up out of our sight.
    public var proxy: String?

    public init(
        certificateAuthorities: String? = nil, maximumIdleConnections: Int = 2048, maximumConnectionsPerHost: Int = 0,
        http2: Bool = true, repeatWithin: Duration = .seconds(1), maximumHeadBytes: Int = 65_536, proxy: String? = nil
    ) {
        self.certificateAuthorities = certificateAuthorities
        self.maximumIdleConnections = maximumIdleConnections
        self.maximumConnectionsPerHost = maximumConnectionsPerHost
        self.http2 = http2
        self.repeatWithin = repeatWithin
        self.maximumHeadBytes = maximumHeadBytes
        self.proxy = proxy
    }
}
