import Postgres

/// Who may apply to a projection's live tables, and who may rebuild it: an advisory lock of a session, so that it ends with the
/// process that holds it.
enum ProjectionLock {
    /// 'PROJ', 'PRBL' and 'PRPL' in ASCII: the first half of the key; the second is the hash of the name.
    static let live: Int32 = 0x5052_4F4A
    static let rebuild: Int32 = 0x5052_424C
    static let replay: Int32 = 0x5052_504C

    /// Takes the lock if nobody holds it.
    static func take(_ kind: Int32, _ name: String, _ connection: PostgresConnection) async throws(PostgresError) -> Bool {
        let rows = try await connection.query("SELECT pg_try_advisory_lock($1, hashtext($2))", [.int4(kind), .text(name)])
        return try rows.first?.decode(0) ?? false
    }

    static func release(_ kind: Int32, _ name: String, _ connection: PostgresConnection) async throws(PostgresError) {
        try await connection.query("SELECT pg_advisory_unlock($1, hashtext($2))", [.int4(kind), .text(name)])
    }

    /// A condition over a row `c` of the checkpoints: somebody holds the lock.
    static func isHeld(_ kind: Int32) -> String {
        """
        EXISTS (
            SELECT FROM pg_catalog.pg_locks AS l
            WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 AND l.classid = \(kind)
                AND l.objid = (hashtext(c.name)::bigint & 4294967295)::oid
                AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = current_database())
        )
        """
    }
}
