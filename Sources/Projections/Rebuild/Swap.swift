import Postgres

/// Exchanges schemas by renaming them. Runs inside a transaction that holds the live checkpoint.
///
/// A reader sees the old tables or the new ones, never none: the rename is two rows of the catalogue, and who has begun to read
/// the old tables goes on with them.
enum Swap {
    /// NAME becomes NAME__previous, NAME__rebuild becomes NAME. There must be no NAME__previous.
    static func promote(_ name: String, hasLive: Bool, _ connection: PostgresConnection) async throws {
        let (live, rebuild, previous) = schemas(name)
        if hasLive { try await rename(live, to: previous, connection) }
        try await rename(rebuild, to: live, connection)
    }

    /// NAME and NAME__previous change places.
    static func exchange(_ name: String, _ connection: PostgresConnection) async throws {
        let (live, _, previous) = schemas(name)
        let aside = "\(name)__aside"
        try await rename(live, to: aside, connection)
        try await rename(previous, to: live, connection)
        try await rename(aside, to: previous, connection)
    }

    private static func schemas(_ name: String) -> (live: String, rebuild: String, previous: String) {
        (ProjectionSchema.live(name), ProjectionSchema.rebuild(name), ProjectionSchema.previous(name))
    }

    private static func rename(_ from: String, to: String, _ connection: PostgresConnection) async throws {
        try await connection.script(
            "ALTER SCHEMA \(ProjectionSchema.quoted(from)) RENAME TO \(ProjectionSchema.quoted(to))")
        try await connection.query(
            "UPDATE projections.parked SET schema_name = $2 WHERE schema_name = $1", [.text(from), .text(to)])
    }

    /// Gives the checkpoint of `to` the values of `from`'s. The row of `to` keeps its identity, because a projector may be waiting
    /// for its lock.
    static func copyCheckpoint(from: String, to: String, _ connection: PostgresConnection) async throws {
        try await connection.query(
            """
            INSERT INTO projections.checkpoints AS t (
                schema_name, name, version, source, position, hash, indexed, halted, halted_position, error, updated_at
            )
            SELECT $2, name, version, source, position, hash, indexed, halted, halted_position, error, now()
            FROM projections.checkpoints
            WHERE schema_name = $1
            ON CONFLICT (schema_name) DO UPDATE SET
                version = excluded.version, source = excluded.source, position = excluded.position, hash = excluded.hash,
                indexed = excluded.indexed, halted = excluded.halted, halted_position = excluded.halted_position,
                error = excluded.error, updated_at = excluded.updated_at
            """, [.text(from), .text(to)])
    }
}
