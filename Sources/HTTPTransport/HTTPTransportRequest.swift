/// One request to send.
public struct HTTPTransportRequest: Sendable {
    /// What follows the head of the request.
    public enum Body: Sendable {
        case none
        /// The whole body.
        case bytes([UInt8])
        /// A body that is made while it is sent. `next` is called for one chunk at a time, the next only when the connection
        /// took the one before, and answers nil at the end. It has exactly `length` bytes when that is given; nil sends
        /// chunks of unknown total.
        case stream(length: Int?, next: @Sendable () async throws -> [UInt8]?)
    }

    /// How long each phase may take.
    public struct Deadlines: Sendable, Hashable {
        /// From the call until a connection is ready: name lookup, connect, TLS, waiting for a free stream.
        public var connect: Duration
        /// From the last byte that was handed to the connection until the response head is complete.
        public var firstByte: Duration
        /// Between two reads of the response body; does not run while the reader itself is behind.
        public var idle: Duration
        /// From the call until the last byte of the response.
        public var total: Duration

        public init(
            connect: Duration = .seconds(5), firstByte: Duration = .seconds(60), idle: Duration = .seconds(60),
            total: Duration = .seconds(600)
        ) {
            self.connect = connect
            self.firstByte = firstByte
            self.idle = idle
            self.total = total
        }
    }

    public var method: String
    /// Absolute, `http` or `https`, ASCII, without user and password.
    public var url: String
    /// Sent as they stand, in this order. Names that frame the message (`host`, `content-length`, `transfer-encoding`,
    /// `connection`, `expect`, `upgrade`, `te`, `trailer`, `keep-alive`, `proxy-…`) are the transport's own and are refused.
    public var headers: [(String, String)]
    public var body: Body
    public var deadlines: Deadlines
    /// False refuses, when the socket is opened, every address that is not a public one; for URLs that customers choose.
    public var allowPrivateAddresses: Bool

    public init(
        method: String = "POST", url: String, headers: [(String, String)] = [], body: Body = .none,
        deadlines: Deadlines = Deadlines(), allowPrivateAddresses: Bool = true
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.deadlines = deadlines
        self.allowPrivateAddresses = allowPrivateAddresses
    }
}
