internal import Hummingbird
internal import Ledger
internal import Postgres
internal import Web

import struct FoundationEssentials.Data
import class FoundationEssentials.JSONDecoder
import struct FoundationEssentials.UUID

extension ManagementRoutes {
    /// `GET /orgs/{id}/audit`: who changed what, when, from where; newest first, from the events themselves.
    func addAudit(to router: Router<WebContext>) {
        router.get("/orgs/:id/audit") { request, context in
            let caller = try await caller(request, context)
            let organization: OrganizationID = try id("id", of: context, else: Management.noAccess)
            let filter = try AuditFilter(request)
            _ = try await management.permitted(organization, .readAudit, by: caller, stranger: Management.noAccess)
            // One more than asked for, to know whether there is more.
            var entries = try await management.audit(of: organization, filter)
            let hasMore = entries.count > filter.limit
            entries = Array(entries.prefix(Int(filter.limit)))
            let people = try await sessions.people(Array(Set(entries.compactMap(\.actor))).sorted())
            return Response.json([
                "entries": .array(entries.map { $0.json($0.actor.flatMap { people[$0] }) }),
                "pagination": [
                    "nextCursor": hasMore ? .string(optional: entries.last.map { String($0.position) }) : .null,
                    "hasMore": .bool(hasMore), "limit": .integer(filter.limit),
                ],
            ])
        }
    }
}

/// Which entries of the audit trail are asked for.
struct AuditFilter: Sendable {
    var actor: UserID?
    var action: String?
    var resource: UUID?
    var from: Timestamp?
    var to: Timestamp?
    /// Only entries below this position.
    var cursor: Int64?
    var limit: Int64 = 50

    init(_ request: Request) throws(WebError) {
        if let text = request.parameter("userId") {
            guard let user = UserID(text) else { throw WebError.invalid("userId", "userId must be a user's id.") }
            actor = user
        }
        if let text = request.parameter("action") { action = try WebText.check(text, field: "action", length: 1...64) }
        if let text = request.parameter("resourceId") {
            let resource = APIKeyID(text)?.uuid ?? ProjectID(text)?.uuid ?? OrganizationID(text)?.uuid
            guard let resource else { throw WebError.invalid("resourceId", "resourceId must be an id.") }
            self.resource = resource
        }
        from = try request.time("startDate")
        to = try request.time("endDate")
        if let text = request.parameter("cursor") {
            guard let value = Int64(text), value > 0 else { throw WebError.invalid("cursor", "cursor is not one of this list.") }
            cursor = value
        }
        if let text = request.parameter("limit") {
            guard let value = Int64(text), (1...100).contains(value) else {
                throw WebError.invalid("limit", "limit must be 1 to 100.")
            }
            limit = value
        }
    }
}

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

extension Management {
    /// The changes of an organization, newest first, one more than the filter's limit where there are more.
    ///
    /// Requests are no changes; an index leaves them out, so that the cost does not grow with them.
    func audit(of organization: OrganizationID, _ filter: AuditFilter) async throws(WebError) -> [AuditEntry] {
        try await rows(
            """
            SELECT e.position, e.id, e.type, e.stream_kind, e.stream_id, e.data - 'token_sha256', e.metadata, e.occurred_at,
                (SELECT a.body FROM ledger.annotations AS a WHERE a.event = e.id AND a.kind = 'client' LIMIT 1)
            FROM ledger.events AS e
            WHERE e.organization = $1 AND e.stream_kind <> 'request'
                AND ($2::bigint IS NULL OR e.position < $2)
                AND ($3::uuid IS NULL OR e.metadata ->> 'actor' = $3::text)
                AND ($4::text IS NULL OR e.type = $4)
                AND ($5::uuid IS NULL OR e.stream_id = $5)
                AND ($6::timestamptz IS NULL OR e.occurred_at >= $6)
                AND ($7::timestamptz IS NULL OR e.occurred_at < $7)
            ORDER BY e.position DESC LIMIT $8
            """,
            [
                .uuid(organization.uuid), filter.cursor.map(PostgresValue.int8) ?? .null,
                filter.actor.map { .uuid($0.uuid) } ?? .null, filter.action.map(PostgresValue.text) ?? .null,
                filter.resource.map(PostgresValue.uuid) ?? .null, filter.from.map { .timestamptz($0.microseconds) } ?? .null,
                filter.to.map { .timestamptz($0.microseconds) } ?? .null, .int8(filter.limit + 1),
            ], AuditEntry.init)
    }
}
