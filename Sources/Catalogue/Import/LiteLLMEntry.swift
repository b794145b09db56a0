internal import JSON

/// One entry of LiteLLM's `model_prices_and_context_window.json`, as a mapping of a catalogue file
/// (https://docs.litellm.ai/docs/provider_registration/add_model_pricing).
struct LiteLLMEntry {
    /// Why an entry is passed over.
    enum Refusal: String, Error, CaseIterable {
        case otherProvider = "of a provider that the catalogue does not have"
        case otherKind = "no chat models"
        case regional = "names for one region"
        case unpriced = "without a price of tokens"
        case unbounded = "without a context size"
        case unfit = "with figures or names that a catalogue can't hold"
    }

    let provider: String
    /// The provider's own name for the model.
    let upstreamName: String
    let prices: JSONValue
    private let fields: JSONValue

    /// The ids here of LiteLLM's providers.
    private static let providers = [
        "openai": "openai", "anthropic": "anthropic", "gemini": "google-ai-studio", "vertex_ai-language-models": "google-vertex",
        "azure": "azure", "bedrock_converse": "aws-bedrock", "groq": "groq", "cerebras": "cerebras", "xai": "xai",
        "deepseek": "deepseek", "dashscope": "alibaba", "novita": "novita", "zai": "zai", "moonshot": "moonshot",
        "perplexity": "perplexity", "nebius": "nebius", "mistral": "mistral", "together_ai": "together-ai", "minimax": "minimax",
        "deepinfra": "deepinfra", "fireworks_ai": "fireworks",
    ]
    /// What LiteLLM writes before a model's name beside the provider's own.
    private static let prefixes = ["vertex_ai-language-models": "vertex_ai", "bedrock_converse": "bedrock"]
    /// Areas before a name of Amazon Bedrock, which an account's `region_prefix` is for.
    private static let areas = ["us", "us-gov", "eu", "apac", "au", "jp", "ca", "global"]

    init(name: String, _ fields: JSONValue, known: Set<String>) throws(Refusal) {
        let theirs = fields["litellm_provider"]?.text ?? ""
        guard let provider = Self.providers[theirs], known.contains(provider) else { throw .otherProvider }
        guard fields["mode"] == .string("chat") else { throw .otherKind }
        let prefix = (Self.prefixes[theirs] ?? theirs) + "/"
        let own = name.hasPrefix(prefix) ? String(name.dropFirst(prefix.count)) : name
        let first = own.prefix { $0 != "/" && $0 != "." }
        let isRegional =
            switch provider {
            case "azure": own.contains("/")
            case "aws-bedrock": own.contains("/") || Self.areas.contains(String(first))
            default: false
            }
        guard !isRegional else { throw .regional }
        guard !own.isEmpty, own.utf8.count <= 256, own.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { throw .unfit }
        self.provider = provider
        upstreamName = own
        self.fields = fields
        prices = try LiteLLMPrices.prices(fields)
    }

    /// The mapping of a model that the catalogue does not have at the provider.
    func mapping() throws(Refusal) -> JSONValue {
        guard let context = fields["max_input_tokens"]?.int64, context > 0 else { throw .unbounded }
        let output = fields["max_output_tokens"]?.int64.flatMap { $0 > 0 && $0 <= context ? $0 : nil }
        let capabilities = [
            ("streaming", fields["supports_native_streaming"] != .bool(false)), ("vision", can("vision")),
            ("tools", can("function_calling")), ("parallel_tool_calls", can("parallel_function_calling")),
            ("reasoning", can("reasoning")), ("json_output", can("response_schema")), ("json_schema", can("response_schema")),
        ]
        let isOpenAI = provider == "openai" || provider == "azure"
        let day = fields["deprecation_date"]?.text.flatMap { CalendarDay($0) == nil ? nil : $0 }
        return .members(
            [
                ("provider", .string(provider)), ("model", .string(upstreamName)), ("prices", prices),
                ("context_size", .integer(context)), ("max_output", output.map { .integer($0) }),
                ("output_limit_field", isOpenAI ? .string("max_completion_tokens") : nil),
                ("thinking", can("adaptive_thinking") ? .string("adaptive") : nil),
            ] + capabilities.map { ($0.0, $0.1 ? .bool(true) : nil) } + [("deactivated_at", day.map { .string($0) })])
    }

    private func can(_ name: String) -> Bool { fields["supports_" + name] == .bool(true) }
}

/// The prices of an entry: dollars a token there, dollars a million tokens here.
enum LiteLLMPrices {
    private static let fields = [
        ("input", "input_cost_per_token"), ("output", "output_cost_per_token"), ("cached_input", "cache_read_input_token_cost"),
        ("cache_write", "cache_creation_input_token_cost"), ("cache_write_1h", "cache_creation_input_token_cost_above_1hr"),
        ("reasoning", "output_cost_per_reasoning_token"),
    ]
    private static let required: Set<String> = ["input", "output"]

    static func prices(_ entry: JSONValue) throws(LiteLLMEntry.Refusal) -> JSONValue {
        let first = try base(entry)
        // `input_cost_per_token_above_200k_tokens` is the price of the whole prompt when it is longer.
        let bounds = (entry.fields ?? []).compactMap { bound(of: $0.name) }.sorted()
        guard !bounds.isEmpty else { return .members(first) }
        var tiers: [JSONValue] = []
        var current = first
        for bound in bounds {
            tiers.append(.members(current + [("up_to_tokens", .integer(bound * 1_000))]))
            // LiteLLM takes what a tier does not name from the prices without a bound, and not from the tier below.
            let higher = try named(entry, above: "_above_\(bound)k_tokens").filter { $0.1 != .string("0") }
            current = first.map { old in higher.first { $0.0 == old.0 } ?? old }
            current += higher.filter { new in !first.contains { $0.0 == new.0 } }
        }
        return .members([("tiers", .array(tiers + [.members(current)]))])
    }

    /// Thousands of tokens.
    private static func bound(of name: String) -> Int64? {
        let (head, tail) = ("input_cost_per_token_above_", "k_tokens")
        guard name.hasPrefix(head), name.hasSuffix(tail) else { return nil }
        return Int64(name.dropFirst(head.count).dropLast(tail.count)).flatMap { (1...1_000_000_000).contains($0) ? $0 : nil }
    }

    /// The prices without a bound.
    ///
    /// - Throws: `.unpriced` where nothing says what a token of prompt or completion costs.
    private static func base(_ entry: JSONValue) throws(LiteLLMEntry.Refusal) -> [(String, JSONValue?)] {
        let prices = try named(entry, above: "")
        let both = prices.filter { required.contains($0.0) }
        guard both.count == 2, both.contains(where: { $0.1 != .string("0") }) else { throw .unpriced }
        // Nothing to pay for writing to a cache or reading from it says that there is no such price.
        return prices.filter { required.contains($0.0) || $0.1 != .string("0") }
    }

    /// The prices that the entry names with `suffix`, none of them, some or all.
    private static func named(
        _ entry: JSONValue, above suffix: String
    ) throws(LiteLLMEntry.Refusal) -> [(String, JSONValue?)] {
        var prices: [(String, JSONValue?)] = []
        for (ours, theirs) in fields {
            guard let value = entry[theirs + suffix], value != .null else { continue }
            guard case .number(let text) = value, let price = DecimalShift.text(text, places: 6) else { throw .unfit }
            prices.append((ours, .string(price)))
        }
        return prices
    }
}
