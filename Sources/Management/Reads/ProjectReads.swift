internal import Ledger
internal import Money
internal import Postgres
internal import Web

/// A project as the read models have it.
struct ProjectRecord: Sendable {
    let id: ProjectID
    let organization: OrganizationID
    let status: String
    let mode: String
    let caching: Bool
    let cacheSeconds: Int64
    let usageLimit: NanoDollars?
    let charged: NanoDollars
    let createdAt: Timestamp
    let updatedAt: Timestamp
    let name: String
    let plan: String
    /// The reader's role.
    let role: MemberRole

    var json: WebValue {
        [
            "id": .id(id), "createdAt": .time(createdAt), "updatedAt": .time(updatedAt), "name": .string(name),
            "organizationId": .id(organization), "cachingEnabled": .bool(caching), "cacheDurationSeconds": .integer(cacheSeconds),
            "mode": .string(mode), "status": .string(status), "usageLimit": .amount(usageLimit), "usage": .amount(charged),
        ]
    }
}

extension Management {
    private static let projectColumns = """
        SELECT p.project, p.organization, p.status, p.mode, p.caching, p.cache_seconds, p.usage_limit, b.charged, p.created_at,
            p.updated_at, t.body, o.plan, m.role
        FROM organizations.members AS m
        JOIN organizations.organizations AS o ON o.organization = m.organization AND o.status <> 'deleted'
        JOIN organizations.projects AS p ON p.organization = o.organization AND p.status <> 'deleted'
        LEFT JOIN management.texts AS t ON t.event = p.texts
        LEFT JOIN balances.projects AS b ON b.project = p.project
        WHERE m.user_id = $1
        """

    /// The projects of an organization that the person belongs to, oldest first.
    func projects(of organization: OrganizationID, for user: UserID) async throws(WebError) -> [ProjectRecord] {
        try await rows(
            Self.projectColumns + " AND p.organization = $2 ORDER BY p.created_at, p.project",
            [.uuid(user.uuid), .uuid(organization.uuid)], ProjectRecord.init)
    }

    /// The project, when it is there and the person belongs to its organization.
    func project(_ id: ProjectID, for user: UserID) async throws(WebError) -> ProjectRecord? {
        try await rows(Self.projectColumns + " AND p.project = $2", [.uuid(user.uuid), .uuid(id.uuid)], ProjectRecord.init).first
    }

    /// How many API keys of a project are not deleted.
    func keyCount(of project: ProjectID) async throws(WebError) -> Int64 {
        try await rows(
            "SELECT count(*) FROM keys.keys WHERE project = $1 AND status <> 'deleted'", [.uuid(project.uuid)],
            { try $0.decode(0, as: Int64.self) }
        ).first ?? 0
    }
}

extension ProjectRecord {
    init(_ row: PostgresRow) throws {
        let created: PostgresTimestamp = try row.decode(8)
        let updated: PostgresTimestamp = try row.decode(9)
        let limit: Int64? = try row.decode(6)
        let charged: Int64? = try row.decode(7)
        self.init(
            id: ProjectID(uuid: try row.decode(0)), organization: OrganizationID(uuid: try row.decode(1)),
            status: try row.decode(2), mode: try row.decode(3), caching: try row.decode(4), cacheSeconds: try row.decode(5),
            usageLimit: limit.map(NanoDollars.init), charged: NanoDollars(charged ?? 0),
            createdAt: Timestamp(microseconds: created.microseconds), updatedAt: Timestamp(microseconds: updated.microseconds),
            name: try Texts.decode(row, 10)["name"] ?? "", plan: try row.decode(11),
            role: MemberRole(rawValue: try row.decode(12)) ?? .developer)
    }
}
