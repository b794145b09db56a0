internal import Postgres

/// The read models that this installation keeps, as health asks about them.
struct ReadModels: Sendable {
    let names: [String]

    /// Those that stand still, or lack what was recorded more than a minute ago: what is read of them is no longer so.
    ///
    /// As Postgres tells it, because a process that does not hold a projection knows nothing of it.
    func late(_ postgres: PostgresClient, deadline: Duration) async throws -> [String] {
        try await postgres.query(
            """
            SELECT c.name FROM projections.checkpoints AS c
            WHERE c.schema_name = ANY ($1) AND (
                c.halted OR (SELECT e.recorded_at FROM ledger.events AS e WHERE e.position = c.position + 1)
                    < clock_timestamp() - interval '1 minute')
            ORDER BY c.name
            """, [.textArray(names)], deadline: deadline
        ).map { try $0.decode(0) }
    }
}
