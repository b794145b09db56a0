public import Money

/// A model under the name that clients use, and where it can be had.
public struct Model: Sendable, Hashable {
    /// Its id, which is unique: `gpt-4o`.
    public let id: String
    /// Its name for people.
    public let name: String
    /// The family it belongs to: `openai`.
    public let family: String
    /// What it is asked for.
    public let kind: ModelKind
    /// A sentence for people; may be empty.
    public let summary: String
    /// Further names that clients may use; none of them is another model's id or alias.
    public let aliases: [String]
    /// Whether it may be what is meant by ``Catalogue/automatic``.
    public let isAutomatic: Bool
    /// How often it may be asked for where it costs nothing.
    public let freeLimit: FreeLimitKind
    /// Where it can be had, in the order of the file; at least one.
    public let mappings: [Mapping]

    /// Whether every mapping is free.
    public var isFree: Bool { mappings.allSatisfy(\.isFree) }
}

/// How often a model that costs nothing may be asked for.
public enum FreeLimitKind: String, Sendable, Hashable, CaseIterable {
    case low, high
}

/// What a model is asked for.
public enum ModelKind: String, Sendable, Hashable, CaseIterable {
    /// Completions of a conversation.
    case chat
    /// Vectors of texts.
    case embedding
    /// Whether texts or images are harmful.
    case moderation
    /// Images, and nothing else.
    case image
}

/// One model at one provider.
public struct Mapping: Sendable, Hashable {
    /// The id of the model.
    public let model: String
    /// The id of the provider.
    public let provider: String
    /// The provider's name for the model, which is sent upstream.
    public let upstreamName: String
    /// What a customer pays.
    public let prices: Prices
    /// What the provider charges; the same as `prices` unless the catalogue says otherwise.
    public let costs: Prices
    /// The most tokens that prompt and completion may have together.
    public let contextSize: Int64
    /// The most tokens that a completion may have; nil when only the context limits it.
    public let maximumOutput: Int64?
    /// What the model can do there.
    public let capabilities: Capabilities
    /// The most prompt tokens that one image can be counted as.
    public let imageTokens: ImageTokens
    /// The request field that bounds a completion there.
    public let outputLimitField: OutputLimitField
    /// Whether its `temperature` is 1, and a request that asks for another is refused there.
    public let hasFixedTemperature: Bool
    /// How it is told how much to think, where the dialect has more than one way.
    public let thinking: ThinkingMode
    /// Which of a provider's ways to a completion it is asked by, where the dialect has more than one.
    public let api: CompletionAPI
    /// Whether its chat completions know custom tools, which a model calls with a text. Where they don't, a function stands for each.
    public let takesCustomTools: Bool
    /// How much it is preferred to the model's other mappings; nil is the provider's.
    public let priority: Multiplier?
    /// From when on new uses are discouraged, in microseconds since 1970 UTC.
    public let deprecatedAt: Int64?
    /// From when on the mapping is switched off, in microseconds since 1970 UTC.
    public let deactivatedAt: Int64?

    /// The bound of a completion that names none: the model's maximum, else its context.
    public var outputBound: Int64 { maximumOutput ?? contextSize }

    /// Whether nothing is charged for it and it costs nothing, so that it needs no hold.
    public var isFree: Bool { prices.isFree && costs.isFree }

    /// Whether it may be used at `time`, in microseconds since 1970 UTC.
    public func isActive(at time: Int64) -> Bool { deactivatedAt.map { time < $0 } ?? true }

    /// Whether new uses are discouraged at `time`, in microseconds since 1970 UTC.
    public func isDeprecated(at time: Int64) -> Bool { deprecatedAt.map { time >= $0 } ?? false }
}

/// The most prompt tokens that one image can be counted as, by the detail that the request asks for.
public struct ImageTokens: Sendable, Hashable {
    /// At low detail.
    public let low: Int64
    /// At any other detail.
    public let other: Int64

    /// The counts of the model that counts highest (GPT-4o mini: 2,833 tokens, and 5,667 for each of at most eight tiles),
    /// for mappings whose own are not known.
    public static let unknown = ImageTokens(low: 2833, other: 48_169)
}

/// The request field that bounds a completion: providers differ, and some models refuse the older one.
public enum OutputLimitField: String, Sendable, Hashable, CaseIterable {
    /// `max_completion_tokens`, which OpenAI's newer models want.
    case maximumCompletionTokens = "max_completion_tokens"
    /// `max_tokens`, which most compatible services want.
    case maximumTokens = "max_tokens"
}

