// What a plan limits is counted in the stream of what it is counted in: two creations that both saw a free place expect the
// same version of that stream, and one of them has to look again.

/// `user.organization_added`, in the person's stream, with the organization's first events.
public struct UserOrganizationAdded: EventData, Hashable {
    public static let type = "user.organization_added"
    public var organization: OrganizationID

    public init(organization: OrganizationID) { self.organization = organization }
}

/// `user.deleted`, in the person's stream: the account is gone, and what lay beside the ledger about them. Whoever restores a
/// backup finds here whom to erase again.
public struct UserDeleted: EventData, Hashable {
    public static let type = "user.deleted"

    public init() {}
}

/// `organization.project_added`, in the organization's stream, with the project's first event.
public struct OrganizationProjectAdded: EventData, Hashable {
    public static let type = "organization.project_added"
    public var project: ProjectID

    public init(project: ProjectID) { self.project = project }
}

/// `organization.provider_key_added`, in the organization's stream, with the provider key's first event.
public struct OrganizationProviderKeyAdded: EventData, Hashable {
    public static let type = "organization.provider_key_added"
    public var providerKey: ProviderKeyID

    public init(providerKey: ProviderKeyID) { self.providerKey = providerKey }

    enum CodingKeys: String, CodingKey {
        case providerKey = "provider_key"
    }
}

/// `project.key_added`, in the project's stream, with the key's first event.
public struct ProjectKeyAdded: EventData, Hashable {
    public static let type = "project.key_added"
    public var apiKey: APIKeyID

    public init(apiKey: APIKeyID) { self.apiKey = apiKey }

    enum CodingKeys: String, CodingKey {
        case apiKey = "api_key"
    }
}
