public import Postgres

/// Keeps bodies (prompt, completion, raw webhook) beside the ledger, for as long as retention lets them be.
public struct PayloadStore: Sendable {
    public init(_ client: PostgresClient) { preconditionFailure("not built yet") }

    /// The keyed digest of a body, which goes into the event, and the random key, which lies beside the body.
    public struct Sealed: Sendable {
        /// HMAC-SHA256 of the body, 32 bytes.
        public let digest: [UInt8]
        let key: [UInt8]
    }

    /// Draws a key and computes the digest; nothing is stored yet.
    public static func seal(_ body: [UInt8]) -> Sealed { preconditionFailure("not built yet") }

    /// Stores a body. Repeating it changes nothing.
    public func put(request: RequestID, kind: String, body: [UInt8], sealed: Sealed) async throws {
        preconditionFailure("not built yet")
    }
}
