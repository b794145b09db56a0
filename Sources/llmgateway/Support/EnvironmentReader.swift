internal import Configuration

/// The variables of the environment. A key is a variable's name in lower case, with dots in place of underscores; one that is
/// empty is as one that is not set.
struct EnvironmentReader {
    private let reader = ConfigReader(provider: EnvironmentVariablesProvider())

    func text(_ key: String) -> String? {
        let value = reader.string(forKey: ConfigKey(key), isSecret: true)
        return value == "" ? nil : value
    }

    /// Words that are separated by commas or spaces.
    func list(_ key: String) -> [String] {
        (text(key) ?? "").split(whereSeparator: { $0 == "," || $0 == " " }).map(String.init)
    }

    /// - Throws: `SettingsError` naming the variable.
    func url(_ key: String, _ name: String) throws(SettingsError) -> String? {
        guard let value = text(key) else { return nil }
        guard value.hasPrefix("https://") || value.hasPrefix("http://") else {
            throw SettingsError(message: "\(name) must begin with https:// or http://")
        }
        return value
    }

    /// One of two words: one that is not understood must not pass for the one that protects less.
    ///
    /// - Throws: `SettingsError` naming the variable.
    func choice(_ key: String, _ name: String, _ yes: String, _ no: String) throws(SettingsError) -> Bool? {
        switch text(key) {
        case nil: nil
        case yes: true
        case no: false
        default: throw SettingsError(message: "\(name) must be \(yes) or \(no)")
        }
    }
}
