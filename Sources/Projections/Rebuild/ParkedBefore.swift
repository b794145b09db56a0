public import Postgres

extension ProjectionCatalogue {
    /// The projections that parked an event because they did not know it, and know it now: a rebuild applies it.
    public func parkedBefore(_ client: PostgresClient) async throws -> Set<String> {
        let rows = try await client.query(
            """
            SELECT DISTINCT p.schema_name, e.type, e.schema_version, e.stream_kind
            FROM projections.parked AS p JOIN ledger.events AS e ON e.position = p.position
            WHERE p.error LIKE '%[' || $1 || ']'
            """, [.text(BatchFailure.unknownState)])
        var names: Set<String> = []
        for row in rows {
            guard let definition = self[try row.decode(0)] else { continue }
            if definition.understands(try row.decode(1), schemaVersion: try row.decode(2), kind: try row.decode(3)) {
                names.insert(definition.name)
            }
        }
        return names
    }
}
