/// What some providers need to know beside the credential.
public struct ProviderKeyOptions: Codable, Sendable, Hashable {
    /// `us.`, `eu.` or `global.`, put before Bedrock's model ids.
    public var awsBedrockRegionPrefix: String?
    /// The name of the Azure resource, the first part of its host.
    public var azureResource: String?
    public var azureAPIVersion: String?
    /// `openai` or `ai-foundry`.
    public var azureDeploymentType: String?
    /// The deployment that a check of the key asks.
    public var azureValidationModel: String?

    public init(
        awsBedrockRegionPrefix: String? = nil, azureResource: String? = nil, azureAPIVersion: String? = nil,
        azureDeploymentType: String? = nil, azureValidationModel: String? = nil
    ) {
        self.awsBedrockRegionPrefix = awsBedrockRegionPrefix
        self.azureResource = azureResource
        self.azureAPIVersion = azureAPIVersion
        self.azureDeploymentType = azureDeploymentType
        self.azureValidationModel = azureValidationModel
    }

    /// The options that are given, by the names that the catalogue has for a provider's options.
    public var named: [String: String] {
        let all: [String: String?] = [
            "region_prefix": awsBedrockRegionPrefix, "resource": azureResource, "api_version": azureAPIVersion,
            "deployment_type": azureDeploymentType,
        ]
        return all.compactMapValues { $0 }
    }

    enum CodingKeys: String, CodingKey {
        case awsBedrockRegionPrefix = "aws_bedrock_region_prefix"
        case azureResource = "azure_resource"
        case azureAPIVersion = "azure_api_version"
        case azureDeploymentType = "azure_deployment_type"
        case azureValidationModel = "azure_validation_model"
    }
}

/// `provider_key.created`: an organization may use an account of its own at a provider. The credential is nowhere in the ledger:
/// it lies encrypted beside it, under the id of the provider key.
public struct ProviderKeyCreated: EventData, Hashable {
    public static let type = "provider_key.created"
    /// The catalogue's id of the provider, or `custom`.
    public var provider: String
    /// What stands before the slash in the names of a custom provider's models; nil for one of the catalogue.
    public var name: String?
    /// Where requests go instead of the catalogue's URL; a custom provider always has one.
    public var baseURL: String?
    public var options: ProviderKeyOptions?
    /// Its place among the organization's keys of the same provider: the lowest is tried first.
    public var place: Int64
    public var status: EntityStatus
    public var createdBy: UserID?

    public init(
        provider: String, name: String? = nil, baseURL: String? = nil, options: ProviderKeyOptions? = nil, place: Int64,
        status: EntityStatus = .active, createdBy: UserID? = nil
    ) {
        self.provider = provider
        self.name = name
        self.baseURL = baseURL
        self.options = options
        self.place = place
        self.status = status
        self.createdBy = createdBy
    }

    enum CodingKeys: String, CodingKey {
        case provider, name, options, place, status
        case baseURL = "base_url"
        case createdBy = "created_by"
    }
}

/// `provider_key.updated`: only what changed is there.
public struct ProviderKeyUpdated: EventData, Hashable {
    public static let type = "provider_key.updated"
    public var status: EntityStatus?
    public var place: Int64?

    public init(status: EntityStatus? = nil, place: Int64? = nil) {
        self.status = status
        self.place = place
    }
}

/// `provider_key.deleted`: the credential is gone with it.
public struct ProviderKeyDeleted: EventData, Hashable {
    public static let type = "provider_key.deleted"

    public init() {}
}
