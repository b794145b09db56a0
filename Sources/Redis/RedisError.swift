/// Why a call to Redis, or a connection to it, failed.
public struct RedisError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What a caller may branch on.
    public enum Code: String, Sendable, Hashable {
        /// The URL or one of its settings can't be used.
        case invalidConfiguration
        /// The call can't be written down: no arguments, or more bytes than one call may have.
        case invalidCall
        /// There was no connection within the call's deadline; Redis has not seen the call.
        case notConnected
        /// The connection was lost before the answer came.
        case connectionLost
        /// The deadline passed before the answer came.
        case deadlineExceeded
        /// Redis answered with an error; ``RedisError/serverCode`` is its first word.
        case server
        /// Redis sent bytes that are no reply, a reply beyond the limits, or a reply that nobody asked for.
        case protocolViolation
        /// The connection was shut down.
        case closed
        /// Too many calls, or too many bytes of them, are waiting for an answer.
        case overloaded
    }

    /// The kind of failure.
    public let code: Code
    /// The code word of an error of the server, such as `NOSCRIPT`, `OOM`, `LOADING`, `READONLY` or `MOVED`.
    public let serverCode: String?
    /// What happened, in words; holds no argument of a call.
    public let message: String
    /// Whether the call may have taken effect although it failed.
    public let outcomeUnknown: Bool

    /// Makes an error; the message must hold no argument of a call.
    public init(_ code: Code, _ message: String, serverCode: String? = nil, outcomeUnknown: Bool = false) {
        self.code = code
        self.message = message
        self.serverCode = serverCode
        self.outcomeUnknown = outcomeUnknown
    }

    /// The code, the message, and whether the call may have taken effect.
    public var description: String {
        "redis \(code.rawValue): \(message)\(outcomeUnknown ? " (it may have taken effect)" : "")"
    }
}

extension RedisError {
    private static let longestMessage = 512

    /// The error reply of a server as an error: its code word and its text, cut to a bounded length.
    ///
    /// An answer to an unknown command quotes the call's arguments, which may be secret; they are cut off.
    init(serverReply text: String) {
        let quoted = text.firstRange(of: ", with args beginning with")?.lowerBound ?? text.endIndex
        let message = text[..<quoted].prefix(Self.longestMessage)
        let word = message.prefix { $0.isASCII && ($0.isUppercase || $0.isNumber || $0 == "_") }
        let isWord = !word.isEmpty && (word.endIndex == message.endIndex || message[word.endIndex] == " ")
        self.init(.server, String(message), serverCode: isWord ? String(word) : nil)
    }
}
