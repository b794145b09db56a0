import Postgres

/// What lacks a schema, table or function of the ledger's, with what to do about it.
enum Unmigrated {
    /// Undefined schema and table (https://www.postgresql.org/docs/15/errcodes-appendix.html).
    private static let states: Set<String> = ["3F000", "42P01"]
    private static let undefinedFunction = "42883"

    static let noLedger = SettingsError(message: "The database holds no ledger yet: run `llmgateway migrate` first.")

    /// - Throws: What `body` throws, or a `SettingsError` in place of an error of the database that a migration mends.
    static func explained<R: Sendable>(_ body: () async throws -> R) async throws -> R {
        do {
            return try await body()
        } catch let error as PostgresError where isMendable(error) {
            throw SettingsError(
                message: "The database is not of this version (\(error.message)): run `llmgateway migrate` first.")
        }
    }

    /// Looks once: whoever finds a table missing later may tell it in words of its own, without the server's error.
    ///
    /// - Throws: A `SettingsError` where the database holds no ledger, and what the database throws.
    static func check(_ postgres: PostgresClient) async throws {
        let rows = try await postgres.query("SELECT to_regclass('ledger.events') IS NULL")
        if try rows[0].decode(0, as: Bool.self) { throw noLedger }
    }

    private static func isMendable(_ error: PostgresError) -> Bool {
        guard error.code == .server, let state = error.sqlState else { return false }
        // Other functions, and operators, are Postgres's own: no migration makes them.
        return states.contains(state) || state == undefinedFunction && error.message.contains("ledger.")
    }
}
