internal import Catalogue
internal import Credentials
internal import Ledger
internal import Web

/// The body of a new provider key.
struct NewProviderKey: Decodable, Sendable {
    struct Options: Decodable, Sendable {
        enum RegionPrefix: String, Decodable, Sendable {
            case us = "us."
            case global = "global."
            case eu = "eu."
        }
        enum DeploymentType: String, Decodable, Sendable {
            case openai
            case foundry = "ai-foundry"
        }

        let regionPrefix: RegionPrefix?
        let azureResource: String?
        let azureAPIVersion: String?
        let azureDeploymentType: DeploymentType?
        let azureValidationModel: String?

        enum CodingKeys: String, CodingKey {
            case regionPrefix = "aws_bedrock_region_prefix"
            case azureResource = "azure_resource"
            case azureAPIVersion = "azure_api_version"
            case azureDeploymentType = "azure_deployment_type"
            case azureValidationModel = "azure_validation_model"
        }
    }

    let provider: String
    let token: String
    let name: String?
    let baseUrl: String?
    let options: Options?
    let organizationId: IDText<IdentifierKinds.Organization>

    /// What is to be made of it, and what is to be tried first.
    ///
    /// - Throws: 400 naming the field.
    func checked(
        by access: ProviderKeyAccess
    ) throws(WebError) -> (Management.ProviderKeyDraft, ProviderKeyTrial) {
        guard let credential = ProviderCredential(token) else {
            throw WebError.invalid("token", "token must be 1 to 8192 printable ASCII characters without spaces.")
        }
        let ownURL = try Self.checkedURL(baseUrl, isPrivateAllowed: access.allowsPrivateURLs)
        let options = try checkedOptions()
        let draft = Management.ProviderKeyDraft(
            provider: provider, name: name, baseURL: ownURL, options: options, credential: credential)
        if provider == "custom" {
            guard let name else { throw WebError.invalid("name", "name is required for a custom provider.") }
            guard CustomProvider.isName(name) else {
                throw WebError.invalid(
                    "name", "name must be a lower-case letter, then letters, digits and hyphens, at most 63 in all.")
            }
            guard access.catalogue.provider(name) == nil, name != "custom" else {
                throw WebError.invalid("name", "The catalogue has a provider of this name.")
            }
            guard let ownURL else { throw WebError.invalid("baseUrl", "baseUrl is required for a custom provider.") }
            return (
                draft,
                ProviderKeyTrial(provider: nil, mapping: nil, baseURL: ownURL, isOwnURL: true, credential: credential)
            )
        }
        guard let known = access.catalogue.provider(provider), known.dialect != .echo else {
            throw WebError.invalid("provider", "provider must be the id of a provider of the catalogue, or custom.")
        }
        guard name == nil else { throw WebError.invalid("name", "Only a custom provider has a name.") }
        guard let url = ownURL ?? known.baseURL(options: options?.named ?? [:]) else {
            throw WebError.invalid("baseUrl", "baseUrl is required: the catalogue's lacks an option of this key.")
        }
        guard known.takesServiceAccounts || !token.hasPrefix("{") else {
            throw WebError.invalid("token", "Service accounts are for Vertex AI alone.")
        }
        return (
            draft,
            ProviderKeyTrial(
                provider: known, mapping: access.catalogue.cheapestPaid(at: provider, Timestamp.now.microseconds), baseURL: url,
                isOwnURL: ownURL != nil, credential: credential,
                options: known.options.merging(options?.named ?? [:]) { $1 },
                validationModel: options?.azureValidationModel)
        )
    }

    private static func checkedURL(_ text: String?, isPrivateAllowed: Bool) throws(WebError) -> String? {
        guard let text else { return nil }
        guard let url = BaseURL.checked(text) else { throw WebError.invalid("baseUrl", "baseUrl \(BaseURL.rule).") }
        // The credential goes with every request: it must not go in clear over a public network.
        guard isPrivateAllowed || url.hasPrefix("https://") else {
            throw WebError.invalid("baseUrl", "baseUrl must begin with https://.")
        }
        return url
    }

    private func checkedOptions() throws(WebError) -> ProviderKeyOptions? {
        guard let options else { return nil }
        let azure: [(String, String?)] = [
            ("azure_resource", options.azureResource), ("azure_api_version", options.azureAPIVersion),
            ("azure_deployment_type", options.azureDeploymentType?.rawValue),
            ("azure_validation_model", options.azureValidationModel),
        ]
        for (name, value) in azure {
            guard let value else { continue }
            guard provider == "azure" else { throw Self.foreign(name, "azure") }
            // They become parts of a URL.
            guard (1...64).contains(value.utf8.count), value.utf8.allSatisfy(Self.isPlain) else {
                throw WebError.invalid(
                    "options.\(name)", "options.\(name) must be letters, digits, dots and hyphens, at most 64.")
            }
        }
        if options.regionPrefix != nil, provider != "aws-bedrock" {
            throw Self.foreign("aws_bedrock_region_prefix", "aws-bedrock")
        }
        return ProviderKeyOptions(
            awsBedrockRegionPrefix: options.regionPrefix?.rawValue, azureResource: options.azureResource,
            azureAPIVersion: options.azureAPIVersion, azureDeploymentType: options.azureDeploymentType?.rawValue,
            azureValidationModel: options.azureValidationModel)
    }

    private static func foreign(_ option: String, _ provider: String) -> WebError {
        WebError.invalid("options.\(option)", "\(option) belongs to keys of the provider \(provider).")
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || byte == UInt8(ascii: "-")
            || byte == UInt8(ascii: ".")
    }
}
