internal import Hummingbird
internal import Ledger
internal import Web

import struct FoundationEssentials.UUID

extension ManagementRoutes {
    /// `GET /orgs/{id}/audit`: who changed what, when, from where; newest first, from the events themselves.
    func addAudit(to router: Router<WebContext>) {
        router.get("/orgs/:id/audit") { request, context in
            let caller = try await caller(request, context)
            let organization: OrganizationID = try id("id", of: context, else: Management.noAccess)
            let filter = try AuditFilter(request)
            _ = try await management.permitted(organization, .readAudit, by: caller, stranger: Management.noAccess)
            let page = try await management.audit(of: organization, filter)
            let people = try await sessions.people(Array(Set(page.entries.compactMap(\.actor))).sorted())
            return Response.json([
                "entries": .array(page.entries.map { $0.json($0.actor.flatMap { people[$0] }) }),
                "pagination": .pagination(next: page.next.map { String($0) }, limit: filter.limit),
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

    /// Whether changes are passed over.
    var isNarrow: Bool { actor != nil || action != nil || resource != nil || from != nil || to != nil }

    init(_ request: Request) throws(WebError) {
        if let text = request.parameter("userId") {
            guard let user = UserID(text) else { throw WebError.invalid("userId", "userId must be a user's id.") }
            actor = user
        }
        if let text = request.parameter("action") { action = try WebText.check(text, field: "action", length: 1...64) }
        if let text = request.parameter("resourceId") {
            let resource =
                APIKeyID(text)?.uuid ?? ProjectID(text)?.uuid ?? OrganizationID(text)?.uuid ?? ProviderKeyID(text)?.uuid
            guard let resource else { throw WebError.invalid("resourceId", "resourceId must be an id.") }
            self.resource = resource
        }
        from = try request.time("startDate")
        to = try request.time("endDate")
        if let text = request.parameter("cursor") {
            guard let value = Int64(text), value > 0 else { throw WebError.invalid("cursor", "cursor is not one of this list.") }
            cursor = value
        }
        limit = try request.limit(limit, most: 100)
    }
}
