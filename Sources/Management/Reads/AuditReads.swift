internal import Ledger
internal import Postgres
internal import Web

import struct FoundationEssentials.Data
import class FoundationEssentials.JSONDecoder
import struct FoundationEssentials.UUID

/// One change.
struct AuditEntry: Sendable {
    private struct Metadata: Decodable {
        let actor: UserID?
        let session: String?
        let request: Ledger.RequestID?
        let source: String?
    }

    private struct Client: Decodable {
        let address: String?
        let userAgent: String?

        enum CodingKeys: String, CodingKey {
            case address
            case userAgent = "user_agent"
        }
    }

    let position: Int64
    let event: EventID
    let type: String
    let stream: StreamName
    let details: [UInt8]
    private let metadata: Metadata
    private let client: Client?
    let occurredAt: Timestamp

    var actor: UserID? { metadata.actor }

    init(_ row: PostgresRow) throws {
        let kind: String = try row.decode(3)
        let occurred: PostgresTimestamp = try row.decode(7)
        let metadata: [UInt8] = try row.decode(6)
        let client: [UInt8]? = try row.decode(8)
        guard let kind = StreamKind(rawValue: kind) else { throw UnreadableRow(what: "a stream of the kind \(kind)") }
        position = try row.decode(0)
        event = EventID(uuid: try row.decode(1))
        type = try row.decode(2)
        stream = StreamName(kind: kind, id: try row.decode(4))
        details = try row.decode(5)
        self.metadata = try JSONDecoder().decode(Metadata.self, from: Data(metadata))
        self.client = try client.map { try JSONDecoder().decode(Client.self, from: Data($0)) }
        occurredAt = Timestamp(microseconds: occurred.microseconds)
    }

    func json(_ person: Person?) -> WebValue {
        let parts = stream.description.split(separator: "/", maxSplits: 1)
        return [
            "id": .id(event), "createdAt": .time(occurredAt), "action": .string(type),
            "actor": actor.map { person?.json ?? ["id": .id($0), "name": nil, "email": nil] } ?? nil,
            "resourceType": .string(stream.kind.rawValue), "resourceId": .string(parts.last.map(String.init) ?? ""),
            "details": .raw(details), "source": .string(optional: metadata.source),
            "sessionId": .string(optional: metadata.session), "requestId": .id(metadata.request),
            "ipAddress": .string(optional: client?.address), "userAgent": .string(optional: client?.userAgent),
        ]
    }
}

/// A page of changes.
struct AuditPage: Sendable {
    let entries: [AuditEntry]
    /// Below which position the next page begins; nil after the last.
    let next: Int64?
}

extension Management {
    /// How many changes one page looks at for those that are asked for. What is rarer is on a later page: no page costs more,
    /// however many changes there were.
    private static let auditWindow: Int64 = 2_000

    /// The changes of an organization, newest first.
    ///
    /// Requests are no changes; an index leaves them out, so that the cost does not grow with them.
    func audit(of organization: OrganizationID, _ filter: AuditFilter) async throws(WebError) -> AuditPage {
        let found = try await rows(
            """
            WITH seen AS MATERIALIZED (
                SELECT e.*,
                    (($3::uuid IS NULL OR e.metadata ->> 'actor' = $3::text) AND ($4::text IS NULL OR e.type = $4)
                        AND ($5::uuid IS NULL OR e.stream_id = $5) AND ($6::timestamptz IS NULL OR e.occurred_at >= $6)
                        AND ($7::timestamptz IS NULL OR e.occurred_at < $7)) IS TRUE AS wanted
                FROM ledger.events AS e
                WHERE e.organization = $1 AND e.stream_kind <> 'request' AND ($2::bigint IS NULL OR e.position < $2)
                ORDER BY e.position DESC LIMIT $9
            ), shown AS (
                SELECT * FROM seen WHERE wanted ORDER BY position DESC LIMIT $8
            )
            SELECT s.position, s.id, s.type, s.stream_kind, s.stream_id, s.data - 'token_sha256', s.metadata, s.occurred_at,
                (SELECT a.body FROM ledger.annotations AS a WHERE a.event = s.id AND a.kind = 'client' LIMIT 1), w.count, w.last
            FROM (SELECT count(*) AS count, min(position) AS last FROM seen) AS w LEFT JOIN shown AS s ON true
            ORDER BY s.position DESC
            """,
            [
                .uuid(organization.uuid), filter.cursor.map(PostgresValue.int8) ?? .null,
                filter.actor.map { .uuid($0.uuid) } ?? .null, filter.action.map(PostgresValue.text) ?? .null,
                filter.resource.map(PostgresValue.uuid) ?? .null, filter.from.map { .timestamptz($0.microseconds) } ?? .null,
                filter.to.map { .timestamptz($0.microseconds) } ?? .null, .int8(filter.limit + 1),
                .int8(filter.isNarrow ? Self.auditWindow : filter.limit + 1),
            ]
        ) { row in
            (
                entry: try row.decode(0, as: Int64?.self) == nil ? nil : try AuditEntry(row),
                looked: try row.decode(9, as: Int64.self), last: try row.decode(10, as: Int64?.self)
            )
        }
        let entries = found.compactMap(\.entry)
        let shown = Array(entries.prefix(Int(filter.limit)))
        if entries.count > shown.count { return AuditPage(entries: shown, next: shown.last?.position) }
        let isCut = filter.isNarrow && found.first?.looked == Self.auditWindow
        return AuditPage(entries: shown, next: isCut ? found.first?.last : nil)
    }
}
