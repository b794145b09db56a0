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

    /// The invitations to an organization that can be accepted and that this person made.
    func openInvites(to organization: OrganizationID, by user: UserID) async throws(WebError) -> [InviteRecord] {
        try await rows(
            Self.inviteColumns + """
                 JOIN ledger.events AS e ON e.id = i.texts AND e.stream_kind <> 'request'
                WHERE i.organization = $1 AND i.status = 'pending' AND i.expires_at > $2
                    AND e.metadata ->> 'actor' = $3::uuid::text
                ORDER BY i.created_at, i.invite
                """, [.uuid(organization.uuid), .int8(Timestamp.now.microseconds), .uuid(user.uuid)], InviteRecord.init)
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

    /// The open invitations to a person's address, oldest first; none until the address was shown to be theirs.
    func invites(to person: Person?) async throws(WebError) -> [OwnInviteRecord] {
        guard let person, person.isEmailVerified else { return [] }
        return try await rows(
            """
            SELECT i.invite, i.organization, i.role, i.status, i.expires_at, t.body, i.created_at, n.body
            FROM management.texts AS t
            JOIN organizations.invites AS i ON i.texts = t.event AND i.status = 'pending' AND i.expires_at > $2
            JOIN organizations.organizations AS o ON o.organization = i.organization AND o.status <> 'deleted'
            LEFT JOIN management.texts AS n ON n.event = o.texts
            WHERE t.body ? 'email' AND lower(t.body ->> 'email') = $1
            ORDER BY i.created_at, i.invite
            """, [.text(person.email.lowercased()), .int8(Timestamp.now.microseconds)], OwnInviteRecord.init)
    }

    private static let inviteColumns = """
        SELECT i.invite, i.organization, i.role, i.status, i.expires_at, t.body, i.created_at
        FROM organizations.invites AS i LEFT JOIN management.texts AS t ON t.event = i.texts
        """
}

/// An invitation as the person who was invited sees it.
struct OwnInviteRecord: Sendable {
    let invite: InviteRecord
    let organizationName: String

    init(_ row: PostgresRow) throws {
        invite = try InviteRecord(row)
        organizationName = try Texts.decode(row, 7)["name"] ?? ""
    }

    var json: WebValue {
        [
            "id": .id(invite.id), "role": .string(invite.role.rawValue), "expiresAt": .time(invite.expiresAt),
            "createdAt": .time(invite.createdAt),
            "organization": ["id": .id(invite.organization), "name": .string(organizationName)],
        ]
    }
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
