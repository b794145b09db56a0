import Logging
import Postgres

/// Connections in the projector's role, with every setting that could make two replays differ nailed down.
enum Session {
    static let role = "llmgateway_projector"
    /// After so long without a statement Postgres ends a session that is in a transaction: a process that is stopped, or a machine
    /// that is gone, must not keep a projection from the others. A mirror has to be done well before.
    static let idleInTransaction = Duration.seconds(10)

    /// - Parameters:
    ///   - purpose: Shown to administrators, for example `projection balances`.
    ///   - overrides: Settings in place of the usual ones.
    static func open(
        _ configuration: PostgresConfiguration, purpose: String, overrides: [String: String] = [:], logger: Logger
    ) async throws -> PostgresConnection {
        var configuration = configuration
        configuration.applicationName = "llmgateway \(purpose)"
        configuration.settings.merge(settings) { _, ours in ours }
        configuration.settings.merge(overrides) { _, given in given }
        let connection = try await PostgresConnection.connect(configuration, logger: logger)
        do {
            let rows = try await connection.query("SELECT current_user = $1, session_user::text", [.text(role)])
            if let row = rows.first, try !row.decode(0, as: Bool.self) {
                try await connection.script("SET ROLE \(role)")
            }
        } catch {
            await connection.close()
            throw error
        }
        return connection
    }

    private static let settings: [String: String] = [
        "TimeZone": "UTC",
        "DateStyle": "ISO, YMD",
        "IntervalStyle": "iso_8601",
        "extra_float_digits": "1",
        "bytea_output": "hex",
        "search_path": "pg_catalog",
        // Rows and checkpoint are lost together or not at all, and both can be made again: no need to wait for the disk.
        "synchronous_commit": "off",
        "jit": "off",
        // A cache of lateral joins that never hits, because no two events have the same bill.
        "enable_memoize": "off",
        "max_parallel_workers_per_gather": "0",
        "work_mem": "64MB",
        "maintenance_work_mem": "256MB",
        "idle_in_transaction_session_timeout": "\(idleInTransaction.components.seconds)s",
        "idle_session_timeout": "30s",
        "tcp_keepalives_idle": "1",
        "tcp_keepalives_interval": "1",
        "tcp_keepalives_count": "1",
        "client_min_messages": "warning",
    ]
}

extension PostgresConnection {
    /// Runs `body` in a transaction of this connection: committed when it returns, rolled back when it throws.
    func inTransaction<R: Sendable>(_ begin: String = "BEGIN", _ body: () async throws -> R) async throws -> R {
        try await script(begin)
        let result: R
        do {
            result = try await body()
        } catch {
            await rollback()
            throw error
        }
        try await script("COMMIT")
        return result
    }

    /// Ends the transaction. A connection on which even that fails is of no use any more.
    func rollback() async {
        guard isOpen else { return }
        do {
            try await script("ROLLBACK")
        } catch {
            await close()
        }
    }

    /// Makes a schema the only one that unqualified names are looked up in (besides Postgres's own).
    func useSchema(_ schema: String) async throws { try await useSchemas([schema]) }

    /// The same for several, the first one first.
    func useSchemas(_ schemas: [String]) async throws {
        try await script("SET search_path = \(schemas.map(ProjectionSchema.quoted).joined(separator: ", "))")
    }

    /// The plan of a statement, as JSON text; nothing is executed.
    func explain(_ statement: String) async throws -> String {
        let rows = try await query("EXPLAIN (VERBOSE, FORMAT JSON) \(statement)")
        return rows.map { row in
            row.withBytes(0) { bytes in bytes.map { String(decoding: $0, as: UTF8.self) } ?? "" }
        }.joined()
    }
}
