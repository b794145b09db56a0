internal import Money

/// A provider that an organization named itself: any service that speaks OpenAI's format. Nothing is known of its models; what a
/// name after the slash means, and what it costs, is between the organization and that service.
public enum CustomProvider {
    /// Whether `name` can stand before the slash of a model's name: a lower-case letter, then letters, digits and hyphens, at
    /// most 63.
    public static func isName(_ name: String) -> Bool {
        guard let first = name.utf8.first, (97...122).contains(first), name.utf8.count <= 63 else { return false }
        return name.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == UInt8(ascii: "-") }
    }

    /// The name and the model in `name/model`; nil when it is not of this form.
    public static func split(_ requested: String) -> (name: String, model: String)? {
        guard let slash = requested.firstIndex(of: "/") else { return nil }
        let name = String(requested[..<slash])
        let model = String(requested[requested.index(after: slash)...])
        return isName(name) && !model.isEmpty ? (name, model) : nil
    }

    /// What `name/model` means, and the provider of this name.
    public static func resolution(name: String, model: String, baseURL: String) -> (Resolution, Provider) {
        let provider = Provider(
            id: name, name: name, dialect: .openai, baseURL: baseURL, options: [:], template: baseURL, environmentName: "",
            priority: .one, refusesStreamOptions: false, returnedMembers: .all, reasoningField: .reasoning, accounts: [])
        let free = Prices(
            tiers: [
                .init(
                    upTo: nil, input: .zero, cachedInput: .zero, cacheWrite: .zero, cacheWriteHour: .zero, output: .zero,
                    reasoning: nil, imageOutput: nil, imageInput: nil)
            ], request: .zero, image: .zero, generatedImage: .zero, multiplier: .one)
        let mapping = Mapping(
            model: "\(name)/\(model)", provider: name, upstreamName: model, prices: free, costs: free,
            contextSize: 1 << 40, maximumOutput: nil,
            capabilities: Capabilities(
                streaming: true, vision: true, tools: true, parallelToolCalls: true, reasoning: true, jsonOutput: true,
                jsonSchema: true, imageOutput: true, imageRequired: false),
            imageTokens: .unknown, outputLimitField: .maximumTokens, hasFixedTemperature: false, thinking: .budget,
            api: .chatCompletions, takesCustomTools: false, priority: nil, deprecatedAt: nil, deactivatedAt: nil)
        let all = Model(
            id: "\(name)/\(model)", name: model, family: "custom", kind: .chat, summary: "", aliases: [model],
            isAutomatic: false, freeLimit: .low, mappings: [mapping])
        return (
            Resolution(requested: "\(name)/\(model)", requestedProvider: name, model: all, mappings: [mapping]), provider
        )
    }
}
