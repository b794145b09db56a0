/// Something that an account at a provider has besides its credential: a project, a region, a resource.
struct ProviderOption: Sendable, Hashable {
    let name: String
    /// The environment variable of the house's accounts; several values are matched to the keys by position.
    let variable: String
    /// What holds where nothing is said.
    let fallback: String?

    /// The characters of a value: it goes into URLs.
    private static let allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:".utf8

    static let rule = "1 to 128 letters, digits, dots, colons, - and _"

    static func isValue(_ text: String) -> Bool {
        (1...128).contains(text.utf8.count) && text.utf8.allSatisfy(allowed.contains)
    }

    /// The member `options`: `{"region": {"environment": "LLM_ACME_REGION", "default": "global"}}`.
    static func read(_ fields: FieldReader) throws(CatalogueError) -> [ProviderOption] {
        guard let all = try fields.object("options") else { return [] }
        var options: [ProviderOption] = []
        for name in all.names {
            guard name.utf8.allSatisfy("abcdefghijklmnopqrstuvwxyz_".utf8.contains), let option = try all.object(name) else {
                throw all.error(name, "must be a word in lower case, and an object")
            }
            try option.allow(["environment", "default"])
            let variable = try option.string("environment")
            guard variable.hasPrefix("LLM_") else { throw option.error("environment", "must begin with LLM_") }
            let fallback = try option.optionalString("default")
            guard fallback.map(isValue) ?? true else { throw option.error("default", "must be " + rule) }
            options.append(ProviderOption(name: name, variable: variable, fallback: fallback))
        }
        return options
    }

    /// A URL with the values of options in the place of their names; nil when one is missing.
    static func filled(_ url: String, _ values: [String: String]) -> String? {
        var result = ""
        var rest = Substring(url)
        while let open = rest.firstIndex(of: "{") {
            guard let close = rest[open...].firstIndex(of: "}"), let value = values[String(rest[rest.index(after: open)..<close])]
            else { return nil }
            result += rest[..<open] + value
            rest = rest[rest.index(after: close)...]
        }
        return result + rest
    }
}
