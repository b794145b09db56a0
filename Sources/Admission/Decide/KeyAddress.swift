public import Ledger

/// Where a token belongs: what its digest maps to. Only an address: whether the key may spend is asked of Redis every time.
public struct KeyAddress: Sendable, Hashable {
    public let organization: OrganizationID
    public let project: ProjectID
    public let key: APIKeyID
    /// Who made the key, whose own rules bind it too; nil for a key that no person of the organization made.
    public let creator: UserID?

    public init(organization: OrganizationID, project: ProjectID, key: APIKeyID, creator: UserID? = nil) {
        self.organization = organization
        self.project = project
        self.key = key
        self.creator = creator
    }
}