/// How a model is told how much to think: Anthropic's older models take a budget, its newer ones refuse it.
public enum ThinkingMode: String, Sendable, Hashable, CaseIterable {
    /// A number of tokens.
    case budget
    /// An effort; the model finds the number itself.
    case adaptive
}

/// How a provider that speaks OpenAI's format is asked: some models are served by another way alone.
public enum CompletionAPI: String, Sendable, Hashable, CaseIterable {
    /// At `/chat/completions`.
    case chatCompletions = "chat_completions"
    /// At `/responses`.
    case responses
    /// For images at Alibaba Cloud Model Studio, which has no `/images/generations`.
    case dashScope = "dashscope"
    /// For images at xAI and at ByteDance's ModelArk, which are made as OpenAI makes them and edited in ways of their own.
    case xAI = "xai"
    case modelArk = "modelark"

    /// Whether a provider of a dialect can be asked so for models of a kind.
    func exists(in dialect: Dialect, for kind: ModelKind) -> Bool {
        switch self {
        case .chatCompletions: true
        case .responses: kind == .chat && (dialect == .openai || dialect == .azure)
        case .dashScope, .xAI, .modelArk: kind == .image && dialect == .openai
        }
    }
}

/// What a model can do at a provider. What is false is refused before anything is sent.
public struct Capabilities: Sendable, Hashable {
    /// Answers as a stream of events.
    public let streaming: Bool
    /// Takes images.
    public let vision: Bool
    /// Calls tools.
    public let tools: Bool
    /// Calls several tools in one answer.
    public let parallelToolCalls: Bool
    /// Thinks before it answers, and counts tokens for that.
    public let reasoning: Bool
    /// Answers with a JSON object when asked to.
    public let jsonOutput: Bool
    /// Answers with JSON of a given schema when asked to.
    public let jsonSchema: Bool
    /// Answers with images beside text.
    public let imageOutput: Bool
    /// Makes images of images alone.
    public let imageRequired: Bool
}

/// The prices of one mapping, in pico-dollars a unit, and the factor on all of them.
public struct Prices: Sendable, Hashable {
    /// The prices by prompt size, ascending; the last has no upper bound. At least one.
    public let tiers: [Tier]
    /// What each request costs beside its tokens.
    public let request: PicoDollars
    /// What each image of a prompt costs beside its tokens.
    public let image: PicoDollars
    /// What each image that is made costs beside its tokens.
    public let generatedImage: PicoDollars
    /// The factor on every price: one minus the discount.
    public let multiplier: Multiplier

    /// The prices of a token, for prompts of at most `upTo` tokens.
    public struct Tier: Sendable, Hashable {
        /// The largest prompt that the tier is for; nil for the last tier.
        public let upTo: Int64?
        /// A prompt token that is neither read from nor written to a cache.
        public let input: PicoDollars
        /// A prompt token read from the provider's cache.
        public let cachedInput: PicoDollars
        /// A prompt token written to the provider's cache.
        public let cacheWrite: PicoDollars
        /// A prompt token written to the provider's cache for an hour.
        public let cacheWriteHour: PicoDollars
        /// A completion token.
        public let output: PicoDollars
        /// A completion token that was thought and not said; nil when it is an ordinary completion token.
        public let reasoning: PicoDollars?
        /// A completion token that an image is made of; nil when it is an ordinary completion token.
        public let imageOutput: PicoDollars?
        /// A prompt token that an image is made of; nil when it is an ordinary prompt token.
        public let imageInput: PicoDollars?

        var highestInput: PicoDollars { max(input, cachedInput, cacheWrite, cacheWriteHour, imageInput ?? .zero) }
        var highestOutput: PicoDollars { max(output, reasoning ?? .zero, imageOutput ?? .zero) }
    }

    /// Whether every price is nothing.
    public var isFree: Bool {
        multiplier.partsPerMillion == 0
            || (request == .zero && image == .zero && generatedImage == .zero
                && tiers.allSatisfy { $0.highestInput == .zero && $0.highestOutput == .zero })
    }

    /// Whether tokens cost nothing, whatever else does.
    public var hasFreeTokens: Bool { tiers.allSatisfy { $0.highestInput == .zero && $0.highestOutput == .zero } }

    /// The tier for a prompt of `promptTokens`.
    public func tier(promptTokens: Int64) -> Tier {
        tiers.first { $0.upTo.map { promptTokens <= $0 } ?? true } ?? tiers[tiers.count - 1]
    }
}
