internal import Ledger
public import Postgres

extension ProjectionStatus {
    /// All projections that the database knows, in the order of their schemas.
    ///
    /// - Parameter catalogue: Tells which versions are outdated; nil knows of none.
    public static func all(catalogue: ProjectionCatalogue? = nil, client: PostgresClient) async throws -> [ProjectionStatus] {
        let rows = try await client.query(
            """
            SELECT c.schema_name, c.name, c.version, c.position, c.halted_at, c.error,
                (SELECT e.position FROM ledger.events AS e ORDER BY e.position DESC LIMIT 1) AS head,
                (SELECT e.recorded_at FROM ledger.events AS e WHERE e.position = c.position) AS as_of,
                (SELECT count(*) FROM projections.parked AS p WHERE p.name = c.name) AS parked,
                EXISTS (
                    SELECT FROM pg_locks AS l
                    WHERE l.locktype = 'advisory' AND l.granted
                        AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
                        AND (l.classid::bigint << 32) | l.objid::bigint
                            = hashtextextended('llmgateway.projection.' || c.name, 0)) AS held
            FROM projections.checkpoints AS c
            ORDER BY c.schema_name
            """)
        return try rows.map { row in
            let schema = try row.decode("schema_name", as: String.self)
            let name = try row.decode("name", as: String.self)
            let version = try row.decode("version", as: Int32.self)
            let error = try row.decode("error", as: String?.self)
            let isOutdated = catalogue?[name].map { $0.version != version } ?? false
            let state: State =
                if schema.hasSuffix("__rebuild") {
                    .rebuilding
                } else if schema.hasSuffix("__previous") {
                    .previous
                } else if error != nil {
                    .halted
                } else if isOutdated {
                    .outdated
                } else {
                    try row.decode("held", as: Bool.self) ? .live : .stopped
                }
            let asOf = try row.decode("as_of", as: PostgresTimestamp?.self)
            return ProjectionStatus(
                name: name, schema: schema, version: version, state: state, position: try row.decode("position"),
                head: try row.decode("head", as: Int64?.self) ?? 0, asOf: asOf.map { Timestamp(microseconds: $0.microseconds) },
                haltedAt: try row.decode("halted_at"), error: error, parked: try row.decode("parked"))
        }
    }
}
