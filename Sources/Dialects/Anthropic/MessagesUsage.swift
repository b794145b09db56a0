internal import JSON
internal import Money

/// The `usage` of Anthropic's answers, which counts what was read from the cache and written to it beside the input.
struct MessagesUsage: Sendable, Hashable {
    private var input: Int64?
    private var output: Int64?
    private var cached: Int64 = 0
    private var written: Int64 = 0
    private var writtenHour: Int64 = 0
    private var reasoning: Int64 = 0

    /// Takes over what `usage` says; counts are totals so far, so the last one of each holds.
    mutating func merge(_ usage: JSONValue?) {
        guard let usage else { return }
        func count(_ value: JSONValue?) -> Int64? {
            guard let count = value?.int64, (0...UsageCounts.most).contains(count) else { return nil }
            return count
        }
        if let count = count(usage["input_tokens"]) { input = count }
        if let count = count(usage["output_tokens"]) { output = count }
        if let count = count(usage["cache_read_input_tokens"]) { cached = count }
        if let creation = usage["cache_creation"] {
            let hour = count(creation["ephemeral_1h_input_tokens"]) ?? 0
            writtenHour = hour
            written = max(written, hour + (count(creation["ephemeral_5m_input_tokens"]) ?? 0))
        }
        if let count = count(usage["cache_creation_input_tokens"]) { written = max(count, writtenHour) }
        if let count = count(usage["output_tokens_details"]?["thinking_tokens"]) { reasoning = count }
    }

    /// What was told; nil before the input was.
    var tokens: TokenUsage? {
        guard let input else { return nil }
        let completion = output ?? 0
        return TokenUsage(
            promptTokens: input + cached + written, completionTokens: completion, cachedTokens: cached, cacheWriteTokens: written,
            cacheWriteHourTokens: writtenHour, reasoningTokens: min(reasoning, completion))
    }

    /// The usage of a whole answer; nil unless both sides were told.
    var whole: TokenUsage? { output == nil ? nil : tokens }
}
