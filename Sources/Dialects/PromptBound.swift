public import Catalogue

/// How tokens are counted before a provider has counted them: from above for holds, and as an estimate where a provider
/// reports nothing.
///
/// **From above.** A token of any tokenizer in use stands for at least one byte of UTF-8, so text of `b` bytes has at most `b`
/// tokens. What surrounds the text is bounded by constants: 16 tokens a message for its role and separators, 64 for the
/// request, and 64 more where tools or a schema are written out. An image is bounded by the catalogue, by its detail.
/// A prompt is never longer than the model's context either, because the provider refuses it; a file, whose pages nobody
/// counts beforehand, is bounded by that alone.
///
/// **Estimated.** Four bytes of text are a token, rounded up; a streamed delta is at least one token, because providers send
/// one or more whole tokens in each.
public enum TokenBound {
    /// Tokens around the text of one message.
    public static let perMessage: Int64 = 16
    /// Tokens around the messages.
    public static let perRequest: Int64 = 64
    /// Tokens around the definitions of tools and of a schema.
    public static let perDefinitions: Int64 = 64

    /// The estimated tokens of an image that was made where the provider counts none: what Google's models need for one of usual
    /// size (https://ai.google.dev/gemini-api/docs/pricing).
    public static let perGeneratedImage: Int64 = 1_290

    /// Of a file that nobody counted.
    public static let fileBytesPerToken: Int64 = 32

    /// The estimated tokens of `bytes` bytes of text.
    public static func estimate(bytes: Int64) -> Int64 { bytes / 4 + (bytes % 4 == 0 ? 0 : 1) }

    /// The estimated tokens of one delta of a stream that says `bytes` bytes: one for a usual delta, which holds one token.
    public static func estimate(deltaBytes bytes: Int64) -> Int64 { bytes == 0 ? 0 : bytes <= 16 ? 1 : estimate(bytes: bytes) }
}

extension ChatRequestScan {
    /// What strict organizations are told of a part whose cost has no bound; nil when there is none. A file's tokens cost what
    /// others of the prompt do; sound has prices of its own nearly everywhere, which the catalogue does not know.
    public var unboundedPart: APIError? {
        audioPart.map {
            APIError.invalid(
                $0,
                "audio is refused in strict mode, because what its tokens cost is not known before: send what is said as text, "
                    + "use a provider key of your own, or a key of an organization that is not strict")
        }
    }

    /// What `mapping` reads at most: a provider refuses more.
    public func longestPrompt(for mapping: Mapping) -> Int64 {
        let (tokens, overflows) = mapping.contextSize.multipliedReportingOverflow(by: contexts)
        return overflows ? .max : tokens
    }

    /// The most tokens that the prompt can have at `mapping`. A file or a sound counts as the whole of the model's context, which
    /// is all that is read of it where a provider counts tokens as it says it does.
    public func promptBound(for mapping: Mapping) -> Int64 {
        guard audioPart == nil, filePart == nil else { return mapping.contextSize }
        let text = textBytes + definitionBytes + messages * TokenBound.perMessage + TokenBound.perRequest
        let definitions = definitionBytes > 0 ? TokenBound.perDefinitions : 0
        let images = lowDetailImages * mapping.imageTokens.low + otherImages * mapping.imageTokens.other
        return min(text + definitions + images, longestPrompt(for: mapping))
    }

    /// The most tokens that all completions can have together when each choice has at most `perChoice`. Rejected tokens of a
    /// prediction are charged as completion, so they count too.
    public func completionBound(perChoice: Int64) -> Int64 { (perChoice + predictionBytes) * choices }

    /// The estimated tokens of the prompt: text and definitions, and 85 tokens an image. Of a file nobody knows how much is text.
    public var estimatedPromptTokens: Int64 {
        max(1, TokenBound.estimate(bytes: textBytes + definitionBytes) + messages * 4 + images * 85)
    }

    /// The tokens of the prompt that are settled where `mapping`'s provider tells none: as they are estimated, and of a file one for
    /// 32 bytes of what was sent, but no more than are held. A page has 1,500 to 3,000 tokens
    /// (https://platform.claude.com/docs/en/build-with-claude/pdf-support) and is taken for 70 kB in base64, which fits neither text
    /// nor pictures well; but nothing at all would be an offer to leave each stream before its end.
    public func settledPromptTokens(at mapping: Mapping) -> Int64 {
        guard fileBytes > 0 else { return estimatedPromptTokens }
        return min(estimatedPromptTokens + fileBytes / TokenBound.fileBytesPerToken, promptBound(for: mapping))
    }
}
