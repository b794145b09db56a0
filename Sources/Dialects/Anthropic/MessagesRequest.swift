public import Catalogue
internal import JSON

/// A chat completion request as Anthropic's Messages API wants it (https://platform.claude.com/docs/en/api/messages).
///
/// What both sides can express goes over: `system` and `developer` messages to `system` in their order, text and images, tools,
/// their calls and their results, `stop`, `temperature`, `top_p`, `reasoning_effort`, `user` or `safety_identifier`, a JSON
/// schema as `output_config.format`, and `cache_control` wherever it stands. Anything else is refused by name. What has no
/// meaning there is left behind: the `detail` of an image, the `name` of a JSON schema, `prompt_cache_retention`, and reasoning
/// text that comes without the signature that Anthropic demands. For `json_object` see ``JSONMode``.
public struct MessagesRequest: ForeignRequest {
    /// How much is thought before the answer.
    enum Thinking: Hashable {
        case none
        /// At most this many of the completion's tokens.
        case budget(Int64)
        /// As the model sees fit for this effort.
        case adaptive(effort: String)

        /// The same before a completion of at most `maximumTokens`, which must have more than the budget; that has at least 1,024
        /// (https://platform.claude.com/docs/en/build-with-claude/extended-thinking). One that does not fit leaves half of the
        /// completion for what is said, and where not even the least fits nothing is thought.
        func within(_ maximumTokens: Int64) -> Thinking {
            guard case .budget(let tokens) = self, tokens >= maximumTokens else { return self }
            return maximumTokens > 1024 ? .budget(max(1024, maximumTokens / 2)) : .none
        }
    }

    /// The members of the body but for the model, the bound of the completion and what thinking says.
    let members: [JSONValue.Member]
    let thinking: Thinking
    /// The answer's format, which shares a member with the effort of thinking.
    let format: JSONValue?
    private let place: MessagesPlace
    public let addedPromptTokens: Int64
    public let instruction: String?
    public let remoteImages: [RemoteImage]
    public var imageBounds: RemoteImage.Bounds { .claude }
    /// What it was made from, where it must be made again with images that are fetched.
    private let origin: Origin?

    private struct Origin {
        let chat: JSONValue
        let mode: ThinkingMode
        let outputLimit: Int64?
    }

    /// Translates a chat completion request that ``ChatRequestScan`` has let pass.
    ///
    /// - Parameters:
    ///   - chat: the body.
    ///   - mapping: the model's mapping, which says how it is told to think.
    ///   - outputLimit: the client's own bound of the completion.
    ///   - isVertex: whether Vertex AI is asked, and not Anthropic itself.
    /// - Throws: 400 naming the field that can't be expressed.
    public init(chat body: [UInt8], mapping: Mapping, outputLimit: Int64?, isVertex: Bool = false) throws(APIError) {
        let chat: JSONValue
        do { chat = try JSONValue(request: body) } catch { throw .invalid(nil, "the body is not valid JSON: \(error)") }
        try self.init(chat, thinks: mapping.thinking, outputLimit: outputLimit, isVertex: isVertex)
    }

    init(_ chat: JSONValue, thinks mode: ThinkingMode, outputLimit: Int64?, isVertex: Bool = false) throws(APIError) {
        place = isVertex ? .vertex : .anthropic
        var fields = ChatFields(chat, provider: "Anthropic")
        var members: [JSONValue.Member] = []
        func add(_ name: String, _ value: JSONValue?) { if let value { members.append(.init(name, value)) } }

        let given = try fields.take("messages")
        remoteImages = isVertex ? ImagesAsData.missing(inChat: given) : []
        origin = remoteImages.isEmpty ? nil : Origin(chat: chat, mode: mode, outputLimit: outputLimit)
        let messages = try MessagesConversation(given?.elements ?? [])
        let wanted = try fields.take("response_format")
        instruction = JSONMode.instruction(wanted)
        let system = messages.system + (instruction.map { [MessagesContent.text($0)] } ?? [])
        add("system", system.isEmpty ? nil : .array(system))
        add("messages", .array(messages.turns))
        let thinking = try Self.thinking(fields.take("reasoning_effort"), mode).after(messages.lost).within(outputLimit ?? .max)
        for name in ["temperature", "top_p"] { add(name, try fields.fraction(name)) }
        if let topK = try fields.take("top_k") {
            guard let count = topK.int64, count >= 0 else { throw .invalid("top_k", "\"top_k\" must be a count") }
            add("top_k", topK)
        }
        add("stop_sequences", try fields.stop().map { .array($0.map { .string($0) }) })
        let tools = try MessagesTools(&fields)
        add("tools", tools.definitions)
        add("tool_choice", tools.choice)
        let user = try fields.text("user")
        let named = try fields.text("safety_identifier")
        if let user = (user ?? named)?.asUser(most: 256) { add("metadata", .members([("user_id", .string(user))])) }
        add("cache_control", try fields.take("cache_control"))
        _ = try fields.take("prompt_cache_retention")
        if try fields.take("stream") == .bool(true) { add("stream", .bool(true)) }
        format = try Self.format(wanted)
        try fields.end()

        if thinking != .none {
            if members.contains(where: { $0.name == "temperature" && $0.value != .number("1") }) {
                throw .invalid("temperature", "Anthropic takes no \"temperature\" together with \"reasoning_effort\"")
            }
            if tools.isForced {
                throw .invalid("tool_choice", "Anthropic can't be made to call a tool together with \"reasoning_effort\"")
            }
            // It may be said only where it is what it would be anyway.
            members.removeAll { $0.name == "temperature" }
        }
        self.members = members
        self.thinking = thinking
        // Instructions that Anthropic writes around tools (804 tokens at most as of 2026) and a schema.
        addedPromptTokens =
            (tools.definitions == nil && format == nil ? 0 : 2048) + Int64(instruction?.utf8.count ?? 0)
    }

