public import HTTPTypes

/// Which proxies are believed when they say whom a request came from.
public struct TrustedProxies: Sendable, Hashable {
    private let networks: [IPNetwork]

    public init(_ networks: [IPNetwork] = []) { self.networks = networks }

    /// Reads a comma-separated list of networks; nil when one of them is malformed.
    public init?(list: String) {
        var networks: [IPNetwork] = []
        for text in list.split(whereSeparator: { $0 == "," || $0 == " " }) {
            guard let network = IPNetwork(String(text)) else { return nil }
            networks.append(network)
        }
        self.networks = networks
    }

    /// The client's address.
    ///
    /// `X-Forwarded-For` is read from the right, and only as far as each proxy that wrote an entry is trusted: what stands
    /// further left is the client's own invention. An entry that is no address ends the walk at the proxy that sent it.
    ///
    /// - Parameter peer: The other end of the connection; nil on a unix socket, which only a local proxy can reach.
    public func client(peer: String?, headers: HTTPFields) -> String? {
        // Most have no proxy, and every request comes here.
        guard !networks.isEmpty, let name = HTTPField.Name("x-forwarded-for") else { return peer }
        var client = peer
        for entry in headers[values: name].joined(separator: ",").split(separator: ",").reversed() {
            if let client {
                guard let address = IPAddress(client), networks.contains(where: { $0.contains(address) }) else { return client }
            }
            let text = entry.drop { $0 == " " }
            let trimmed = String(text.prefix { $0 != " " })
            guard IPAddress(trimmed) != nil else { return client }
            client = trimmed
        }
        return client
    }
}
