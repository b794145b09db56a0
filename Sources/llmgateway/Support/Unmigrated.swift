import Postgres

/// What lacks a schema, table or function of the ledger's, with what to do about it.
enum Unmigrated {
    /// Undefined schema, table and function (https://www.postgresql.org/docs/15/errcodes-appendix.html).
    private static let states: Set<String> = ["3F000", "42P01", "42883"]

    /// - Throws: What `body` throws, or a `SettingsError` in place of an error of the database that a migration mends.
    static func explained<R: Sendable>(_ body: () async throws -> R) async throws -> R {
        do {
            return try await body()
        } catch let error as PostgresError where error.code == .server && states.contains(error.sqlState ?? "") {
            throw SettingsError(
                message: "The database is not of this version (\(error.message)): run `llmgateway migrate` first.")
        }
    }
}
