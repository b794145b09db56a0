internal import JSON

/// A request of Anthropic's Messages API as a chat completion request, for whoever answers it in another dialect.
///
/// `system`, text, images, documents, tools with their calls and results, thinking, a JSON schema, `stop_sequences` and
/// `metadata.user_id` go over. What steers only Anthropic's own cache and context is left behind: `cache_control`,
/// `context_management` and `diagnostics`. That a tool failed is said by its text to whoever has no other word for it. The blocks of
/// earlier thinking are for Claude alone, wherever it runs, but for Google's signatures, which are for Google. What only Anthropic
/// itself can be told (``exclusive``) keeps the request from other providers; what the gateway can't price or does not know is
/// refused by name.
public struct MessagesTranslation: Sendable {
    /// The chat completion request. A stream of it tells its usage.
    public let chat: [UInt8]
    /// Why the request can be answered by nobody who speaks another dialect; nil when it can.
    public let exclusive: APIError?
    /// The effort that the client wants where it says nothing of thinking. It stands apart from ``chat`` because it only asks: a
    /// model that does not reason answers without being told of it.
    public let effort: String?
    /// The client's own body.
    public let original: [UInt8]
    /// Those of the client's `anthropic-beta` headers that change no price; only Anthropic is told.
    let betas: [String]
    /// Bytes of the request that a model of Anthropic reads beyond what ``chat`` says.
    let leftBytes: Int64
    /// What Claude is to see again of its thoughts: `reasoning_details` by the places of their messages in ``chat``, which is for
    /// everybody and does not have them. Nothing where it is not to think, because it refuses to be shown them then.
    let thoughts: [Int: [JSONValue]]
    /// What ``chat`` can't say, for others than Anthropic that know a word for it.
    let asides: MessagesAsides
    /// What the answer is to stop at.
    let stops: [String]
    /// Where the model's name stands in ``original``, with its quotes.
    let modelRange: Range<Int>
    /// Where the messages stand there, what is said of thinking, and what is taken out of the prompt.
    let messagesRange: Range<Int>
    let thinkingRange: Range<Int>?
    /// Whether the answer is to be a stream.
    let isStreamed: Bool
    let contextRange: Range<Int>?
    /// Whether Anthropic would refuse the messages as they are, see ``MendedMessages``.
    let isForeign: Bool
    /// Images that ``original`` gives by their addresses.
    let remoteImages: [RemoteImage]

    /// Translates a body.
    ///
    /// - Parameters:
    ///   - counting: whether tokens are only to be counted, which needs no bound of the answer.
    ///   - betas: the values of the client's `anthropic-beta` headers.
    /// - Throws: 400 naming the field that is wrong, unknown or without a price.
    public init(_ body: [UInt8], counting: Bool = false, betas: [String] = []) throws(APIError) {
        original = body
        self.betas = betas.flatMap { $0.split(separator: ",") }.map { $0.filter { $0 != " " } }.filter(Self.freeBetas.contains)
        var fields = try RequestFields(body)
        guard case .string(let model)? = try fields.take("model") else { throw .invalid("model", "\"model\" must be a string") }
        modelRange = fields.ranges["model"] ?? 0..<0
        messagesRange = fields.ranges["messages"] ?? 0..<0
        thinkingRange = fields.ranges["thinking"]
        contextRange = fields.ranges["context_management"]
        let limit = try fields.take("max_tokens")
        guard limit.map({ $0.int64.map { $0 >= 1 } ?? false }) ?? counting else {
            throw .invalid("max_tokens", "\"max_tokens\" must be an integer of at least 1")
        }
        var conversation = ChatConversation()
        try conversation.system(try fields.take("system"))
        try conversation.messages(try fields.take("messages"))
        var members: [(String, JSONValue?)] = [
            ("model", .string(model)), ("messages", .array(conversation.chat)), ("max_tokens", limit),
        ]
        let stream = try fields.flag("stream")
        isStreamed = stream == true
        members.append(("stream", stream.map { JSONValue.bool($0) }))
        if isStreamed { members.append(("stream_options", .members([("include_usage", .bool(true))]))) }
        for name in ["temperature", "top_p"] { members.append((name, try fields.take(name))) }
        // OpenAI takes no empty list of them.
        let stops = try fields.take("stop_sequences")
        members.append(("stop", stops?.elements?.isEmpty == true ? nil : stops))
        self.stops = (stops?.elements ?? []).compactMap(\.text)
        if try fields.take("top_k") != nil {
            conversation.refuse(.invalid("top_k", "\"top_k\" can be told to nobody but Anthropic"))
        }
        if let user = try fields.take("metadata")?["user_id"], user != .null {
            // OpenAI takes 64 characters for a user, and Claude Code's are longer.
            members.append(("user", user.text.map { JSONValue.string($0.asUser(most: 64)) } ?? user))
        }
        let tools = try Self.tools(&fields, &conversation)
        members += tools.members
        let thinking = try Self.thinking(&fields)
        members += thinking.members
        effort = thinking.hint
        let thinks = thinking.members.contains { $0.0 == "reasoning_effort" && $0.1 != nil }
        if let tier = try fields.take("service_tier"), tier != .string("auto"), tier != .string("standard_only") {
            throw .invalid("service_tier", "\"service_tier\" must be auto or standard_only: no other tier has a price here")
        }
        _ = try fields.take("cache_control")
        // It asks why Anthropic's cache missed, which only Anthropic could say, and changes nothing of the answer.
        _ = try fields.take("diagnostics")
        try Self.checkContext(try fields.take("context_management"))
        try fields.end()
        chat = JSONValue.members(members).bytes
        exclusive = conversation.exclusive
        leftBytes = conversation.leftBytes + tools.leftBytes
        isForeign = conversation.isForeign
        remoteImages = conversation.remoteImages
        asides = conversation.asides
        thoughts = thinks ? conversation.thoughts : [:]
    }

