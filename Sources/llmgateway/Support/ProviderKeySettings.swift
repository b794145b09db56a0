internal import Configuration
internal import Credentials

/// What the environment says about organizations' own provider keys.
struct ProviderKeySettings: Sendable {
    /// `PROVIDER_KEY_ENCRYPTION_KEYS`, else the file `provider-key-encryption` of LLMGATEWAY_HOME, which is made on first use.
    let keys: EncryptionKeys
    /// `ALLOW_PRIVATE_PROVIDER_URLS`: whether the URLs that organizations give may lead to private addresses.
    let allowsPrivateURLs: Bool

    /// - Throws: `EncryptionKeys.Malformed`, `FileError`, `SettingsError`.
    init(home: String) throws {
        let reader = ConfigReader(provider: EnvironmentVariablesProvider())
        let list = reader.string(forKey: "provider.key.encryption.keys", isSecret: true) ?? ""
        keys =
            list.isEmpty
            ? try EncryptionKeys(path: home + "/provider-key-encryption")
            : try EncryptionKeys(list: list, place: "PROVIDER_KEY_ENCRYPTION_KEYS")
        switch reader.string(forKey: "allow.private.provider.urls") {
        case nil, "", "false": allowsPrivateURLs = false
        case "true": allowsPrivateURLs = true
        default: throw SettingsError(message: "ALLOW_PRIVATE_PROVIDER_URLS must be true or false")
        }
    }
}
