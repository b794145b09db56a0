public import Catalogue
internal import JSON

/// A chat completion request as Google's Gemini API wants it (https://ai.google.dev/api/generate-content).
///
/// What both sides can express goes over: `system` and `developer` messages to `systemInstruction` in their order, text, images,
/// documents, tools, their calls and their results, `stop`, sampling, `seed`, penalties, `reasoning_effort`, a JSON object or a
/// JSON schema. Anything else is refused by name. Left behind is what has no meaning there: `user` and `safety_identifier`, the
/// `detail` of an image, the name of a JSON schema, `strict`, `cache_control` and `prompt_cache_retention` (Google finds what it has
/// cached by itself), and reasoning text. The signature of a thought that led to a tool call, or to an image, travels as
/// `extra_content.google.thought_signature` of the call, where Google's own OpenAI-compatible service has it (for a client of
/// Anthropic's format see ``GoogleSignature``); newer models refuse a call without one, so a call that lost it says so.
public struct GeminiRequest: ForeignRequest {
    /// The members of the body but for `generationConfig`, and those of that but for the bound of the completion.
    private let members: [JSONValue.Member]
    private let configuration: [JSONValue.Member]
    private let isStreamed: Bool
    /// Whether it goes to Vertex AI, which takes the same body elsewhere.
    private let isVertex: Bool
    public let addedPromptTokens: Int64
    public let remoteImages: [RemoteImage]
    /// Vertex AI takes images of 7 MB as data (https://cloud.google.com/vertex-ai/generative-ai/docs/multimodal/image-understanding),
    /// and Google AI Studio bounds a request as a whole. Both take thousands, more than can be fetched while a client waits.
    public var imageBounds: RemoteImage.Bounds { RemoteImage.Bounds(count: 100, bytes: isVertex ? 7 << 20 : 20 << 20) }
    /// What it was made from, where it must be made again with images that are fetched.
    private let origin: Origin?

    private struct Origin {
        let chat: JSONValue
        let thinks: ThinkingMode
        let reasons: Bool
        let makesImages: Bool
        let saysTextAlone: Bool
        let asides: MessagesAsides
    }

    /// Translates a chat completion request that ``ChatRequestScan`` has let pass.
    ///
    /// - Parameters:
    ///   - mapping: the model's mapping, which says how it is told to think.
    ///   - saysTextAlone: whether a model that draws is not to, because the client could not be given what it drew.
    /// - Throws: 400 naming the field that can't be expressed.
    public init(
        chat body: [UInt8], mapping: Mapping, isVertex: Bool = false, saysTextAlone: Bool = false
    ) throws(APIError) {
        let chat: JSONValue
        do { chat = try JSONValue(request: body) } catch { throw .invalid(nil, "the body is not valid JSON: \(error)") }
        let can = mapping.capabilities
        try self.init(
            chat, thinks: mapping.thinking, reasons: can.reasoning, isVertex: isVertex, makesImages: can.imageOutput,
            saysTextAlone: saysTextAlone)
    }