    /// What may be switched on without a price of its own. A longer context and faster inference have one, and others are not known.
    private static let freeBetas: Set<String> = [
        "interleaved-thinking-2025-05-14", "context-management-2025-06-27", "fine-grained-tool-streaming-2025-05-14",
        "structured-outputs-2025-11-13", "effort-2025-11-24", "mid-conversation-system-2026-04-07",
        "extended-cache-ttl-2025-04-11", "prompt-caching-2024-07-31", "cache-diagnosis-2026-04-07",
    ]

    /// Only what takes something out of the prompt is let through: a summary would be written for more than the bound of the answer.
    private static func checkContext(_ context: JSONValue?) throws(APIError) {
        for (index, edit) in (context?["edits"]?.elements ?? []).enumerated() {
            guard edit["type"]?.text?.hasPrefix("clear_") == true else {
                throw .invalid("context_management.edits[\(index)].type", "only edits that clear something have a bound here")
            }
        }
    }

    private static let toolFields: Set<String> = [
        "type", "name", "description", "input_schema", "strict", "cache_control", "eager_input_streaming", "input_examples",
        "defer_loading", "allowed_callers",
    ]

    /// What a tool has that only Anthropic reads, as it is told or counted there: examples of its input, and who may call it. A tool
    /// that is loaded later or called by code needs a tool of Anthropic's own, which has no price here.
    ///
    /// - Returns: The bytes that a model reads beyond what a chat completion says of the tool.
    private static func own(
        _ tool: JSONValue, _ path: String, _ conversation: inout ChatConversation
    ) throws(APIError) -> Int64 {
        guard [JSONValue.null, .bool(false)].contains(tool["defer_loading"] ?? .null) else {
            throw .invalid("\(path).defer_loading", "a tool that is loaded later is found by one that is not served")
        }
        guard [JSONValue.null, .array([.string("direct")])].contains(tool["allowed_callers"] ?? .null) else {
            throw .invalid("\(path).allowed_callers", "a tool must be called by the model itself: \"direct\"")
        }
        guard let examples = tool["input_examples"], examples != .null else { return 0 }
        conversation.refuse(
            .invalid("\(path).input_examples", "\"\(path).input_examples\" can be told to nobody but Anthropic"))
        return Int64(examples.bytes.count)
    }

