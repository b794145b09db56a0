public import Logging
public import Postgres

public import struct FoundationEssentials.UUID

/// Brings a database to the newest schema, and creates its ledger when it has none.
public struct Migrator: Sendable {
    /// What a run did.
    public struct Report: Sendable, Hashable {
        /// The files that were run now, in order.
        public let applied: [String]
        /// The ledger of the database.
        public let ledger: UUID
    }

    /// - Parameters:
    ///   - schemaFolder: the folder of numbered `.sql` files.
    ///   - configuration: a superuser, or a member of the owner that may create roles.
    public init(schemaFolder: String, configuration: PostgresConfiguration, logger: Logger) {}

    /// Runs what is missing, each file in one transaction. Concurrent runs wait for one another.
    public func run() async throws -> Report { preconditionFailure("not built yet") }
}
