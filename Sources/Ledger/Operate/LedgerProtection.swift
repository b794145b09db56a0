public import Postgres

/// Proves from the catalogue that the role that is logged in can't write events past `ledger.append`.
public struct LedgerProtection: Sendable {
    /// One way in which it could.
    public struct Finding: Sendable, Hashable, CustomStringConvertible {
        public let finding: String
        public let detail: String
        public var description: String { "\(finding): \(detail)" }
    }

    /// The findings; none is what start-up asks for.
    public static func findings(_ client: PostgresClient) async throws -> [Finding] {
        try await client.query("SELECT finding, detail FROM ledger.protection()").map { row in
            Finding(finding: try row.decode(0), detail: try row.decode(1, as: String?.self) ?? "")
        }
    }
}
