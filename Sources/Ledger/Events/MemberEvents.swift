/// What a person may do in an organization.
public enum MemberRole: String, Codable, Sendable, Hashable, CaseIterable {
    case owner
    case admin
    case developer
}

/// `member.added`, in the organization's stream.
public struct MemberAdded: EventData, Hashable {
    public static let type = "member.added"
    public var user: UserID
    public var role: MemberRole
    /// The invitation that was accepted; nil for the person who made the organization.
    public var invite: InviteID?

    public init(user: UserID, role: MemberRole, invite: InviteID? = nil) {
        self.user = user
        self.role = role
        self.invite = invite
    }
}

/// `member.role_changed`, in the organization's stream.
public struct MemberRoleChanged: EventData, Hashable {
    public static let type = "member.role_changed"
    public var user: UserID
    public var role: MemberRole

    public init(user: UserID, role: MemberRole) {
        self.user = user
        self.role = role
    }
}

/// `member.removed`, in the organization's stream.
public struct MemberRemoved: EventData, Hashable {
    public static let type = "member.removed"
    public var user: UserID

    public init(user: UserID) { self.user = user }
}

/// `member.invited`, in the organization's stream. The address lies beside the ledger, under this event's id.
public struct MemberInvited: EventData, Hashable {
    public static let type = "member.invited"
    public var invite: InviteID
    public var role: MemberRole
    /// From when on it can't be accepted.
    public var expiresAt: Timestamp

    public init(invite: InviteID, role: MemberRole, expiresAt: Timestamp) {
        self.invite = invite
        self.role = role
        self.expiresAt = expiresAt
    }

    enum CodingKeys: String, CodingKey {
        case invite, role
        case expiresAt = "expires_at"
    }
}

/// `member.invite_withdrawn`, in the organization's stream.
public struct MemberInviteWithdrawn: EventData, Hashable {
    public static let type = "member.invite_withdrawn"
    public var invite: InviteID

    public init(invite: InviteID) { self.invite = invite }
}
