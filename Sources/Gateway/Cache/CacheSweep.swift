internal import Logging
internal import Postgres

/// Lets go of kept answers that nobody is given any more although their own time is not over: of projects that are deleted or do not
/// cache now, and those that are older than what their project now says.
///
/// What the read model does not know, or while it is away, stays until its time is over.
struct CacheSweep: Sendable {
    let postgres: PostgresClient
    let logger: Logger

    /// How much of the table one sweep looks at: a large one in turns, without an index that each answer would have to pay for.
    private static let pages: Int64 = 8_192

    /// Sweeps every half a minute until cancelled.
    func run() async {
        var page: Int64 = 0
        while !Task.isCancelled {
            try? await Task.sleep(for: .seconds(30))
            do {
                page = try await sweep(from: page)
            } catch {
                if !Task.isCancelled { logger.warning("kept answers were not compared", metadata: ["error": "\(error)"]) }
            }
        }
    }

    /// - Returns: The page to go on from.
    private func sweep(from page: Int64) async throws -> Int64 {
        let rows = try await postgres.query(
            """
            WITH gone AS (
                DELETE FROM ledger.answers WHERE ctid = ANY (ARRAY(
                    SELECT a.ctid FROM ledger.answers AS a
                    JOIN organizations.projects AS p ON p.project = a.project
                    JOIN organizations.organizations AS o ON o.organization = p.organization
                    WHERE a.ctid >= format('(%s,0)', $1::bigint)::tid AND a.ctid < format('(%s,0)', $1::bigint + $2::bigint)::tid
                        AND (NOT p.caching OR p.status = 'deleted' OR o.status = 'deleted'
                            OR a.created_at < clock_timestamp() - p.cache_seconds * interval '1 second')
                    LIMIT 5000 FOR UPDATE OF a SKIP LOCKED)))
            SELECT pg_relation_size('ledger.answers') / current_setting('block_size')::bigint
            """, [.int8(page), .int8(Self.pages)], deadline: .seconds(30))
        let size = try rows.first?.decode(0, as: Int64.self) ?? 0
        return page + Self.pages < size ? page + Self.pages : 0
    }
}
