internal import Credentials

/// What the environment says about organizations' own provider keys.
struct ProviderKeySettings: Sendable {
    /// `PROVIDER_KEY_ENCRYPTION_KEYS`, else the file `provider-key-encryption` of LLMGATEWAY_HOME, which is made on first use.
    let keys: EncryptionKeys
    /// `ALLOW_PRIVATE_PROVIDER_URLS`: whether the URLs that organizations give may lead to private addresses.
    let allowsPrivateURLs: Bool

    /// - Throws: `EncryptionKeys.Malformed`, `FileError`, `SettingsError`.
    init(home: String) throws {
        let environment = EnvironmentReader()
        if let list = environment.text("provider.key.encryption.keys") {
            keys = try EncryptionKeys(list: list, place: "PROVIDER_KEY_ENCRYPTION_KEYS")
        } else {
            keys = try EncryptionKeys(path: home + "/provider-key-encryption")
        }
        allowsPrivateURLs =
            try environment.choice("allow.private.provider.urls", "ALLOW_PRIVATE_PROVIDER_URLS", "true", "false") ?? false
    }
}
