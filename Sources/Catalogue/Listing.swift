internal import JSON
internal import Money

extension Catalogue {
    /// The answer to `GET /v1/models`: OpenAI's list, each model with prices, limits and abilities beside OpenAI's fields.
    ///
    /// A model whose every mapping is switched off at `time` (microseconds since 1970 UTC) is left out unless
    /// `includeDeactivated`; one whose every mapping is discouraged is left out if `excludeDeprecated`. Prices are US dollars a
    /// token as decimal strings, before any discount.
    public func listing(at time: Int64, excludeDeprecated: Bool = false, includeDeactivated: Bool = false) -> [UInt8] {
        let shown = models.filter { model in
            (includeDeactivated || model.mappings.contains { $0.isActive(at: time) })
                && !(excludeDeprecated && model.mappings.allSatisfy { $0.isDeprecated(at: time) })
        }
        return JSONValue.members([
            ("object", .string("list")), ("data", .array(shown.map { item($0, at: time) })),
        ]).bytes
    }

    /// The answer to `GET /v1/models/{id}`: the model's element of the list, asked for by any name that a request may give it.
    ///
    /// - Throws: What is wrong with the name, or that the model is switched off under it, unless `includeDeactivated`.
    public func listing(
        of name: String, at time: Int64, includeDeactivated: Bool = false
    ) throws(ResolutionError) -> [UInt8] {
        let (_, model, mappings) = try named(name, at: time)
        guard includeDeactivated || mappings.contains(where: { $0.isActive(at: time) }) else { throw Self.switchedOff(name) }
        return item(model, at: time).bytes
    }

    private func item(_ model: Model, at time: Int64) -> JSONValue {
        let mappings = model.mappings
        let priced = mappings.first { !$0.prices.isFree } ?? mappings[0]
        let any = { (ability: KeyPath<Capabilities, Bool>) in mappings.contains { $0.capabilities[keyPath: ability] } }
        let day = { (date: KeyPath<Mapping, Int64?>) -> JSONValue? in
            mappings.compactMap { $0[keyPath: date] }.min().map { .string(CalendarMinute.text($0)) }
        }
        let identity: [(String, JSONValue?)] = [
            ("id", .string(model.id)), ("object", .string("model")), ("created", .integer(time / 1_000_000)),
            ("owned_by", .string(model.family)), ("name", .string(model.name)),
            ("aliases", model.aliases.isEmpty ? nil : .array(model.aliases.map { .string($0) })),
            ("description", .string(model.summary)), ("family", .string(model.family)),
        ]
        let abilities: [(String, JSONValue?)] = [
            ("architecture", architecture(model.kind, vision: any(\.vision), makesImages: any(\.imageOutput))),
            ("top_provider", .members([("is_moderated", .bool(true))])),
            ("providers", .array(mappings.map(providerItem))), ("pricing", pricing(priced.prices)),
            ("context_length", .integer(mappings.map(\.contextSize).max() ?? 0)),
            ("max_output", mappings.compactMap(\.maximumOutput).max().map { .integer($0) }),
            ("supported_parameters", .array(model.kind == .chat ? supportedParameters(any) : [])),
            ("json_output", .bool(any(\.jsonOutput))),
            ("structured_outputs", .bool(any(\.jsonSchema))), ("free", .bool(model.isFree)),
            ("deprecated_at", day(\.deprecatedAt)), ("deactivated_at", day(\.deactivatedAt)),
        ]
        return .members(identity + abilities)
    }

    private func architecture(_ kind: ModelKind, vision: Bool, makesImages: Bool) -> JSONValue {
        let output =
            switch kind {
            case .chat: makesImages ? ["text", "image"] : ["text"]
            case .embedding: ["embeddings"]
            case .moderation: ["moderation"]
            case .image: ["image"]
            }
        return
            .members([
                ("input_modalities", .array(vision ? [.string("text"), .string("image")] : [.string("text")])),
                ("output_modalities", .array(output.map { .string($0) })), ("tokenizer", .string("GPT")),
            ])
    }

    private func providerItem(_ mapping: Mapping) -> JSONValue {
        let capabilities = mapping.capabilities
        let tier = mapping.prices.tiers[0]
        let discount = Multiplier(partsPerMillion: 1_000_000 - mapping.prices.multiplier.partsPerMillion)
        let pricing: [(String, JSONValue?)] = [
            ("prompt", .string(tier.input.decimalPerUnit)), ("completion", .string(tier.output.decimalPerUnit)),
            ("image", .string(mapping.prices.image.decimalPerUnit)),
            ("discount", discount.partsPerMillion == 0 ? nil : .string(discount.decimal)),
        ]
        return .members([
            ("providerId", .string(mapping.provider)), ("modelName", .string(mapping.upstreamName)),
            ("pricing", .members(pricing)), ("streaming", .bool(capabilities.streaming)),
            ("vision", .bool(capabilities.vision)), ("cancellation", .bool(true)), ("tools", .bool(capabilities.tools)),
            ("parallelToolCalls", .bool(capabilities.parallelToolCalls)), ("reasoning", .bool(capabilities.reasoning)),
        ])
    }

    private func pricing(_ prices: Prices) -> JSONValue {
        let tier = prices.tiers[0]
        let price = { (price: PicoDollars) in JSONValue.string(price.decimalPerUnit) }
        return .members([
            ("prompt", price(tier.input)), ("completion", price(tier.output)), ("image", price(prices.image)),
            ("image_output", tier.imageOutput.map { price($0) }), ("image_input", tier.imageInput.map { price($0) }),
            ("generated_image", prices.generatedImage == .zero ? nil : price(prices.generatedImage)),
            ("request", price(prices.request)), ("input_cache_read", price(tier.cachedInput)),
            ("input_cache_write", price(tier.cacheWrite)), ("web_search", price(.zero)),
            ("internal_reasoning", price(tier.reasoning ?? .zero)),
        ])
    }

    private func supportedParameters(_ any: (KeyPath<Capabilities, Bool>) -> Bool) -> [JSONValue] {
        var names = [
            "temperature", "max_tokens", "max_completion_tokens", "top_p", "frequency_penalty", "presence_penalty", "stop",
            "seed",
            "n",
        ]
        if any(\.jsonOutput) || any(\.jsonSchema) { names.append("response_format") }
        if any(\.tools) { names += ["tools", "tool_choice"] }
        if any(\.reasoning) { names.append("reasoning") }
        return names.map { .string($0) }
    }
}
