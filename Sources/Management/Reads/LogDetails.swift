internal import Ledger
internal import Postgres
internal import Web

import struct FoundationEssentials.Data
import class FoundationEssentials.JSONDecoder
import struct FoundationEssentials.UUID

/// What lies beside the ledger about requests, for as long as retention lets it.
extension Management {
    /// The annotation `a` of the request of a row `r` of `requests.requests`. Its day is that of the event, give or take midnight:
    /// without it every day's partition would be looked into.
    static let annotationOfRow = """
        ledger.events AS e JOIN ledger.annotations AS a ON a.event = e.id
        WHERE e.stream_kind = 'request' AND e.stream_id = r.request AND e.stream_version = 1 AND a.kind = 'client'
            AND a.day BETWEEN (r.created_at AT TIME ZONE 'UTC')::date - 1 AND (r.created_at AT TIME ZONE 'UTC')::date + 1
        """

    /// The headers of their own that applications sent with these requests, without the prefix.
    func customHeaders(of logs: [LogRecord]) async throws(WebError) -> [Ledger.RequestID: [String: String]] {
        guard !logs.isEmpty else { return [:] }
        let found = try await rows(
            """
            SELECT r.request, n.body FROM unnest($1::uuid[], $2::bigint[]) AS g (request, at),
                LATERAL (SELECT g.request, to_timestamp(g.at / 1e6) AS created_at) AS r,
                LATERAL (SELECT a.body -> 'headers' AS body FROM \(Self.annotationOfRow)) AS n
            WHERE n.body IS NOT NULL
            """,
            [.uuidArray(logs.map(\.request.uuid)), .int8Array(logs.map(\.createdAt.microseconds))]
        ) { row in
            let body: [UInt8] = try row.decode(1)
            return (
                Ledger.RequestID(uuid: try row.decode(0, as: UUID.self)),
                try JSONDecoder().decode([String: String].self, from: Data(body))
            )
        }
        return Dictionary(found) { first, _ in first }
    }

    /// One request, when the person belongs to its organization.
    func log(_ id: Ledger.RequestID, for user: UserID) async throws(WebError) -> LogRecord? {
        try await rows(
            """
            SELECT \(LogRecord.columns) FROM requests.requests AS r
            JOIN organizations.members AS m ON m.organization = r.organization AND m.user_id = $2
            JOIN organizations.organizations AS o ON o.organization = r.organization AND o.status <> 'deleted'
            WHERE r.request = $1
            """, [.uuid(id.uuid), .uuid(user.uuid)]
        ) { try LogRecord($0, first: 0) }.first
    }

    /// What the application sent and what the provider answered, and what went between the gateway and the provider, as text; nil
    /// when it is not kept.
    func bodies(of id: Ledger.RequestID) async throws(WebError) -> LogBodies {
        do {
            // Four at once would be four connections that others wait for.
            let found = try await PayloadStore(postgres).bodies(
                of: id, kinds: ["prompt", "completion", "upstream_request", "upstream_answer"])
            func text(_ kind: String) -> String? { found[kind].map { String(decoding: $0, as: UTF8.self) } }
            return LogBodies(
                request: text("prompt"), response: text("completion"), upstreamRequest: text("upstream_request"),
                upstreamResponse: text("upstream_answer"))
        } catch { throw Self.away }
    }
}

/// The bodies of one request.
struct LogBodies {
    let request: String?
    let response: String?
    let upstreamRequest: String?
    let upstreamResponse: String?
}
