public import Ledger

/// Where a token belongs: what its digest maps to. Only an address: whether the key may spend is asked of Redis every time.
public struct KeyAddress: Sendable, Hashable {
    public let organization: OrganizationID
    public let project: ProjectID
    public let key: APIKeyID

    public init(organization: OrganizationID, project: ProjectID, key: APIKeyID) {
        self.organization = organization
        self.project = project
        self.key = key
    }
}
