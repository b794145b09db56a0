extension CatalogueFile {
    /// The providers of the files and of the environment, with the house's accounts, and what a person should know about them.
    func providers(environment: [String: String]) throws(CatalogueError) -> (providers: [Provider], warnings: [String]) {
        var described: [String: Entry<Description>] = [:]
        for entry in providers {
            let name = entry.value.environmentName
            if let other = described.updateValue(entry, forKey: name) {
                throw entry.error("id", "shares its environment variables with the provider \"\(other.value.id)\"")
            }
        }
        var result: [Provider] = []
        var warnings: [String] = []
        for entry in providers {
            let description = entry.value
            let accounts = try Provider.accounts(
                description.environmentName, baseURL: description.baseURL, environment: environment)
            result.append(
                Provider(
                    id: description.id, name: description.name, dialect: description.dialect, baseURL: description.baseURL,
                    environmentName: description.environmentName,
                    accounts: description.dialect == .echo ? [] : accounts ?? []))
        }
        let names = environment.keys.compactMap { key -> String? in
            guard key.hasPrefix("LLM_"), key.hasSuffix("_API_KEY"), key.utf8.count > 12 else { return nil }
            return String(key.dropFirst(4).dropLast(8))
        }
        for name in names.sorted() where described[name] == nil {
            guard let accounts = try Provider.accounts(name, baseURL: nil, environment: environment), !accounts.isEmpty else {
                warnings.append("LLM_\(name)_API_KEY is for a provider that nothing describes: LLM_\(name)_BASE_URL is missing")
                continue
            }
            let id = name.lowercased().replacing("_", with: "-")
            let allowed = "abcdefghijklmnopqrstuvwxyz0123456789-".utf8
            guard name == name.uppercased(), id.utf8.allSatisfy(allowed.contains) else {
                throw CatalogueError(file: "environment", entry: "LLM_\(name)_API_KEY", "is not the name of a provider")
            }
            result.append(
                Provider(
                    id: id, name: id, dialect: .openai, baseURL: accounts[0].baseURL, environmentName: name, accounts: accounts))
        }
        return (result, warnings)
    }
}

extension Provider {
    /// The accounts that the environment gives to a provider; nil when it has credentials and no URL to use them at.
    fileprivate static func accounts(
        _ name: String, baseURL: String?, environment: [String: String]
    ) throws(CatalogueError) -> [Account]? {
        let keys = list(environment["LLM_\(name)_API_KEY"])
        for key in keys where !key.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) {
            throw CatalogueError(
                file: "environment", entry: "LLM_\(name)_API_KEY", "a credential must be printable ASCII without spaces")
        }
        var urls: [String] = []
        for text in list(environment["LLM_\(name)_BASE_URL"]) {
            guard let url = BaseURL.checked(text) else {
                throw CatalogueError(file: "environment", entry: "LLM_\(name)_BASE_URL", BaseURL.rule)
            }
            urls.append(url)
        }
        if urls.isEmpty, let baseURL { urls = [baseURL] }
        guard let last = urls.last else { return keys.isEmpty ? [] : nil }
        return keys.enumerated().map { index, key in
            Account(baseURL: index < urls.count ? urls[index] : last, apiKey: key)
        }
    }

    /// The values between commas, without the white space around them and without empty ones.
    private static func list(_ value: String?) -> [String] {
        (value ?? "").split(separator: ",").map { part in
            String(part.drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
        }.filter { !$0.isEmpty }
    }
}
