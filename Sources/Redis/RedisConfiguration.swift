import FoundationEssentials

/// Where Redis is and how a connection to it behaves.
public struct RedisConfiguration: Sendable, CustomStringConvertible {
    /// The end to which a connection goes.
    enum Address: Sendable, Hashable {
        case tcp(host: String, port: Int)
        case unix(path: String)
    }

    let address: Address
    let user: String?
    let password: String?
    /// The number of the database that SELECT chooses.
    public let database: Int
    /// Whether the connection is encrypted and the server's certificate and name are verified.
    public let usesTLS: Bool

    /// A PEM file of the authorities that may sign the server's certificate; nil is the system's.
    public var certificateAuthorityFile: String?
    /// What `CLIENT LIST` shows; neither spaces nor line breaks.
    public var clientName = "llmgateway"
    /// The longest that a TCP connection may take, the look-up of the name included.
    public var connectDeadline: Duration = .seconds(2)
    /// The longest that TLS, AUTH, SELECT and `onConnect` may take together.
    public var setupDeadline: Duration = .seconds(5)
    /// How long Redis may say nothing, while a call is past its deadline, before the connection is given up.
    public var silenceLimit: Duration = .seconds(3)
    /// The pause before the first new attempt after a loss; it doubles with every attempt.
    public var reconnectDelay: Duration = .milliseconds(50)
    /// The longest pause between two attempts.
    public var maximumReconnectDelay: Duration = .seconds(2)
    /// How many calls of one connection may wait for an answer; more are refused as `overloaded`.
    public var maximumOutstanding = 16_384
    /// How many bytes of arguments may wait for an answer on one connection.
    public var maximumOutstandingBytes = 64 << 20
    /// The most bytes of arguments of one call.
    public var maximumCallBytes = 32 << 20
    /// The most bytes of one reply; a longer one closes the connection.
    public var maximumReplyBytes = 64 << 20
    /// The most values in one reply, nested ones included.
    public var maximumReplyValues = 1 << 20

    /// Reads a URL: `redis://[user:password@]host[:port][/database]`, the same with `rediss` for TLS, or
    /// `unix://[user:password@]/path/of/socket[?db=N]`.
    ///
    /// Settings in the query: `db` (database), `clientname`, and `cacert` (``certificateAuthorityFile``, `rediss` only).
    /// - Throws: ``RedisError`` with `invalidConfiguration`, which never quotes the URL.
    public init(url: String) throws(RedisError) {
        guard let parts = URLComponents(string: url), let scheme = parts.scheme?.lowercased() else {
            throw RedisError(.invalidConfiguration, "the URL of Redis can't be read")
        }
        var database: String?
        switch scheme {
        case "redis", "rediss":
            var host = parts.host ?? ""
            if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
            guard !host.isEmpty else { throw RedisError(.invalidConfiguration, "the URL of Redis names no host") }
            let port = parts.port ?? 6379
            guard (1...65_535).contains(port) else {
                throw RedisError(.invalidConfiguration, "the port in the URL of Redis is not within 1...65535")
            }
            self.address = .tcp(host: host, port: port)
            if parts.path.count > 1 { database = String(parts.path.dropFirst()) }
        case "unix":
            guard parts.host ?? "" == "", parts.path.count > 1 else {
                throw RedisError(.invalidConfiguration, "a unix URL of Redis is unix:///path/of/socket")
            }
            guard parts.path.utf8.count < Self.longestSocketPath else {
                throw RedisError(.invalidConfiguration, "the path of Redis's socket is longer than the system permits")
            }
            self.address = .unix(path: parts.path)
        default:
            throw RedisError(.invalidConfiguration, "the URL of Redis must begin with redis, rediss or unix")
        }
        self.usesTLS = scheme == "rediss"
        self.user = parts.user.flatMap { $0.isEmpty ? nil : $0 }
        self.password = parts.password.flatMap { $0.isEmpty ? nil : $0 }
        guard user == nil || password != nil else {
            throw RedisError(.invalidConfiguration, "the URL of Redis has a user without a password")
        }
        for item in parts.queryItems ?? [] {
            switch (item.name, item.value) {
            case ("db", let value?): database = value
            case ("clientname", let value?) where !value.isEmpty && value.utf8.allSatisfy { (33...126).contains($0) }:
                clientName = value
            case ("cacert", let value?) where usesTLS && !value.isEmpty: certificateAuthorityFile = value
            default:
                throw RedisError(
                    .invalidConfiguration, "the setting \(item.name) in the URL of Redis is unknown or has no usable value")
            }
        }
        guard let number = Int(database ?? "0"), number >= 0 else {
            throw RedisError(.invalidConfiguration, "the database in the URL of Redis is not a number")
        }
        self.database = number
    }

    /// The room of `sockaddr_un.sun_path` on Linux.
    private static let longestSocketPath = 108

    /// The server and the database, without user and password.
    public var description: String {
        switch address {
        case .tcp(let host, let port):
            "\(usesTLS ? "rediss" : "redis")://\(host.contains(":") ? "[\(host)]" : host):\(port)/\(database)"
        case .unix(let path): "unix://\(path)?db=\(database)"
        }
    }
}
