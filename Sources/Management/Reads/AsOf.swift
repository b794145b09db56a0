internal import Ledger
internal import Postgres
internal import Web

extension Management {
    /// When the last event was recorded that all of these read models have: what an answer of theirs says of later is nothing. Null
    /// before their first.
    ///
    /// To be asked before they are read: what they say then is at least as new.
    func asOf(_ models: String...) async throws(WebError) -> WebValue {
        let times = try await rows(
            """
            SELECT e.recorded_at FROM ledger.events AS e
            WHERE e.position = (
                SELECT min(q.position) FROM projections.checkpoints AS q WHERE q.schema_name = ANY ($1::text[])
                HAVING count(*) = cardinality($1::text[]))
            """, [.textArray(models)]
        ) { row in
            Timestamp(microseconds: try row.decode(0, as: PostgresTimestamp.self).microseconds)
        }
        return .time(times.first)
    }
}
