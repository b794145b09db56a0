internal import Credentials
internal import Ledger

/// An organization's account at a provider.
final class OwnAccount: Sendable {
    let id: ProviderKeyID
    let credential: ProviderCredential
    /// The organization's choice instead of the catalogue's URL.
    let baseURL: String?
    /// What else the provider needs to know, by the names that the catalogue has for it.
    let options: [String: String]

    init(id: ProviderKeyID, credential: ProviderCredential, baseURL: String?, options: [String: String] = [:]) {
        self.id = id
        self.credential = credential
        self.baseURL = baseURL
        self.options = options
    }
}
