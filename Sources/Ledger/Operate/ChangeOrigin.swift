public import Postgres

import class FoundationEssentials.JSONEncoder

/// From where a person made a change. It says something about the person, so it lies beside the ledger and is forgotten with
/// them.
public struct ChangeOrigin: Sendable, Hashable {
    private static let longestUserAgent = 500

    /// The client's IP address.
    public let address: String?
    public let userAgent: String?

    public init(address: String?, userAgent: String?) {
        self.address = address
        self.userAgent = userAgent.map { String($0.prefix(Self.longestUserAgent)) }
    }

    private enum CodingKeys: String, CodingKey {
        case address
        case userAgent = "user_agent"
    }

    /// Keeps it under each of the events of a change. Repeating it changes nothing.
    ///
    /// - Throws: `PostgresError`.
    public func keep(under events: [EventID], client: PostgresClient) async throws {
        guard address != nil || userAgent != nil, !events.isEmpty else { return }
        let body = Array(try JSONEncoder().encode(self))
        _ = try await client.query(
            "SELECT ledger.put_annotations($1, $2, $3)",
            [.uuidArray(events.map(\.uuid)), .textArray(events.map { _ in "client" }), .jsonbArray(events.map { _ in body })])
    }
}

extension ChangeOrigin: Encodable {
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encodeIfPresent(address, forKey: .address)
        try container.encodeIfPresent(userAgent, forKey: .userAgent)
    }
}