    /// - Parameters:
    ///   - asides: what Google can be told beside `chat`.
    ///   - images: data URLs of images that were fetched, by their addresses.
    init(
        _ chat: JSONValue, thinks mode: ThinkingMode, reasons: Bool, isVertex: Bool = false, makesImages: Bool = false,
        saysTextAlone: Bool = false, asides: MessagesAsides = MessagesAsides(), images: [String: String] = [:]
    ) throws(APIError) {
        self.isVertex = isVertex
        var fields = ChatFields(chat, provider: "Google")
        let conversation = try GeminiConversation(
            try fields.take("messages")?.elements ?? [], needsSignatures: mode == .adaptive && (reasons || makesImages),
            makesImages: makesImages, asides: asides, images: images)
        remoteImages = conversation.remoteImages
        origin =
            remoteImages.isEmpty
            ? nil
            : Origin(
                chat: chat, thinks: mode, reasons: reasons, makesImages: makesImages, saysTextAlone: saysTextAlone,
                asides: asides)
        isStreamed = try fields.take("stream") == .bool(true)
        for name in ["user", "safety_identifier", "prompt_cache_retention"] { _ = try fields.take(name) }
        _ = try fields.take("cache_control")

        var configuration: [JSONValue.Member] = []
        func add(_ name: String, _ value: JSONValue?) { if let value { configuration.append(.init(name, value)) } }
        add("temperature", try fields.fraction("temperature", most: 2))
        add("topP", try fields.fraction("top_p"))
        for (name, theirs) in [("top_k", "topK"), ("seed", "seed")] { add(theirs, try Self.integer(name, &fields)) }
        for (name, theirs) in [("frequency_penalty", "frequencyPenalty"), ("presence_penalty", "presencePenalty")] {
            add(theirs, try Self.penalty(name, &fields))
        }
        let stop = try fields.stop() ?? []
        guard stop.count <= 5 else { throw .invalid("stop", "Google takes at most 5 sequences in \"stop\"") }
        add("stopSequences", stop.isEmpty ? nil : .array(stop.map { .string($0) }))
        for (name, value) in try Self.format(&fields) { add(name, value) }
        add("thinkingConfig", try Self.thinking(try fields.take("reasoning_effort"), mode, reasons: reasons))
        if makesImages {
            for (name, value) in try GeminiImages.configuration(
                &fields, modalities: saysTextAlone ? .array([.string("text")]) : chat["modalities"])
            { add(name, value) }
        }
        self.configuration = configuration

        let tools = try GeminiTools(&fields)
        try fields.end()
        members = [
            conversation.system.isEmpty
                ? nil : .init("systemInstruction", .members([("parts", .array(conversation.system))])),
            .init("contents", .array(conversation.contents)), tools.definitions.map { .init("tools", $0) },
            tools.choice.map { .init("toolConfig", $0) },
        ].compactMap(\.self)
        // What is written around tools and schemas is not counted apart.
        addedPromptTokens = Int64(asides.signatureBytes) + (tools.definitions == nil ? 0 : 1024)
    }

    public func path(model: String, at account: Provider.Account) -> String {
        let call = isStreamed ? "streamGenerateContent?alt=sse" : "generateContent"
        return Self.path(call, of: model, at: account, isVertex: isVertex)
    }

    /// Where `call` of a model is asked.
    static func path(_ call: String, of model: String, at account: Provider.Account, isVertex: Bool) -> String {
        guard isVertex else { return "/v1beta/models/\(model):\(call)" }
        return VertexPlace.path(call, of: model, by: "google", at: account)
    }

    public func headers(of call: ProviderCall) -> [(String, String)] { Self.headers(of: call) }

    static func headers(of call: ProviderCall) -> [(String, String)] {
        [call.token ?? ("x-goog-api-key", call.account.apiKey)]
    }

    public func body(model: String, maximumTokens: Int64) throws(APIError) -> [UInt8] {
        let bound = JSONValue.Member("maxOutputTokens", .integer(maximumTokens))
        return JSONValue.object(members + [.init("generationConfig", .object([bound] + configuration))]).bytes
    }

    public func with(images: [String: String]) throws(APIError) -> any ForeignRequest {
        guard let origin else { return self }
        return try GeminiRequest(
            origin.chat, thinks: origin.thinks, reasons: origin.reasons, isVertex: isVertex, makesImages: origin.makesImages,
            saysTextAlone: origin.saysTextAlone, asides: origin.asides, images: images)
    }

    public func answer(id: String, created: Int64) -> any ForeignAnswer { GeminiAnswer(id: id, created: created) }

    private static func integer(_ name: String, _ fields: inout ChatFields) throws(APIError) -> JSONValue? {
        guard let value = try fields.take(name) else { return nil }
        guard let number = value.int64, Int32(exactly: number) != nil else {
            throw .invalid(name, "\"\(name)\" must be an integer of 32 bits for Google")
        }
        return value
    }

    private static func penalty(_ name: String, _ fields: inout ChatFields) throws(APIError) -> JSONValue? {
        guard let value = try fields.take(name) else { return nil }
        guard case .number(let text) = value, let number = Double(text), (-2...2).contains(number) else {
            throw .invalid(name, "\"\(name)\" must be a number from -2 to 2")
        }
        // Many models of Google refuse even the penalty that does nothing.
        return number == 0 ? nil : value
    }

