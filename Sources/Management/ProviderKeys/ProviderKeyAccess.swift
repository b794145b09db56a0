public import Catalogue
public import Credentials
public import HTTPTransport
public import Web

/// What the routes of provider keys need beside the ledger: which providers there are, where credentials lie, and how one is tried.
public struct ProviderKeyAccess: Sendable {
    /// Tries a credential; throws 400 for one that does not work.
    public typealias Check = @Sendable (ProviderKeyTrial) async throws(WebError) -> Void

    private let live: LiveCatalogue
    var catalogue: Catalogue { live.current }
    let secrets: ProviderSecrets
    /// Whether URLs of organizations may be plain http and lead to private addresses.
    let allowsPrivateURLs: Bool
    let check: Check

    /// - Parameters:
    ///   - allowsPrivateURLs: ALLOW_PRIVATE_PROVIDER_URLS.
    ///   - check: How a credential is tried before it is taken.
    public init(catalogue: LiveCatalogue, secrets: ProviderSecrets, allowsPrivateURLs: Bool, check: @escaping Check) {
        live = catalogue
        self.secrets = secrets
        self.allowsPrivateURLs = allowsPrivateURLs
        self.check = check
    }

    /// Tries credentials by a call to the provider.
    public init(catalogue: LiveCatalogue, secrets: ProviderSecrets, allowsPrivateURLs: Bool, transport: HTTPTransport) {
        let probe = ProviderProbe(transport: transport, allowsPrivateURLs: allowsPrivateURLs)
        self.init(catalogue: catalogue, secrets: secrets, allowsPrivateURLs: allowsPrivateURLs) {
            trial async throws(WebError) in try await probe.check(trial)
        }
    }
}

/// A credential that is to be tried.
public struct ProviderKeyTrial: Sendable {
    /// The provider; nil for a custom one.
    public let provider: Provider?
    /// The cheapest model that is not free and not deprecated there; nil when the catalogue has none.
    public let mapping: Mapping?
    /// Without a slash at its end.
    public let baseURL: String
    /// Whether the organization gave the URL.
    public let isOwnURL: Bool
    public let credential: ProviderCredential
    /// What the provider needs to know besides, by the names that the catalogue has for it.
    public var options: [String: String] = [:]
    /// Another model to ask than the provider's name for `mapping`: a deployment of Azure.
    public var validationModel: String?
}
