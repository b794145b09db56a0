internal import Catalogue

/// What Converse can be asked of a model: it has one form for all, and not every model knows every part of it.
struct BedrockModel: Sendable {
    /// Its name there, without a prefix.
    let name: String
    /// How it is told to think, if it is Claude; other models have ways of their own.
    let thinking: ThinkingMode
    /// Whether it keeps to a JSON schema.
    let keepsSchemas: Bool

    init(name: String, thinking: ThinkingMode = .budget, keepsSchemas: Bool = true) {
        self.name = name
        self.thinking = thinking
        self.keepsSchemas = keepsSchemas
    }

    init(_ mapping: Mapping) {
        self.init(
            name: mapping.upstreamName, thinking: mapping.thinking, keepsSchemas: mapping.capabilities.jsonSchema)
    }

    /// Whether it is Anthropic's, and takes what is Anthropic's own beside the fields of Converse.
    var isClaude: Bool { name.contains("anthropic") }

    /// Whether it can be told that a tool failed
    /// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolResultBlock.html).
    var knowsFailures: Bool { isClaude || name.contains("amazon.nova") }

    /// Whether a point can be marked up to which the prompt is cached; other models refuse the mark
    /// (https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html).
    var caches: Bool { isClaude || name.contains("amazon.nova") }
}
