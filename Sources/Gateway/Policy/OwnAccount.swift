internal import Credentials
internal import Ledger

/// An organization's account at a provider.
final class OwnAccount: Sendable {
    let id: ProviderKeyID
    let credential: ProviderCredential
    /// The organization's choice instead of the catalogue's URL.
    let baseURL: String?

    init(id: ProviderKeyID, credential: ProviderCredential, baseURL: String?) {
        self.id = id
        self.credential = credential
        self.baseURL = baseURL
    }
}
