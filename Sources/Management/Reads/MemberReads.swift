internal import Ledger
internal import Postgres
internal import Web

/// A member of an organization.
struct MemberRecord: Sendable {
    let user: UserID
    let role: MemberRole
    let addedAt: Timestamp

    /// A member is named by the person, within the organization of the path.
    func json(_ person: Person?) -> WebValue {
        [
            "id": .id(user), "userId": .id(user), "role": .string(role.rawValue), "createdAt": .time(addedAt),
            "user": person?.json ?? ["id": .id(user), "name": nil, "email": nil],
        ]
    }
}

/// An invitation to an organization.
struct InviteRecord: Sendable {
    let id: InviteID
    let organization: OrganizationID
    let role: MemberRole
    let status: String
    let expiresAt: Timestamp
    let email: String?
    let createdAt: Timestamp

    var isOpen: Bool { status == "pending" && expiresAt > .now }

    var json: WebValue {
        [
            "id": .id(id), "email": .string(optional: email), "role": .string(role.rawValue), "status": .string(status),
            "expiresAt": .time(expiresAt), "createdAt": .time(createdAt),
        ]
    }
}

extension Management {
    /// The members of an organization, longest first.
    func members(of organization: OrganizationID) async throws(WebError) -> [MemberRecord] {
        try await rows(
            "SELECT user_id, role, added_at FROM organizations.members WHERE organization = $1 ORDER BY added_at, user_id",
            [.uuid(organization.uuid)],
            { row in
                let added: PostgresTimestamp = try row.decode(2)
                return MemberRecord(
                    user: UserID(uuid: try row.decode(0)), role: MemberRole(rawValue: try row.decode(1)) ?? .developer,
                    addedAt: Timestamp(microseconds: added.microseconds))
            })
    }

    /// The invitations of an organization that nobody has accepted or withdrawn, oldest first.
    func pendingInvites(of organization: OrganizationID) async throws(WebError) -> [InviteRecord] {
        try await rows(
            Self.inviteColumns + " WHERE i.organization = $1 AND i.status = 'pending' ORDER BY i.created_at, i.invite",
            [.uuid(organization.uuid)], InviteRecord.init)
    }

    /// The invitation, when it is one of the organization's.
    func invite(_ id: InviteID, of organization: OrganizationID) async throws(WebError) -> InviteRecord? {
        try await rows(
            Self.inviteColumns + """
                 JOIN organizations.organizations AS o ON o.organization = i.organization AND o.status <> 'deleted'
                WHERE i.invite = $1 AND i.organization = $2
                """, [.uuid(id.uuid), .uuid(organization.uuid)], InviteRecord.init
        ).first
    }

    private static let inviteColumns = """
        SELECT i.invite, i.organization, i.role, i.status, i.expires_at, t.body, i.created_at
        FROM organizations.invites AS i LEFT JOIN management.texts AS t ON t.event = i.texts
        """
}

extension InviteRecord {
    init(_ row: PostgresRow) throws {
        let created: PostgresTimestamp = try row.decode(6)
        self.init(
            id: InviteID(uuid: try row.decode(0)), organization: OrganizationID(uuid: try row.decode(1)),
            role: MemberRole(rawValue: try row.decode(2)) ?? .developer, status: try row.decode(3),
            expiresAt: Timestamp(microseconds: try row.decode(4)), email: try Texts.decode(row, 5)["email"],
            createdAt: Timestamp(microseconds: created.microseconds))
    }
}
