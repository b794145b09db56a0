public import Logging
public import Postgres

extension Projector {
    /// Opens a session as projectors do, and looks whether it may make schemas, which only a rebuild and a new projection need: that it
    /// may not is otherwise noticed in the next upgrade.
    ///
    /// - Parameter configuration: a role that is, or may become, `llmgateway_projector`.
    /// - Throws: What the database threw.
    public static func mayRebuild(configuration: PostgresConfiguration, logger: Logger) async throws -> Bool {
        try await Session.open(configuration, purpose: "check", logger: logger).use { connection in
            let rows = try await connection.query("SELECT has_database_privilege(current_database(), 'CREATE')")
            return try rows[0].decode(0, as: Bool.self)
        }
    }
}