    private static func format(_ fields: inout ChatFields) throws(APIError) -> [(String, JSONValue)] {
        guard let format = try fields.take("response_format"), format["type"] != .string("text") else { return [] }
        let json: (String, JSONValue) = ("responseMimeType", .string("application/json"))
        guard format["type"] == .string("json_schema") else { return [json] }
        guard let schema = format["json_schema"]?["schema"], schema.fields != nil else {
            throw .invalid("response_format.json_schema.schema", "Google needs the schema of the answer")
        }
        return [json, ("responseJsonSchema", schema)]
    }

    /// What is asked for beyond `high` is the most that there is.
    private static let most: Int64 = 24_576
    private static let budgets: [String: Int64] = [
        "none": 0, "minimal": 512, "low": 2048, "medium": 8192, "high": most, "xhigh": most, "max": most,
    ]

    private static func thinking(_ effort: JSONValue?, _ mode: ThinkingMode, reasons: Bool) throws(APIError) -> JSONValue? {
        guard reasons else { return nil }
        let shown: (String, JSONValue?) = ("includeThoughts", .bool(true))
        guard let effort else { return .members([shown]) }
        switch (mode, effort.text) {
        case (.budget, let name?):
            if let budget = budgets[name] { return .members([shown, ("thinkingBudget", .integer(budget))]) }
        case (.adaptive, let name?):
            if name != "none", let budget = budgets[name] {
                return .members([shown, ("thinkingLevel", budget == most ? .string("high") : effort)])
            }
        default: break
        }
        let first = mode == .adaptive ? "" : "none, "
        throw .invalid("reasoning_effort", "\"reasoning_effort\" must be \(first)minimal, low, medium, high, xhigh or max")
    }
}

/// `tools` and `tool_choice` of a chat completion request as Google wants them.
struct GeminiTools {
    private(set) var definitions: JSONValue?
    private(set) var choice: JSONValue?

    init(_ fields: inout ChatFields) throws(APIError) {
        let tools = try fields.take("tools")?.elements ?? []
        let choice = try fields.take("tool_choice")
        if try fields.take("parallel_tool_calls") == .bool(false), !tools.isEmpty, !ChatTools.isOneAtMost(of: tools, choice) {
            throw .invalid("parallel_tool_calls", "Google can't be told to call one tool alone")
        }
        guard !tools.isEmpty else {
            guard choice == nil || choice == .string("none") || choice == .string("auto") else {
                throw .invalid("tool_choice", "\"tool_choice\" names a tool, and there are no \"tools\"")
            }
            return
        }
        var declarations: [JSONValue] = []
        for (index, tool) in tools.enumerated() {
            guard tool["type"] == .string("function"), let name = tool["function"]?["name"]?.text else {
                throw .invalid("tools[\(index)]", "Google takes tools of the type function with a name alone")
            }
            declarations.append(
                .members([
                    ("name", .string(name)),
                    ("description", tool["function"]?["description"].flatMap { $0 == .null ? nil : $0 }),
                    ("parametersJsonSchema", tool["function"]?["parameters"].flatMap { $0 == .null ? nil : $0 }),
                ]))
        }
        definitions = .array([.members([("functionDeclarations", .array(declarations))])])
        var members: [(String, JSONValue?)]
        switch choice {
        case nil: return
        case .string("auto")?: members = [("mode", .string("AUTO"))]
        case .string("none")?: members = [("mode", .string("NONE"))]
        case .string("required")?: members = [("mode", .string("ANY"))]
        case let choice?:
            guard choice["type"] == .string("function"), let name = choice["function"]?["name"] else {
                throw .invalid("tool_choice", "\"tool_choice\" must be auto, none, required or a function for Google")
            }
            members = [("mode", .string("ANY")), ("allowedFunctionNames", .array([name]))]
        }
        self.choice = .members([("functionCallingConfig", .members(members))])
    }
}
