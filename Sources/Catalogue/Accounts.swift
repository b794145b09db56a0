internal import JSON
internal import Money

extension CatalogueFile {
    /// The providers of the files and of the environment, with the house's accounts, and what a person should know about them.
    func providers(environment: [String: String]) throws(CatalogueError) -> (providers: [Provider], warnings: [String]) {
        var described: [String: Entry<Description>] = [:]
        for entry in providers {
            let name = entry.value.environmentName
            // Only who names its variables shares them on purpose: two ids that look alike do not.
            if let other = described.updateValue(entry, forKey: name),
                !entry.value.namesEnvironment, !other.value.namesEnvironment
            {
                throw entry.error("id", "shares its environment variables with the provider \"\(other.value.id)\"")
            }
        }
        var result: [Provider] = []
        var warnings: [String] = []
        for entry in providers {
            let description = entry.value
            let accounts = try Provider.accounts(
                description.environmentName, baseURL: description.baseURL, options: description.options,
                environment: environment)
            if accounts == nil, description.dialect != .echo {
                let missing = description.options.filter { $0.fallback == nil }.map(\.variable).joined(separator: " or ")
                warnings.append("\(description.id) has a key and no URL: \(missing) is missing")
            }
            let fallbacks = Dictionary(
                uniqueKeysWithValues: description.options.compactMap { option in option.fallback.map { (option.name, $0) } })
            result.append(
                Provider(
                    id: description.id, name: description.name, dialect: description.dialect,
                    baseURL: description.baseURL.flatMap { ProviderOption.filled($0, fallbacks) }, options: fallbacks,
                    template: description.baseURL,
                    environmentName: description.environmentName, priority: description.priority,
                    refusesStreamOptions: description.refusesStreamOptions, returnedMembers: description.returnedMembers,
                    reasoningField: description.reasoningField,
                    accounts: description.dialect == .echo ? [] : accounts ?? []))
        }
        let names = environment.keys.compactMap { key -> String? in
            guard key.hasPrefix("LLM_"), key.hasSuffix("_API_KEY"), key.utf8.count > 12 else { return nil }
            return String(key.dropFirst(4).dropLast(8))
        }
        for name in names.sorted() where described[name] == nil {
            guard let accounts = try Provider.accounts(name, baseURL: nil, options: [], environment: environment),
                !accounts.isEmpty
            else {
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
                    id: id, name: id, dialect: .openai, baseURL: accounts[0].baseURL, options: [:], template: accounts[0].baseURL,
                    environmentName: name, priority: .one,
                    refusesStreamOptions: false, returnedMembers: .all, reasoningField: .reasoning, accounts: accounts))
        }
        return (result, warnings)
    }
}

extension Provider {
    /// The accounts that the environment gives to a provider; nil when it has credentials and no URL to use them at.
    fileprivate static func accounts(
        _ name: String, baseURL: String?, options: [ProviderOption], environment: [String: String]
    ) throws(CatalogueError) -> [Account]? {
        var keys = list(environment["LLM_\(name)_API_KEY"])
        for key in keys where !key.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) || key.hasPrefix("{") {
            throw CatalogueError(
                file: "environment", entry: "LLM_\(name)_API_KEY", "a credential must be printable ASCII without spaces")
        }
        if let key = try serviceAccount(name, environment) { keys.append(key) }
        var urls: [String] = []
        for text in list(environment["LLM_\(name)_BASE_URL"]) {
            guard let url = BaseURL.checked(text) else {
                throw CatalogueError(file: "environment", entry: "LLM_\(name)_BASE_URL", BaseURL.rule)
            }
            urls.append(url)
        }
        var values: [String: [String]] = [:]
        for option in options {
            let found = list(environment[option.variable])
            for value in found where !ProviderOption.isValue(value) {
                throw CatalogueError(file: "environment", entry: option.variable, "must be " + ProviderOption.rule)
            }
            values[option.name] = found.isEmpty ? option.fallback.map { [$0] } : found
        }
        var accounts: [Account] = []
        for (index, key) in keys.enumerated() {
            let own = values.compactMapValues { $0.isEmpty ? nil : $0[min(index, $0.count - 1)] }
            let url = urls.isEmpty ? baseURL.flatMap { ProviderOption.filled($0, own) } : urls[min(index, urls.count - 1)]
            guard let url else { return nil }
            accounts.append(Account(baseURL: url, apiKey: key, options: own))
        }
        return accounts
    }

    /// The key of a service account: the JSON text itself, or the path of the file that it was given in.
    private static func serviceAccount(_ name: String, _ environment: [String: String]) throws(CatalogueError) -> String? {
        let variable = "LLM_\(name)_SERVICE_ACCOUNT_JSON"
        guard let value = environment[variable], !value.isEmpty else { return nil }
        let text = value.hasPrefix("{") ? value : String(decoding: try CatalogueFile.read(value), as: UTF8.self)
        let start = text.drop { $0.isWhitespace }
        guard start.first == "{", (try? JSONValue(Array(start.utf8))) != nil else {
            throw CatalogueError(file: "environment", entry: variable, "must be the JSON of a service account's key, or its path")
        }
        return String(start)
    }

    /// The values between commas, without the white space around them and without empty ones.
    private static func list(_ value: String?) -> [String] {
        (value ?? "").split(separator: ",").map { part in
            String(part.drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
        }.filter { !$0.isEmpty }
    }
}
