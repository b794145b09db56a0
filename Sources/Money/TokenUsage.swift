/// What a request used, as the provider counted it or as it was estimated.
///
/// Cached and cache-write tokens are part of the prompt, reasoning tokens are part of the completion. No count is below zero.
public struct TokenUsage: Sendable, Hashable, Codable {
    /// Tokens of the prompt, cached ones included.
    public var promptTokens: Int64
    /// Those of the prompt that came from the provider's cache.
    public var cachedTokens: Int64
    /// Those of the prompt that were written to the provider's cache.
    public var cacheWriteTokens: Int64
    /// Tokens of the completion, reasoning included.
    public var completionTokens: Int64
    /// Those of the completion that were thought and not said.
    public var reasoningTokens: Int64
    /// Images of the prompt, for mappings that charge for them.
    public var images: Int64

    /// A count of each kind.
    public init(
        promptTokens: Int64 = 0, completionTokens: Int64 = 0, cachedTokens: Int64 = 0, cacheWriteTokens: Int64 = 0,
        reasoningTokens: Int64 = 0, images: Int64 = 0
    ) {
        self.promptTokens = promptTokens
        self.cachedTokens = cachedTokens
        self.cacheWriteTokens = cacheWriteTokens
        self.completionTokens = completionTokens
        self.reasoningTokens = reasoningTokens
        self.images = images
    }

    enum CodingKeys: String, CodingKey {
        case promptTokens = "prompt_tokens"
        case cachedTokens = "cached_tokens"
        case cacheWriteTokens = "cache_write_tokens"
        case completionTokens = "completion_tokens"
        case reasoningTokens = "reasoning_tokens"
        case images
    }
}
