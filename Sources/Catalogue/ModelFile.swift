internal import JSON
internal import Money

extension Model {
    /// Reads a model of a catalogue file.
    init(_ fields: FieldReader) throws(CatalogueError) {
        try fields.allow(["id", "name", "family", "kind", "description", "aliases", "auto", "free_limit", "mappings"])
        let id = try fields.identifier("id")
        var mappings: [Mapping] = []
        for mapping in try fields.objects("mappings") { mappings.append(try Mapping(mapping, model: id)) }
        guard !mappings.isEmpty else { throw fields.error("mappings", "must have at least one") }
        let kind = try fields.choice("kind") ?? ModelKind.chat
        for mapping in mappings {
            try mapping.prices.check(of: kind, makesImages: mapping.capabilities.imageOutput, fields)
            try mapping.costs.check(of: kind, makesImages: mapping.capabilities.imageOutput, fields)
            guard !mapping.capabilities.imageRequired || (kind == .image && mapping.capabilities.vision) else {
                throw fields.error("mappings", "image_required is for models of the kind image that have vision")
            }
        }
        self.init(
            id: id, name: try fields.string("name"), family: try fields.string("family"),
            kind: kind,
            summary: try fields.optionalString("description") ?? "", aliases: try fields.identifiers("aliases"),
            isAutomatic: try fields.flag("auto"), freeLimit: try fields.choice("free_limit") ?? .low,
            mappings: mappings)
    }
}

extension Mapping {
    private static let fields: Set<String> = [
        "provider", "model", "prices", "costs", "context_size", "max_output", "streaming", "vision", "tools",
        "parallel_tool_calls", "reasoning", "json_output", "json_schema", "image_output", "image_required", "output_limit_field",
        "image_tokens",
        "thinking", "fixed_temperature", "api", "custom_tools", "priority", "deprecated_at", "deactivated_at",
    ]

    init(_ fields: FieldReader, model: String) throws(CatalogueError) {
        try fields.allow(Self.fields)
        guard let prices = try fields.object("prices") else { throw fields.error("prices", "is missing") }
        guard let contextSize = try fields.size("context_size") else { throw fields.error("context_size", "is missing") }
        let maximumOutput = try fields.size("max_output")
        guard maximumOutput ?? 0 <= contextSize else { throw fields.error("max_output", "is above context_size") }
        let listed = try Prices(prices)
        self.init(
            model: model, provider: try fields.identifier("provider"), upstreamName: try fields.identifier("model"),
            prices: listed, costs: try fields.object("costs").map { costs throws(CatalogueError) in try Prices(costs) } ?? listed,
            contextSize: contextSize, maximumOutput: maximumOutput, capabilities: try Capabilities(fields),
            imageTokens: try ImageTokens(fields), outputLimitField: try fields.choice("output_limit_field") ?? .maximumTokens,
            hasFixedTemperature: try fields.flag("fixed_temperature"),
            thinking: try fields.choice("thinking") ?? .budget, api: try fields.choice("api") ?? .chatCompletions,
            takesCustomTools: try fields.flag("custom_tools"), priority: try fields.priority("priority"),
            deprecatedAt: try fields.minute("deprecated_at"), deactivatedAt: try fields.minute("deactivated_at"))
    }
}

extension ImageTokens {
    init(_ mapping: FieldReader) throws(CatalogueError) {
        guard let fields = try mapping.object("image_tokens") else {
            self = .unknown
            return
        }
        try fields.allow(["low", "other"])
        guard let low = try fields.size("low") else { throw fields.error("low", "is missing") }
        guard let other = try fields.size("other") else { throw fields.error("other", "is missing") }
        self.init(low: low, other: other)
    }
}

extension Capabilities {
    init(_ fields: FieldReader) throws(CatalogueError) {
        self.init(
            streaming: try fields.flag("streaming"), vision: try fields.flag("vision"), tools: try fields.flag("tools"),
            parallelToolCalls: try fields.flag("parallel_tool_calls"), reasoning: try fields.flag("reasoning"),
            jsonOutput: try fields.flag("json_output"), jsonSchema: try fields.flag("json_schema"),
            imageOutput: try fields.flag("image_output"), imageRequired: try fields.flag("image_required"))
    }
}