    public func path(model: String, at account: Provider.Account) -> String {
        place.path(model: model, isStreamed: members.contains { $0.name == "stream" }, at: account)
    }

    public func headers(of call: ProviderCall) -> [(String, String)] { place.headers(of: call) }

    public func with(images: [String: String]) throws(APIError) -> any ForeignRequest {
        guard let origin else { return self }
        let chat = origin.chat.with("messages", ImagesAsData(images).chat)
        return try MessagesRequest(chat, thinks: origin.mode, outputLimit: origin.outputLimit, isVertex: place == .vertex)
    }

    public func answer(id: String, created: Int64) -> any ForeignAnswer { MessagesAnswer(created: created) }

    public func body(model: String, maximumTokens: Int64) throws(APIError) -> [UInt8] {
        var all: [JSONValue.Member] = [
            place.member(model: model), .init("max_tokens", .integer(maximumTokens)),
        ]
        var effort: JSONValue?
        switch thinking.within(maximumTokens) {
        case .none: break
        case .budget(let tokens):
            all.append(.init("thinking", .members([("type", .string("enabled")), ("budget_tokens", .integer(tokens))])))
        case .adaptive(let level):
            all.append(.init("thinking", .members([("type", .string("adaptive")), ("display", .string("summarized"))])))
            effort = .string(Self.effort(level, of: model))
        }
        if effort != nil || format != nil {
            all.append(.init("output_config", .members([("effort", effort), ("format", format)])))
        }
        return JSONValue.object(all + members).bytes
    }

    /// The efforts that clients ask for, as the nearest that a model has which is told one, and in tokens for others.
    private static let efforts: [String: (level: String, budget: Int64)] = [
        "minimal": ("low", 1024), "low": ("low", 1024), "medium": ("medium", 2000), "high": ("high", 4000),
        "xhigh": ("xhigh", 4000), "max": ("max", 4000),
    ]

    /// The effort as `model` knows it: what 4.6 has above `high` is `max` alone
    /// (https://platform.claude.com/docs/en/build-with-claude/effort).
    static func effort(_ level: String, of model: String) -> String {
        level == "xhigh" && (model.contains("opus-4-6") || model.contains("sonnet-4-6")) ? "max" : level
    }

    static func thinking(_ effort: JSONValue?, _ mode: ThinkingMode) throws(APIError) -> Thinking {
        guard let effort, effort != .string("none") else { return .none }
        guard let known = effort.text.flatMap({ efforts[$0] }) else {
            throw .invalid("reasoning_effort", "\"reasoning_effort\" must be none, minimal, low, medium, high, xhigh or max")
        }
        return mode == .adaptive ? .adaptive(effort: known.level) : .budget(known.budget)
    }

    private static func format(_ format: JSONValue?) throws(APIError) -> JSONValue? {
        guard let format, format["type"] != .string("text"), JSONMode.instruction(format) == nil else { return nil }
        guard format["type"] == .string("json_schema") else {
            throw .invalid("response_format", "\"response_format.type\" must be text, json_object or json_schema for Anthropic")
        }
        guard var schema = format["json_schema"]?["schema"]?.fields else {
            throw .invalid("response_format.json_schema.schema", "Anthropic needs the schema of the answer")
        }
        if let summary = format["json_schema"]?["description"], summary != .null,
            !schema.contains(where: { $0.name == "description" })
        {
            schema.append(.init("description", summary))
        }
        return .members([("type", .string("json_schema")), ("schema", .object(schema))])
    }
}
