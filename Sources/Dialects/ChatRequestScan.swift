public import Catalogue
public import NIOCore

/// What the gateway reads of a chat completion request, found in one pass over the body; the rest stays bytes.
///
/// The whole body is checked: JSON of bounded depth, UTF-8, no NUL, no half surrogates. A field that is read here may stand
/// only once and only in its plain spelling, because a provider that reads duplicates, escapes or letter case in another way
/// would answer another request than the one that was priced. What cannot be priced or served is refused by name.
public struct ChatRequestScan: Sendable, Hashable {
    /// What the client asked the answer to look like.
    public enum ResponseFormat: String, Sendable, Hashable {
        case text
        case jsonObject = "json_object"
        case jsonSchema = "json_schema"
    }

    /// `model`, decoded; of a moderation without one the model that OpenAI asks.
    public internal(set) var model = ""
    /// `stream`; absent and null are false.
    public internal(set) var stream = false
    /// `stream_options.include_usage`; absent and null are false.
    public internal(set) var includeUsage = false
    /// `max_tokens`, at least 1.
    public internal(set) var maximumTokens: Int64?
    /// `max_completion_tokens`, at least 1.
    public internal(set) var maximumCompletionTokens: Int64?
    /// `n`, the number of choices: 1 to 128.
    public internal(set) var choices: Int64 = 1
    /// `user`, decoded.
    public internal(set) var user: String?
    /// `routing`, decoded: the gateway's own field, which no provider gets.
    public internal(set) var routing: String?
    /// `free_models_only` and `no_reasoning`, the gateway's own as well: which models `auto` may be.
    public internal(set) var freeModelsOnly = false
    public internal(set) var noReasoning = false
    /// `prompt_cache_key`, decoded.
    public internal(set) var promptCacheKey: String?
    /// Whether `tools` (or the older `functions`) has an element.
    public internal(set) var hasTools = false
    /// Whether a tool, or a call in an earlier message, is of the kind that has a text instead of arguments.
    public internal(set) var hasCustomTools = false
    /// Whether `parallel_tool_calls` is true.
    public internal(set) var wantsParallelToolCalls = false
    /// `response_format.type`.
    public internal(set) var responseFormat = ResponseFormat.text
    /// Whether `reasoning_effort` asks for any.
    public internal(set) var hasReasoningEffort = false
    /// Whether it asks for none, which a model that does not reason does without being told.
    var wantsNoReasoning = false
    /// Whether `temperature` asks for another than 1, which it is by itself.
    public internal(set) var wantsTemperature = false
    /// Whether `enable_thinking` is true, by which several services of OpenAI's format have a model think.
    public internal(set) var wantsThinking = false
    /// Whether `modalities` names images.
    public internal(set) var wantsImages = false
    /// The number of messages, at least 1.
    public internal(set) var messages: Int64 = 0
    /// How many texts are read apart from each other, each within the model's context: 1, but for embeddings and moderations.
    public internal(set) var contexts: Int64 = 1
    /// UTF-8 bytes of everything in `messages` that a model reads as text.
    public internal(set) var textBytes: Int64 = 0
    /// Bytes of the text of `tools`, `functions` and `response_format`, which a model reads too.
    public internal(set) var definitionBytes: Int64 = 0
    /// Bytes of the text of `prediction`, whose rejected tokens are charged as completion.
    public internal(set) var predictionBytes: Int64 = 0
    /// Image parts whose detail is `low`.
    public internal(set) var lowDetailImages: Int64 = 0
    /// Image parts of another detail.
    public internal(set) var otherImages: Int64 = 0
    /// Where the first audio part stands, such as `messages[0].content[1]`.
    public internal(set) var audioPart: String?
    /// Where the first file part stands.
    public internal(set) var filePart: String?
    /// Bytes of the text of all files, which are mostly base64.
    public internal(set) var fileBytes: Int64 = 0

    var edits = EditPoints()

    /// The smallest bound of a completion that the client set, if it set one; providers read either field, so the larger counts.
    public var outputLimit: Int64? {
        guard let first = maximumTokens, let second = maximumCompletionTokens else {
            return maximumTokens ?? maximumCompletionTokens
        }
        return max(first, second)
    }

    /// The number of image parts.
    public var images: Int64 { lowDetailImages + otherImages }

    /// Scans a body.
    public init(_ body: [UInt8]) throws(APIError) { self = try ChatRequestScan(body.span.bytes) }

    /// Scans a body.
    public init(_ body: ByteBuffer) throws(APIError) { self = try ChatRequestScan(body.readableBytesSpan) }

    /// Scans a request of any kind. One for embeddings or a moderation asks for no completion.
    public init(_ body: [UInt8], of kind: ModelKind) throws(APIError) {
        self = try ChatRequestScan(body.span.bytes, of: kind)
        // One token that is never written bounds what is never written.
        if kind == .embedding || kind == .moderation { (maximumTokens, contexts) = (1, messages) }
    }

    init() {}
}
