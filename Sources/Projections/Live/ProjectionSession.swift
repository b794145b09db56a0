internal import Logging
internal import Postgres

/// A connection in the projector's role, and the batches that are applied on it.
struct ProjectionSession: Sendable {
    let connection: PostgresConnection

    /// How long one batch may take; a rebuild's are large.
    private static let batchDeadline = Duration.seconds(600)

    static func open(_ configuration: PostgresConfiguration, logger: Logger) async throws -> ProjectionSession {
        var configuration = configuration
        configuration.settings["TimeZone"] = "UTC"
        configuration.settings["work_mem"] = "64MB"
        // A read model can be derived again, so its commits need not wait for the disk; the checkpoint is in the same commit.
        configuration.settings["synchronous_commit"] = "off"
        configuration.settings["jit"] = "off"
        let connection = try await PostgresConnection.connect(configuration, logger: logger)
        try await connection.script("SET ROLE llmgateway_projector")
        return ProjectionSession(connection: connection)
    }

    /// Takes the session's lock `name`, false when another session has it.
    func tryLock(_ name: String) async throws -> Bool {
        let rows = try await connection.query(
            "SELECT pg_try_advisory_lock(hashtextextended($1, 0))", [.text("llmgateway.\(name)")])
        return try rows.first?.decode(0, as: Bool.self) ?? false
    }

    /// The ledger's newest position.
    func head() async throws -> Int64 {
        let rows = try await connection.query("SELECT position FROM ledger.events ORDER BY position DESC LIMIT 1")
        return try rows.first?.decode(0, as: Int64.self) ?? 0
    }

    /// Applies one batch and moves the checkpoint, both or neither.
    func apply(
        _ schema: ProjectionSchema, after: Int64, upto: Int64, mirror: (any ProjectionMirror)? = nil
    ) async throws {
        do {
            guard let mirror else {
                try await connection.script(
                    schema.apply(after: after, upto: upto) + schema.finish(upto: upto), deadline: Self.batchDeadline)
                return
            }
            try await connection.script(schema.apply(after: after, upto: upto), deadline: Self.batchDeadline)
            try await mirror.apply(after: after, upto: upto, connection: connection)
            try await connection.script(schema.finish(upto: upto))
        } catch {
            // Nothing of the batch stands; a connection that is lost has rolled back by itself.
            try? await connection.script("ROLLBACK")
            throw error
        }
    }
}

extension PostgresError {
    /// The event itself can't be applied: a constraint, a cast or a value, or a version that is not known.
    var isPoison: Bool {
        guard code == .server, let sqlState else { return false }
        return ["21", "22", "23", "P0"].contains(String(sqlState.prefix(2))) || sqlState == "LG103"
    }
}