    private static func tools(
        _ fields: inout RequestFields, _ conversation: inout ChatConversation
    ) throws(APIError) -> (members: [(String, JSONValue?)], leftBytes: Int64) {
        var leftBytes: Int64 = 0
        var definitions: [JSONValue] = []
        for (index, tool) in (try fields.take("tools")?.elements ?? []).enumerated() {
            let path = "tools[\(index)]"
            guard tool["type"].map({ $0 == .null || $0 == .string("custom") }) ?? true else {
                throw .invalid("\(path).type", "a tool must be the client's own: what others cost has no bound")
            }
            for field in tool.fields ?? [] where !toolFields.contains(field.name) {
                throw .invalid("\(path).\(field.name.prefix(64))", "\"\(field.name.prefix(64))\" is not known")
            }
            guard let name = tool["name"]?.text else { throw .invalid("\(path).name", "\"\(path).name\" is required") }
            leftBytes += try own(tool, path, &conversation)
            let function: [(String, JSONValue?)] = [
                ("name", .string(name)), ("description", tool["description"]), ("parameters", tool["input_schema"]),
                ("strict", tool["strict"]),
            ]
            definitions.append(.members([("type", .string("function")), ("function", .members(function))]))
        }
        let choice = try fields.take("tool_choice")
        guard !definitions.isEmpty else { return ([], 0) }
        var members: [(String, JSONValue?)] = [("tools", .array(definitions))]
        switch choice?["type"]?.text {
        case nil where choice == nil: break
        case "auto", "none": members.append(("tool_choice", choice?["type"]))
        case "any": members.append(("tool_choice", .string("required")))
        case "tool":
            let function = JSONValue.members([("name", choice?["name"])])
            members.append(("tool_choice", .members([("type", .string("function")), ("function", function)])))
        default: throw .invalid("tool_choice.type", "\"tool_choice.type\" must be auto, any, tool or none")
        }
        if choice?["disable_parallel_tool_use"] == .bool(true) { members.append(("parallel_tool_calls", .bool(false))) }
        return (members, leftBytes)
    }

    /// `thinking` and `output_config`: how much is thought, by whichever of them says it, and the answer's format.
    private static func thinking(
        _ fields: inout RequestFields
    ) throws(APIError) -> (members: [(String, JSONValue?)], hint: String?) {
        let thinking = try fields.take("thinking")
        let output = try fields.take("output_config")
        for field in output?.fields ?? [] where field.value != .null && !["effort", "format"].contains(field.name) {
            throw .invalid("output_config.\(field.name.prefix(64))", "\"\(field.name.prefix(64))\" is not known")
        }
        var effort: JSONValue?
        switch thinking?["type"]?.text {
        case nil where thinking == nil, "disabled": break
        case "enabled":
            guard let budget = thinking?["budget_tokens"]?.int64, budget >= 1024 else {
                throw .invalid("thinking.budget_tokens", "\"thinking.budget_tokens\" must be at least 1024")
            }
            effort = .string(budget < 2000 ? "low" : budget < 4000 ? "medium" : "high")
        case "adaptive": effort = output?["effort"] ?? .string("medium")
        default: throw .invalid("thinking.type", "\"thinking.type\" must be enabled, adaptive or disabled")
        }
        if effort == .string("max") { effort = .string("xhigh") }
        var members: [(String, JSONValue?)] = [("reasoning_effort", effort)]
        if let format = output?["format"], format != .null {
            guard format["type"] == .string("json_schema"), let schema = format["schema"] else {
                throw .invalid("output_config.format", "\"output_config.format\" must be a json_schema with a \"schema\"")
            }
            let named: [(String, JSONValue?)] = [("name", .string("answer")), ("schema", schema), ("strict", .bool(true))]
            members.append(
                ("response_format", .members([("type", .string("json_schema")), ("json_schema", .members(named))])))
        }
        return (members, thinking == nil ? hints[output?["effort"]?.text ?? ""] : nil)
    }

    /// What every model that reasons has a word for.
    private static let hints = ["low": "low", "medium": "medium", "high": "high", "xhigh": "high", "max": "high"]
}

extension MessagesTranslation {
    /// The chat completion request for a model that reasons.
    ///
    /// - Parameter model: Its id: an effort that it has no word for is the most that it has.
    public func reasoningChat(of model: String) -> [UInt8] {
        if let effort { return Array("{\"reasoning_effort\":\"\(effort)\",".utf8) + chat.dropFirst() }
        guard !Self.goesBeyondHigh(model), let members = (try? JSONValue(request: chat))?.fields,
            let place = members.firstIndex(where: { $0.name == "reasoning_effort" && $0.value == .string("xhigh") })
        else { return chat }
        var lowered = members
        lowered[place].value = .string("high")
        return JSONValue.object(lowered).bytes
    }

    /// Whether a model that is asked in OpenAI's format has an effort above `high`, which Anthropic calls `xhigh` and `max`: OpenAI's
    /// own have from GPT-5.2 on, and others refuse the word (https://platform.openai.com/docs/guides/reasoning,
    /// https://console.groq.com/docs/reasoning). A client of OpenAI's format names the efforts of its model itself.
    public static func goesBeyondHigh(_ model: String) -> Bool { model.hasPrefix("gpt-5.") && !model.hasPrefix("gpt-5.1") }
}
