public import Ledger
public import Postgres
internal import Projections

import struct FoundationEssentials.UUID

/// The books as an auditor reads them: balances of any moment, statements, postings, and proofs. It writes nothing.
public struct Finance: Sendable {
    let postgres: PostgresClient

    public init(postgres: PostgresClient) { self.postgres = postgres }

    func rows<R: Sendable>(
        _ sql: String, _ values: [PostgresValue] = [], deadline: Duration = .seconds(60), _ decode: (PostgresRow) throws -> R
    ) async throws(FinanceError) -> [R] {
        do {
            return try await postgres.query(sql, values, deadline: deadline).map(decode)
        } catch {
            throw FinanceError(.unavailable, "The books could not be read: \(error)")
        }
    }

    /// The position of the newest event that was recorded at or before a moment; 0 when there was none.
    ///
    /// Events are recorded in the order of their positions, so the moment is found by halving: about 24 looks in a ledger of
    /// ten million events.
    public func position(at time: Timestamp) async throws(FinanceError) -> Int64 {
        try await rows(
            """
            WITH RECURSIVE search (low, high) AS (
                SELECT 0::bigint, coalesce((SELECT max(position) FROM ledger.events), 0)
                UNION ALL
                SELECT
                    CASE WHEN e.recorded_at <= $1 THEN s.middle ELSE s.low END,
                    CASE WHEN e.recorded_at <= $1 THEN s.high ELSE s.middle - 1 END
                FROM (SELECT low, high, (low + high + 1) / 2 AS middle FROM search WHERE low < high) AS s
                JOIN ledger.events AS e ON e.position = s.middle
            )
            SELECT low FROM search WHERE low >= high
            """, [.timestamptz(time.microseconds)]
        ) { try $0.decode(0, as: Int64.self) }.first ?? 0
    }

    /// The newest position.
    public func head() async throws(FinanceError) -> Int64 {
        try await rows("SELECT coalesce(max(position), 0) FROM ledger.events") { try $0.decode(0, as: Int64.self) }.first ?? 0
    }

    /// Waits until a read model has everything up to a position.
    ///
    /// - Throws: `unavailable` when it has not within the patience, for example because nothing runs that projects.
    public func wait(for projection: String, upTo position: Int64, patience: Duration = .seconds(10)) async throws(FinanceError) {
        let isThere: Bool
        do {
            isThere = try await waitUntil(
                projection: projection, position: position, deadline: patience, client: postgres)
        } catch {
            throw FinanceError(.unavailable, "The read model \(projection) could not be read: \(error)")
        }
        guard isThere else {
            throw FinanceError(.unavailable, "The read model \(projection) is behind position \(position); try again shortly.")
        }
    }
}
