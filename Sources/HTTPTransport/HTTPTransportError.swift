/// Why a transfer did not come to its end.
public struct HTTPTransportError: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Code: String, Sendable, Hashable, CaseIterable {
        /// No connection could be made: refused, unreachable, or ended before the TLS handshake.
        case connectFailed
        /// The host's name has no address.
        case resolveFailed
        /// The TLS handshake failed, or the server's certificate is not trusted or is for another name.
        case tlsFailed
        /// Name lookup, connect and TLS together took longer than `Deadlines.connect`.
        case connectDeadline
        /// The request was sent and no response head came within `Deadlines.firstByte`.
        case firstByteDeadline
        /// The body stood still for longer than `Deadlines.idle`.
        case idleDeadline
        /// The whole exchange took longer than `Deadlines.total`.
        case totalDeadline
        /// The connection or the stream was lost before the response head was complete.
        case reset
        /// The connection or the stream was lost after the response head and before the end of the body.
        case truncated
        /// The server's bytes are not HTTP.
        case protocolError
        /// The response head, or a body that was collected, is larger than allowed.
        case tooLarge
        /// The caller had no room for the body that it collected.
        case noRoom
        /// The caller's task was cancelled, ``HTTPTransportResponse/cancel()`` was called, or the request body's producer threw.
        case cancelled
        /// The request was malformed; see the message.
        case invalidRequest
        /// Every address of the host is one that `allowPrivateAddresses: false` refuses.
        case addressRefused
        /// The transport is shut down or could not start.
        case shutDown
    }

    public let code: Code
    /// What happened, for a log; holds no header, no body and no path.
    public let message: String
    /// False only when no byte of the request can have reached the server, so that sending it elsewhere can't do it twice.
    public let sentRequest: Bool

    public init(_ code: Code, _ message: String, sentRequest: Bool = false) {
        self.code = code
        self.message = message
        self.sentRequest = sentRequest
    }

    public var description: String { "\(code.rawValue): \(message)\(sentRequest ? " (request was sent)" : "")" }
}
