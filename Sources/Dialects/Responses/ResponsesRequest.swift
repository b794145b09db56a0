public import Catalogue
internal import JSON

/// A chat completion request as the Responses API of OpenAI wants it, for models that nothing else serves
/// (https://platform.openai.com/docs/api-reference/responses/create).
///
/// What both sides can express goes over: messages with texts, images and files, calls of tools and their results, functions and
/// custom tools, `tool_choice`, `response_format`, `reasoning_effort`, `verbosity`, `temperature`, `top_p`, `user`,
/// `safety_identifier`, `prompt_cache_key`, `prompt_cache_retention` and `metadata`. Anything else is refused by name. Nothing is
/// kept at the provider: what it wants to see again of its reasoning comes with the answer, encrypted, as `reasoning_details`, and
/// goes back with the message that has it. Left behind are `cache_control`, because OpenAI finds what it has cached by itself, and reasoning text.
public struct ResponsesRequest: ForeignRequest {
    /// Whether it goes to Azure, which takes the same body elsewhere.
    private let isAzure: Bool
    private let provider: String
    /// The members of the body but for the model and the bound of the completion.
    private let members: [JSONValue.Member]
    public let addedPromptTokens: Int64 = 0

    /// Translates a chat completion request that ``ChatRequestScan`` has let pass.
    ///
    /// - Parameter mapping: the model's mapping, which says whether it reasons and who answers.
    /// - Throws: 400 naming the field that can't be expressed.
    public init(chat body: [UInt8], mapping: Mapping, isAzure: Bool = false) throws(APIError) {
        let chat: JSONValue
        do { chat = try JSONValue(request: body) } catch { throw .invalid(nil, "the body is not valid JSON: \(error)") }
        try self.init(
            chat, provider: mapping.provider, reasons: mapping.capabilities.reasoning, isAzure: isAzure,
            hasFixedTemperature: mapping.hasFixedTemperature)
    }

    init(
        _ chat: JSONValue, provider: String, reasons: Bool, isAzure: Bool = false, hasFixedTemperature: Bool = false
    ) throws(APIError) {
        self.isAzure = isAzure
        self.provider = provider
        var fields = ChatFields(chat, provider: "the Responses API")
        var members: [JSONValue.Member] = []
        func add(_ name: String, _ value: JSONValue?) { if let value { members.append(.init(name, value)) } }

        add("input", .array(try ResponsesInput(try fields.take("messages")?.elements ?? []).items))
        if try fields.take("stream") == .bool(true) { add("stream", .bool(true)) }
        let temperature = try fields.fraction("temperature", most: 2)
        if !hasFixedTemperature { add("temperature", temperature) }
        add("top_p", try fields.fraction("top_p"))
        let tools = try ResponsesFunctions(&fields)
        add("tools", tools.definitions)
        add("tool_choice", tools.choice)
        add("parallel_tool_calls", tools.isParallel)
        add("text", try Self.text(&fields))
        if let effort = try fields.text("reasoning_effort"), reasons || effort != "none" {
            // A summary is all that is shown of the thoughts.
            let summary: JSONValue? = effort == "none" ? nil : .string("auto")
            add("reasoning", .members([("effort", .string(effort)), ("summary", summary)]))
        }
        for name in ["user", "safety_identifier", "prompt_cache_retention"] {
            add(name, try fields.text(name).map { .string($0) })
        }
        add("prompt_cache_key", chat["prompt_cache_key"].flatMap { $0 == .null ? nil : $0 })
        add("metadata", try fields.take("metadata"))
        _ = try fields.take("cache_control")
        try fields.end()
        add("store", .bool(false))
        if reasons { add("include", .array([.string("reasoning.encrypted_content")])) }
        self.members = members
    }

    /// Azure serves it below its `v1` for every kind of deployment
    /// (https://learn.microsoft.com/azure/ai-foundry/openai/how-to/responses).
    public func path(model: String, at account: Provider.Account) -> String { Self.path(isAzure: isAzure) }

    public func headers(of call: ProviderCall) -> [(String, String)] { Self.headers(of: call, isAzure: isAzure) }

    static func path(isAzure: Bool) -> String { isAzure ? "/openai/v1/responses" : "/responses" }

    static func headers(of call: ProviderCall, isAzure: Bool) -> [(String, String)] {
        [isAzure ? ("api-key", call.account.apiKey) : ("authorization", "Bearer \(call.account.apiKey)")]
    }

