import Ledger
public import Postgres

extension ProjectionStatus {
    /// All projections that the database knows, in the order of their schemas.
    ///
    /// - Parameter catalogue: Tells which versions are outdated; nil knows of none.
    public static func all(catalogue: ProjectionCatalogue? = nil, client: PostgresClient) async throws -> [ProjectionStatus] {
        let rows = try await client.query(
            """
            SELECT
                \(Checkpoint.columns),
                \(ProjectionLock.isHeld(ProjectionLock.live)),
                \(ProjectionLock.isHeld(ProjectionLock.rebuild)),
                (SELECT e.recorded_at FROM ledger.events AS e WHERE e.position = c.position),
                (SELECT count(*) FROM projections.parked AS p WHERE p.schema_name = c.schema_name)
            FROM projections.checkpoints AS c
            ORDER BY c.schema_name
            """, deadline: .seconds(10))
        let all = try rows.map { (row: $0, checkpoint: try Checkpoint($0)) }
        return try all.compactMap { row, checkpoint in
            if ProjectionSchema.parts(checkpoint.name).contains(checkpoint.schema) { return nil }
            var checkpoint = checkpoint
            if checkpoint.schema == ProjectionSchema.rebuild(checkpoint.name) {
                // While it is built in parts, the new tables are as far as the part that is behind.
                let parts = ProjectionSchema.parts(checkpoint.name)
                let positions = all.filter { parts.contains($0.checkpoint.schema) }.map(\.checkpoint.position)
                checkpoint.position = positions.min() ?? checkpoint.position
            }
            let recorded: PostgresTimestamp? = try row.decode(13)
            return ProjectionStatus(
                name: checkpoint.name, schema: checkpoint.schema, version: checkpoint.version,
                state: try state(
                    of: checkpoint, definition: catalogue?[checkpoint.name], isHeld: row.decode(11), isRebuilt: row.decode(12)),
                position: checkpoint.position, head: checkpoint.head,
                asOf: recorded.map { Timestamp(microseconds: $0.microseconds) },
                haltedAt: checkpoint.haltedPosition, error: checkpoint.error, parked: try row.decode(14))
        }
    }

    private static func state(
        of checkpoint: Checkpoint, definition: ProjectionDefinition?, isHeld: Bool, isRebuilt: Bool
    ) -> State {
        switch checkpoint.schema {
        case ProjectionSchema.previous(checkpoint.name): return .previous
        case ProjectionSchema.replay(checkpoint.name): return .replay
        case ProjectionSchema.rebuild(checkpoint.name): return isRebuilt ? .rebuilding : .interrupted
        default: break
        }
        if checkpoint.halted { return .halted }
        if let definition, !checkpoint.isMade(by: definition) { return .outdated }
        return isHeld ? .live : .stopped
    }
}
