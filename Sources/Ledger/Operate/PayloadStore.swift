import Crypto
public import Postgres

/// Keeps bodies (prompt, completion, raw webhook) beside the ledger, for as long as retention lets them be.
public struct PayloadStore: Sendable {
    private let client: PostgresClient

    public init(_ client: PostgresClient) { self.client = client }

    /// The keyed digest of a body, which goes into the event, and the random key, which lies beside the body: without the key
    /// nobody can tell from the digest whether a guess of the body is right.
    public struct Sealed: Sendable {
        /// HMAC-SHA256 of the body, 32 bytes.
        public let digest: [UInt8]
        /// The digest as it stands in an event: 64 lower-case hexadecimal digits.
        public var digestText: String { Hexadecimal.encode(digest) }
        let key: [UInt8]
    }

    /// Draws a key and computes the digest; nothing is stored yet.
    public static func seal(_ body: [UInt8]) -> Sealed {
        let key = SymmetricKey(size: .bits256)
        return Sealed(
            digest: Array(HMAC<SHA256>.authenticationCode(for: body, using: key)), key: key.withUnsafeBytes { Array($0) })
    }

    /// Whether a body is the one of a digest.
    public static func matches(_ body: [UInt8], digest: [UInt8], key: [UInt8]) -> Bool {
        HMAC<SHA256>.isValidAuthenticationCode(digest, authenticating: body, using: SymmetricKey(data: key))
    }

    /// Stores a body. Repeating it changes nothing.
    /// - Throws: `PostgresError`.
    public func put(request: RequestID, kind: String, body: [UInt8], sealed: Sealed) async throws {
        _ = try await client.query(
            "SELECT ledger.put_payload($1, $2, $3, $4)",
            [.uuid(request.uuid), .text(kind), .bytea(sealed.key), .bytea(body)])
    }

    /// A body and its key, or nil when there is none or it was forgotten.
    public func get(request: RequestID, kind: String) async throws -> (body: [UInt8], key: [UInt8])? {
        let rows = try await client.query(
            "SELECT body, key FROM ledger.payloads WHERE request = $1 AND kind = $2", [.uuid(request.uuid), .text(kind)])
        guard let row = rows.first else { return nil }
        return (try row.decode(0), try row.decode(1))
    }

    /// Those bodies of a request that there are of these kinds, by kind, looked for at once.
    public func bodies(of request: RequestID, kinds: [String]) async throws -> [String: [UInt8]] {
        let rows = try await client.query(
            "SELECT kind, body FROM ledger.payloads WHERE request = $1 AND kind = ANY ($2)",
            [.uuid(request.uuid), .textArray(kinds)])
        var bodies: [String: [UInt8]] = [:]
        for row in rows {
            let kind: String = try row.decode(0)
            let body: [UInt8] = try row.decode(1)
            bodies[kind] = body
        }
        return bodies
    }
}
