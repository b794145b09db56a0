public import Postgres

extension EpochStarter {
    /// Whether the tables of admission were exchanged and no epoch has begun since: whoever exchanged them died or failed before
    /// it began one, and Redis is trusted with what the tables of before said.
    ///
    /// The tables that are in use don't tell, because their row is of their last event. That of the ones before is of the moment
    /// at which they were put aside.
    public static func isOwed(in postgres: PostgresClient) async throws -> Bool {
        let rows = try await postgres.query(
            """
            SELECT EXISTS (
                SELECT FROM projections.checkpoints AS c
                WHERE c.schema_name = 'admission__previous' AND c.updated_at > (
                    SELECT e.recorded_at FROM ledger.epochs AS s JOIN ledger.events AS e ON e.position = s.epoch
                    WHERE s.organization = '00000000-0000-0000-0000-000000000000'))
            """, deadline: .seconds(10))
        return try rows[0].decode(0)
    }
}
