internal import Money

extension TokenUsage {
    /// Whether it counts less than one that came `before` it, which a count of what was used so far can't.
    func countsLess(than before: TokenUsage) -> Bool {
        completionTokens < before.completionTokens
            || (completionTokens == before.completionTokens && promptTokens < before.promptTokens)
    }

    /// What is known once a `later` one came: of prompt and completion the counts that are higher, because some services tell
    /// each in an event of its own, and some end with zeros.
    func followed(by later: TokenUsage) -> TokenUsage {
        var usage = later
        if later.promptTokens < promptTokens {
            usage.promptTokens = promptTokens
            usage.cachedTokens = cachedTokens
            usage.cacheWriteTokens = cacheWriteTokens
            usage.cacheWriteHourTokens = cacheWriteHourTokens
            usage.imageInputTokens = imageInputTokens
        }
        if later.completionTokens < completionTokens {
            usage.completionTokens = completionTokens
            usage.reasoningTokens = reasoningTokens
            usage.imageOutputTokens = imageOutputTokens
        }
        return usage
    }
}
