/// What a request used, as the provider counted it or as it was estimated.
///
/// Cached and cache-write tokens and those of images that were given are part of the prompt, reasoning tokens and those of images that
/// were made are part of the completion. No count is below zero.
public struct TokenUsage: Sendable, Hashable, Codable {
    /// Tokens of the prompt, cached ones included.
    public var promptTokens: Int64
    /// Those of the prompt that came from the provider's cache.
    public var cachedTokens: Int64
    /// Those of the prompt that were written to the provider's cache.
    public var cacheWriteTokens: Int64
    /// Those of the cache-write tokens that were written for an hour and not for the usual few minutes.
    public var cacheWriteHourTokens: Int64
    /// Tokens of the completion, reasoning included.
    public var completionTokens: Int64
    /// Those of the completion that were thought and not said.
    public var reasoningTokens: Int64
    /// Images of the prompt, for mappings that charge for them.
    public var images: Int64
    /// Those of the completion that images are made of.
    public var imageOutputTokens: Int64
    /// Images that were made, for mappings that charge for each.
    public var generatedImages: Int64
    /// Those of the prompt that images are made of, where the provider tells them apart.
    public var imageInputTokens: Int64

    /// A count of each kind.
    public init(
        promptTokens: Int64 = 0, completionTokens: Int64 = 0, cachedTokens: Int64 = 0, cacheWriteTokens: Int64 = 0,
        cacheWriteHourTokens: Int64 = 0, reasoningTokens: Int64 = 0, images: Int64 = 0, imageOutputTokens: Int64 = 0,
        generatedImages: Int64 = 0, imageInputTokens: Int64 = 0
    ) {
        self.promptTokens = promptTokens
        self.cachedTokens = cachedTokens
        self.cacheWriteTokens = cacheWriteTokens
        self.cacheWriteHourTokens = cacheWriteHourTokens
        self.completionTokens = completionTokens
        self.reasoningTokens = reasoningTokens
        self.images = images
        self.imageOutputTokens = imageOutputTokens
        self.generatedImages = generatedImages
        self.imageInputTokens = imageInputTokens
    }

    enum CodingKeys: String, CodingKey {
        case promptTokens = "prompt_tokens"
        case cachedTokens = "cached_tokens"
        case cacheWriteTokens = "cache_write_tokens"
        case cacheWriteHourTokens = "cache_write_1h_tokens"
        case completionTokens = "completion_tokens"
        case reasoningTokens = "reasoning_tokens"
        case images
        case imageOutputTokens = "image_output_tokens"
        case generatedImages = "generated_images"
        case imageInputTokens = "image_input_tokens"
    }

    /// Reads a usage; one that was recorded before there were tokens written for an hour, or images that are made or edited, has none.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        promptTokens = try container.decode(Int64.self, forKey: .promptTokens)
        cachedTokens = try container.decode(Int64.self, forKey: .cachedTokens)
        cacheWriteTokens = try container.decode(Int64.self, forKey: .cacheWriteTokens)
        cacheWriteHourTokens = try container.decodeIfPresent(Int64.self, forKey: .cacheWriteHourTokens) ?? 0
        completionTokens = try container.decode(Int64.self, forKey: .completionTokens)
        reasoningTokens = try container.decode(Int64.self, forKey: .reasoningTokens)
        images = try container.decode(Int64.self, forKey: .images)
        imageOutputTokens = try container.decodeIfPresent(Int64.self, forKey: .imageOutputTokens) ?? 0
        generatedImages = try container.decodeIfPresent(Int64.self, forKey: .generatedImages) ?? 0
        imageInputTokens = try container.decodeIfPresent(Int64.self, forKey: .imageInputTokens) ?? 0
    }

    /// Writes the usage; tokens written for an hour and those of images only where there are some, so that other records stay as
    /// they were.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(promptTokens, forKey: .promptTokens)
        try container.encode(cachedTokens, forKey: .cachedTokens)
        try container.encode(cacheWriteTokens, forKey: .cacheWriteTokens)
        if cacheWriteHourTokens != 0 { try container.encode(cacheWriteHourTokens, forKey: .cacheWriteHourTokens) }
        try container.encode(completionTokens, forKey: .completionTokens)
        try container.encode(reasoningTokens, forKey: .reasoningTokens)
        try container.encode(images, forKey: .images)
        if imageOutputTokens != 0 { try container.encode(imageOutputTokens, forKey: .imageOutputTokens) }
        if generatedImages != 0 { try container.encode(generatedImages, forKey: .generatedImages) }
        if imageInputTokens != 0 { try container.encode(imageInputTokens, forKey: .imageInputTokens) }
    }
}