    public func body(model: String, maximumTokens: Int64) throws(APIError) -> [UInt8] {
        let first: [JSONValue.Member] = [
            .init("model", .string(model)), .init("max_output_tokens", .integer(maximumTokens)),
        ]
        return JSONValue.object(first + members).bytes
    }

    public func answer(id: String, created: Int64) -> any ForeignAnswer {
        ResponsesAnswer(id: id, created: created, provider: provider)
    }

    private static func text(_ fields: inout ChatFields) throws(APIError) -> JSONValue? {
        let verbosity = try fields.text("verbosity").map { JSONValue.string($0) }
        var format = try fields.take("response_format")
        if format?["type"] == .string("text") { format = nil }
        if let schema = format?["json_schema"], format?["type"] == .string("json_schema") {
            guard schema["name"]?.text != nil, schema["schema"]?.fields != nil else {
                throw .invalid("response_format.json_schema", "a schema needs a \"name\" and a \"schema\"")
            }
            format = .object([.init("type", .string("json_schema"))] + (schema.fields ?? []).filter { $0.value != .null })
        }
        guard format != nil || verbosity != nil else { return nil }
        return .members([("format", format), ("verbosity", verbosity)])
    }
}

/// `tools`, `tool_choice` and `parallel_tool_calls` of a chat completion request as the Responses API wants them.
struct ResponsesFunctions {
    /// nil without tools.
    private(set) var definitions: JSONValue?
    private(set) var choice: JSONValue?
    private(set) var isParallel: JSONValue?

    private static let known: Set<String> = ["name", "description", "parameters", "strict", "cache_control"]

    init(_ fields: inout ChatFields) throws(APIError) {
        let tools = try fields.take("tools")?.elements ?? []
        let asked = try fields.take("tool_choice")
        let parallel = try fields.take("parallel_tool_calls")
        guard !tools.isEmpty else {
            guard asked == nil || asked == .string("none") || asked == .string("auto") else {
                throw .invalid("tool_choice", "\"tool_choice\" names a tool, and there are no \"tools\"")
            }
            return
        }
        var definitions: [JSONValue] = []
        for (index, tool) in tools.enumerated() { definitions.append(try Self.definition(tool, "tools[\(index)]")) }
        self.definitions = .array(definitions)
        isParallel = parallel
        choice = try Self.choice(asked)
    }

    private static func definition(_ tool: JSONValue, _ path: String) throws(APIError) -> JSONValue {
        if tool["type"] == .string("custom") { return try CustomTool(chat: tool, path).responses }
        guard tool["type"] == .string("function"), let function = tool["function"], function.fields != nil else {
            throw .invalid("\(path).type", "the Responses API takes tools of the types function and custom alone here")
        }
        guard let name = function["name"]?.text else {
            throw .invalid("\(path).function.name", "\"\(path).function.name\" is required")
        }
        for field in function.fields ?? [] where !known.contains(field.name) {
            throw .invalid("\(path).function.\(field.name.prefix(64))", "\"\(field.name.prefix(64))\" is not known")
        }
        func said(_ name: String) -> JSONValue? { function[name].flatMap { $0 == .null ? nil : $0 } }
        return .members([
            ("type", .string("function")), ("name", .string(name)), ("description", said("description")),
            ("parameters", said("parameters") ?? .members([("type", .string("object")), ("properties", .object([]))])),
            // There a function is strict unless it says otherwise, here the other way round.
            ("strict", said("strict") ?? .bool(false)),
        ])
    }

    private static func choice(_ choice: JSONValue?) throws(APIError) -> JSONValue? {
        switch choice {
        case nil, .string("auto")?, .string("none")?, .string("required")?: return choice
        case let choice?:
            switch choice["type"]?.text {
            case "function", "custom":
                if let named = named(choice) { return named }
            case "allowed_tools":
                let names = (choice["allowed_tools"]?["tools"]?.elements ?? []).map(named)
                guard let mode = choice["allowed_tools"]?["mode"], !names.isEmpty, !names.contains(nil) else { break }
                return .members([
                    ("type", .string("allowed_tools")), ("mode", mode), ("tools", .array(names.compactMap(\.self))),
                ])
            default: break
            }
            throw .invalid("tool_choice", "\"tool_choice\" must be auto, none, required, a tool or allowed_tools")
        }
    }

    private static func named(_ tool: JSONValue) -> JSONValue? {
        guard let type = tool["type"]?.text, type == "function" || type == "custom", let name = tool[type]?["name"],
            name.text != nil
        else { return nil }
        return .members([("type", .string(type)), ("name", name)])
    }
}
