internal import Ledger
internal import Money
internal import Postgres
internal import Web

import struct FoundationEssentials.UUID

/// Which requests are asked for.
struct LogFilter: Sendable {
    /// Whose requests: one of the caller's organizations each, or one key's.
    enum Scope: Sendable {
        case organizations([OrganizationID])
        case keys([APIKeyID])
    }

    var scope: Scope
    var from: Timestamp?
    var to: Timestamp?
    var finishReason: String?
    var unifiedFinishReason: String?
    var provider: String?
    var model: String?
    var source: String?
    var providerKey: ProviderKeyID?
    /// A header of the application's own, without its prefix, and the value that it must have if any.
    var header: (name: String, value: String?)?
    var isAscending = false
    /// The last row of the page before.
    var cursor: LogCursor?
    var limit: Int64 = 50
}

/// A page of requests.
struct LogPage: Sendable {
    var logs: [LogRecord]
    /// Where the next page begins; nil after the last.
    var next: LogCursor?
}

extension Management {
    /// How many rows one page looks at for those that the filters want. What is rarer than that is on a later page: so no page
    /// costs more, however many requests there are.
    private static let window: Int64 = 2_000
    /// Headers lie beside the ledger: a row costs more to look at.
    private static let headerWindow: Int64 = 500

    func logs(_ filter: LogFilter) async throws(WebError) -> LogPage {
        let (column, ids): (String, [UUID]) =
            switch filter.scope {
            case .organizations(let organizations): ("organization", organizations.map(\.uuid))
            case .keys(let keys): ("api_key", keys.map(\.uuid))
            }
        let (order, after) = filter.isAscending ? ("ASC", ">") : ("DESC", "<")
        let window = Self.window(filter)
        // Each organization, or key, is read in the order of its own index; the merge is of pages, not of everything. Of the rows
        // that are looked at only those leave the database that are wanted, and the last one, where the next page begins.
        let found = try await rows(
            """
            SELECT r.is_wanted, r.nth, \(LogRecord.columns)
            FROM (
                SELECT
                    l.*, row_number() OVER looked AS nth, count(*) FILTER (WHERE l.is_wanted) OVER looked AS wanted
                FROM (
                    SELECT
                        r.*,
                        (($6::text IS NULL OR r.finish_reason = $6) AND ($7::text IS NULL OR r.unified_finish_reason = $7)
                            AND ($8::text IS NULL OR r.provider = $8) AND ($9::text IS NULL OR r.model = $9)
                            AND ($10::text IS NULL OR r.source = $10) AND ($12::uuid IS NULL OR r.provider_key = $12)
                            AND ($13::text IS NULL OR EXISTS (
                                SELECT FROM \(Self.annotationOfRow)
                                    AND a.body -> 'headers' ->> $13 = coalesce($14, a.body -> 'headers' ->> $13)))) IS TRUE
                            AS is_wanted
                    FROM unnest($1::uuid[]) AS s (id), LATERAL (
                        SELECT * FROM requests.requests AS q
                        WHERE q.\(column) = s.id AND ($2::timestamptz IS NULL OR q.created_at >= $2)
                            AND ($3::timestamptz IS NULL OR q.created_at < $3)
                            AND ($4::timestamptz IS NULL OR (q.created_at, q.request) \(after) ($4, $5::uuid))
                        ORDER BY q.created_at \(order), q.request \(order) LIMIT $11
                    ) AS r
                    ORDER BY r.created_at \(order), r.request \(order) LIMIT $11
                ) AS l
                WINDOW looked AS (ORDER BY l.created_at \(order), l.request \(order))
            ) AS r
            WHERE r.is_wanted AND r.wanted <= $15 OR r.nth = $11
            ORDER BY r.nth
            """,
            [
                .uuidArray(ids), filter.from.map { .timestamptz($0.microseconds) } ?? .null,
                filter.to.map { .timestamptz($0.microseconds) } ?? .null,
                filter.cursor.map { .timestamptz($0.time) } ?? .null, filter.cursor.map { .uuid($0.id.uuid) } ?? .null,
                Self.text(filter.finishReason), Self.text(filter.unifiedFinishReason), Self.text(filter.provider),
                Self.text(filter.model), Self.text(filter.source),
                .int8(window ?? filter.limit + 1), filter.providerKey.map { .uuid($0.uuid) } ?? .null,
                Self.text(filter.header?.name), Self.text(filter.header?.value), .int8(filter.limit + 1),
            ]
        ) { row in
            (
                wanted: try row.decode(0, as: Bool.self), nth: try row.decode(1, as: Int64.self),
                log: try LogRecord(row, first: 2)
            )
        }
        let wanted = found.filter(\.wanted).map(\.log)
        let shown = Array(wanted.prefix(Int(filter.limit)))
        if wanted.count > shown.count { return LogPage(logs: shown, next: shown.last?.cursor) }
        let last = found.last { $0.nth == window }
        return LogPage(logs: shown, next: last?.log.cursor)
    }

    /// How many rows to look at; nil when every row is wanted.
    private static func window(_ filter: LogFilter) -> Int64? {
        if filter.header != nil { return headerWindow }
        let isNarrow =
            filter.finishReason != nil || filter.unifiedFinishReason != nil || filter.provider != nil || filter.model != nil
            || filter.source != nil || filter.providerKey != nil
        return isNarrow ? window : nil
    }

    private static func text(_ value: String?) -> PostgresValue { value.map { .text($0) } ?? .null }

    /// The keys of a project, deleted ones too: their requests are still its history.
    func allKeys(of project: ProjectID) async throws(WebError) -> [APIKeyID] {
        try await rows("SELECT api_key FROM keys.keys WHERE project = $1", [.uuid(project.uuid)]) {
            APIKeyID(uuid: try $0.decode(0))
        }
    }
}