extension Prices {
    private static let tierFields: Set<String> = [
        "input", "output", "cached_input", "cache_write", "cache_write_1h", "reasoning", "image_output", "image_input",
    ]
    private static let unitFields: Set<String> = ["request", "image", "generated_image", "discount"]

    init(_ fields: FieldReader) throws(CatalogueError) {
        var tiers: [Tier] = []
        if fields.has("tiers") {
            try fields.allow(Self.unitFields.union(["tiers"]))
            for tier in try fields.objects("tiers") {
                try tier.allow(Self.tierFields.union(["up_to_tokens"]))
                tiers.append(try Tier(tier, upTo: try tier.size("up_to_tokens")))
            }
            let bounds = tiers.map { $0.upTo ?? .max }
            guard bounds.last == .max, zip(bounds, bounds.dropFirst()).allSatisfy({ $0 < $1 }) else {
                throw fields.error("tiers", "must ascend by up_to_tokens, and only the last has none")
            }
        } else {
            try fields.allow(Self.tierFields.union(Self.unitFields))
            tiers = [try Tier(fields, upTo: nil)]
        }
        let discount = try fields.decimal("discount") { text throws(MoneyError) in try Multiplier(decimal: text) }
        guard discount ?? .one <= .one else { throw fields.error("discount", "is above 1") }
        self.init(
            tiers: tiers, request: try fields.pricePerUnit("request"), image: try fields.pricePerUnit("image"),
            generatedImage: try fields.pricePerUnit("generated_image"),
            multiplier: Multiplier(partsPerMillion: 1_000_000 - (discount?.partsPerMillion ?? 0)))
    }

    /// Whether what a model of this kind makes has a price: an image never costs nothing because nobody knows what it costs.
    fileprivate func check(of kind: ModelKind, makesImages: Bool, _ fields: FieldReader) throws(CatalogueError) {
        guard kind == .image || generatedImage == .zero else {
            throw fields.error(
                "mappings", "generated_image is a price of the kind image alone: only there the images are counted")
        }
        let hasTokenPrice = tiers.allSatisfy { ($0.imageOutput ?? $0.output) != .zero }
        guard !(kind == .image || makesImages) || hasTokenPrice || generatedImage != .zero else {
            throw fields.error("mappings", "an image that is made must have a price: image_output, output or generated_image")
        }
    }
}

extension Prices.Tier {
    init(_ fields: FieldReader, upTo: Int64?) throws(CatalogueError) {
        guard let input = try fields.pricePerMillion("input") else { throw fields.error("input", "is missing") }
        guard let output = try fields.pricePerMillion("output") else { throw fields.error("output", "is missing") }
        let cacheWrite = try fields.pricePerMillion("cache_write") ?? input
        self.init(
            upTo: upTo, input: input, cachedInput: try fields.pricePerMillion("cached_input") ?? input, cacheWrite: cacheWrite,
            cacheWriteHour: try fields.pricePerMillion("cache_write_1h") ?? cacheWrite, output: output,
            reasoning: try fields.pricePerMillion("reasoning"), imageOutput: try fields.pricePerMillion("image_output"),
            imageInput: try fields.pricePerMillion("image_input"))
    }
}

extension FieldReader {
    /// US dollars per million tokens.
    fileprivate func pricePerMillion(_ field: String) throws(CatalogueError) -> PicoDollars? {
        try decimal(field) { text throws(MoneyError) in try PicoDollars(perMillion: text) }
    }

    /// US dollars per request or image; absent is free.
    fileprivate func pricePerUnit(_ field: String) throws(CatalogueError) -> PicoDollars {
        try decimal(field) { text throws(MoneyError) in try PicoDollars(decimalPerUnit: text) } ?? .zero
    }
}
