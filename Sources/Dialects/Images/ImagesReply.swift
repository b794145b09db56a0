internal import JSON
public import Money

/// The answer to a request for images: `data` with their Base64 or their URLs, and a `usage` where the provider counts tokens
/// (https://platform.openai.com/docs/api-reference/images/object). It goes on as it came.
public struct ImagesReply: AnswerScan {
    private var scan: ChatResponseScan
    public let generatedImages: Int64
    /// Those that came as data.
    private let inlineImages: Int64

    /// Scans an answer.
    public init(_ body: [UInt8]) throws(ChatResponseError) {
        scan = try ChatResponseScan(body)
        let data: JSONValue
        do { data = try JSONValue(body) } catch { throw ChatResponseError(message: "the answer holds \(error)") }
        guard scan.error != nil || scan.hasError || data["data"]?.elements != nil else {
            throw ChatResponseError(message: "the answer has no \"data\"")
        }
        let images = data["data"]?.elements ?? []
        let inline = images.filter { $0["b64_json"]?.text?.isEmpty == false }
        inlineImages = Int64(inline.count)
        let linked = images.filter { $0["url"]?.text?.isEmpty == false && $0["b64_json"]?.text?.isEmpty != false }
        generatedImages = Int64(linked.count) + inlineImages
        scan.usage = Self.usage(data["usage"])
    }

    public var usage: TokenUsage? { scan.usage }
    public var finishReasons: [String] { [] }
    public var error: APIError? { scan.error }
    /// Of images that came as data: an answer with addresses, which soon lead nowhere, has nothing that could be given again.
    public var estimatedCompletionTokens: Int64 { inlineImages * TokenBound.perGeneratedImage }

    public func answer(_ additions: ResponseAdditions, body: [UInt8]) -> [UInt8] {
        let written = additions.estimatedUsage.map { usage -> [UInt8] in
            guard let bill = additions.bill else { return usage.imagesValue.bytes }
            var details: [UInt8] = []
            ResponseAdditions.write(details: bill, into: &details)
            let cost: [JSONValue.Member] = [
                .init("cost", .number((additions.charged ?? bill.total).decimal)),
                .init("cost_details", (try? JSONValue(details)) ?? .null),
            ]
            return JSONValue.object(cost + (usage.imagesValue.fields ?? [])).bytes
        }
        return scan.adding(additions, to: body.span.bytes, written: written)
    }

    /// Where it is not said, all tokens of the output are those of images.
    private static func usage(_ usage: JSONValue?) -> TokenUsage? {
        func count(_ value: JSONValue?) -> Int64? {
            guard let count = value?.int64, (0...UsageCounts.most).contains(count) else { return nil }
            return count
        }
        guard let input = count(usage?["input_tokens"]), let output = count(usage?["output_tokens"]) else { return nil }
        let details = usage?["output_tokens_details"]
        let reasoning = min(count(details?["reasoning_tokens"]) ?? 0, output)
        return TokenUsage(
            promptTokens: input, completionTokens: output,
            cachedTokens: min(count(usage?["input_tokens_details"]?["cached_tokens"]) ?? 0, input), reasoningTokens: reasoning,
            imageOutputTokens: min(count(details?["image_tokens"]) ?? output, output - reasoning),
            imageInputTokens: min(count(usage?["input_tokens_details"]?["image_tokens"]) ?? 0, input))
    }
}

extension TokenUsage {
    /// The `usage` object of an answer with images.
    var imagesValue: JSONValue {
        let output: [(String, JSONValue?)] = [
            ("image_tokens", .integer(imageOutputTokens)),
            ("text_tokens", .integer(max(0, completionTokens - imageOutputTokens - reasoningTokens))),
            ("reasoning_tokens", reasoningTokens == 0 ? nil : .integer(reasoningTokens)),
        ]
        return .members([
            ("input_tokens", .integer(promptTokens)), ("output_tokens", .integer(completionTokens)),
            ("total_tokens", .integer(promptTokens + completionTokens)),
            (
                "input_tokens_details",
                .members([
                    ("text_tokens", .integer(promptTokens - imageInputTokens)), ("image_tokens", .integer(imageInputTokens)),
                    ("cached_tokens", cachedTokens == 0 ? nil : .integer(cachedTokens)),
                ])
            ), ("output_tokens_details", .members(output)),
        ])
    }
}
