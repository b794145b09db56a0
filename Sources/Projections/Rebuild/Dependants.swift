import Postgres

/// What lies outside a projection's schema and depends on what is in it: it would stay with the old tables at a swap.
enum Dependants {
    /// Their names, in order.
    static func of(schema: String, _ connection: PostgresConnection) async throws -> [String] {
        let rows = try await connection.query(
            """
            WITH own AS (
                SELECT 'pg_class'::regclass AS catalogue, c.oid FROM pg_catalog.pg_class AS c
                WHERE c.relnamespace = (SELECT n.oid FROM pg_catalog.pg_namespace AS n WHERE n.nspname = $1)
                UNION ALL
                SELECT 'pg_type'::regclass, t.oid FROM pg_catalog.pg_type AS t
                WHERE t.typnamespace = (SELECT n.oid FROM pg_catalog.pg_namespace AS n WHERE n.nspname = $1)
            ),
            dependants AS (
                SELECT
                    coalesce(r.ev_class::regclass::oid, k.conrelid, d.objid) AS id,
                    CASE WHEN r.oid IS NOT NULL OR k.oid IS NOT NULL THEN 'pg_class'::regclass ELSE d.classid END AS catalogue,
                    CASE WHEN r.oid IS NOT NULL OR k.oid IS NOT NULL THEN 0 ELSE d.objsubid END AS part
                FROM pg_catalog.pg_depend AS d
                JOIN own AS o ON o.catalogue = d.refclassid AND o.oid = d.refobjid
                LEFT JOIN pg_catalog.pg_rewrite AS r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
                LEFT JOIN pg_catalog.pg_constraint AS k
                    ON d.classid = 'pg_constraint'::regclass AND k.oid = d.objid AND k.conrelid <> 0
                WHERE d.deptype IN ('n', 'a')
            )
            SELECT DISTINCT i.type || ' ' || i.identity COLLATE "C"
            FROM dependants AS d, LATERAL pg_identify_object(d.catalogue, d.id, d.part) AS i
            WHERE i.schema IS NOT NULL AND i.schema NOT IN ($1, 'pg_toast')
            ORDER BY 1
            """, [.text(schema)])
        return try rows.map { try $0.decode(0) }
    }

    /// - Throws: ``ProjectionError/Code/dependants`` naming them, when there are any.
    static func refuse(schema: String, _ connection: PostgresConnection) async throws {
        let found = try await of(schema: schema, connection)
        guard found.isEmpty else {
            throw ProjectionError(
                .dependants,
                "nothing outside the schema \(schema) may depend on it; drop or move: \(found.joined(separator: ", "))")
        }
    }
}
