internal import JSON

/// A request of OpenAI's Responses API as a chat completion request, for whoever answers it
/// (https://platform.openai.com/docs/api-reference/responses).
///
/// `instructions`, messages with texts, images and files, calls of tools and their results, functions and custom tools,
/// `text.format`, `reasoning.effort`, sampling, bounds and what is said of the provider's cache go over, and of earlier reasoning
/// what the model itself wants to see again. What tools answer with besides text, and the chances of tokens keep the request from
/// providers of other APIs (``exclusive``); the chat completion has them so that they are counted. Tools that somebody else runs,
/// background work and what is kept elsewhere (`prompt`, `conversation`, `item_reference`) are refused by name. `stream_options`
/// and `max_tool_calls` are for a provider of the same API alone.
public struct ResponsesTranslation: Sendable {
    /// The chat completion request. A stream of it tells its usage.
    public let chat: [UInt8]
    /// Why the request can be answered by nobody whose provider has another API; nil when it can.
    public let exclusive: APIError?
    /// The client's own body.
    public let original: [UInt8]
    /// Whether the answer is to be kept, so that a later request may go on from it.
    public let isStored: Bool
    /// What every form of the answer repeats.
    let shape: ResponsesShape
    /// The items of the conversation up to this request's own, for whoever goes on from the answer.
    let items: [JSONValue]
    /// Whether some of them come from earlier answers.
    let hasHistory: Bool
    /// Whether the answer is to have the chances of its tokens.
    let wantsLogprobs: Bool
    /// As the client named it.
    let model: String
    /// Where the members of the body have their values.
    let ranges: [String: Range<Int>]

    /// Translates a body.
    ///
    /// - Parameters:
    ///   - history: The items of the conversation that `previous_response_id` names, a JSON array; nil where it names none.
    ///   - id: The answer's id, `resp_…`.
    ///   - createdAt: Seconds since 1970 UTC.
    /// - Throws: 400 naming the field that is wrong, unknown or not served.
    public init(_ body: [UInt8], history: [UInt8]?, id: String, createdAt: Int64) throws(APIError) {
        original = body
        var fields = try RequestFields(body)
        ranges = fields.ranges
        guard case .string(let model)? = try fields.take("model") else { throw .invalid("model", "\"model\" must be a string") }
        self.model = model
        var items = history.flatMap { try? JSONValue($0) }?.elements ?? []
        hasHistory = !items.isEmpty
        let input = try fields.take("input")
        switch input {
        case .string(let text)?: items.append(.members([("role", .string("user")), ("content", .string(text))]))
        case .array(let elements)? where !elements.isEmpty: items += elements
        default: throw .invalid("input", "\"input\" must be a string or an array of items that is not empty")
        }
        var conversation = ResponsesConversation(
            first: items.count - (input?.elements?.count ?? 1), model: model)
        let instructions = try fields.text("instructions")
        if let instructions { conversation.instruct(instructions) }
        try conversation.read(items)
        let previous = try fields.text("previous_response_id")

        var members: [(String, JSONValue?)] = [("model", .string(model)), ("messages", .array(conversation.messages))]
        let limit = try fields.take("max_output_tokens")
        guard limit.map({ $0.int64.map { $0 >= 1 } ?? false }) ?? true else {
            throw .invalid("max_output_tokens", "\"max_output_tokens\" must be an integer of at least 1")
        }
        members.append(("max_tokens", limit))
        if let stream = try fields.flag("stream") {
            members.append(("stream", .bool(stream)))
            if stream { members.append(("stream_options", .members([("include_usage", .bool(true))]))) }
        }
        let sampling = [("temperature", try fields.take("temperature")), ("top_p", try fields.take("top_p"))]
        members += sampling
        let tools = try ResponsesTools(&fields)
        members += tools.chat
        let text = try fields.take("text")
        members += try Self.format(text)
        let reasoning = try fields.take("reasoning")
        for field in reasoning?.fields ?? [] where !["effort", "summary", "generate_summary"].contains(field.name) {
            throw .invalid("reasoning.\(field.name.prefix(64))", "\"reasoning.\(field.name.prefix(64))\" is not known")
        }
        members.append(("reasoning_effort", reasoning?["effort"].flatMap { $0 == .null ? nil : $0 }))
        let user = try fields.text("user")
        let named = try fields.text("safety_identifier")
        // A chat completion's user is a safety identifier to OpenAI, which takes 64 characters of one.
        members.append(("user", (user ?? named).map { .string($0.asUser(most: 64)) }))
        for name in ["prompt_cache_key", "prompt_cache_retention"] {
            members.append((name, try fields.text(name).map { .string($0) }))
        }
        for name in ["routing", "free_models_only", "no_reasoning"] { members.append((name, try fields.take(name))) }
        isStored = try fields.flag("store") ?? true
        let metadata = try Self.metadata(try fields.take("metadata"))
        let chances = try Self.chances(&fields)
        wantsLogprobs = chances.areIncluded
        exclusive = conversation.exclusive ?? chances.exclusive
        try Self.refuse(&fields)
        try Self.leave(&fields)
        guard [nil, "disabled", "auto"].contains(try fields.text("truncation")) else {
            throw .invalid("truncation", "\"truncation\" must be disabled or auto")
        }
        try fields.end()
        chat = JSONValue.members(members).bytes
        self.items = items
        shape = ResponsesShape(
            id: id, createdAt: createdAt, model: model,
            repeated: [
                ("instructions", instructions.map { .string($0) } ?? .null), ("max_output_tokens", limit ?? .null),
                ("metadata", metadata), ("parallel_tool_calls", .bool(tools.areParallel)),
                ("previous_response_id", previous.map { .string($0) } ?? .null), ("reasoning", reasoning ?? .object([])),
                ("store", .bool(isStored)), ("temperature", sampling[0].1 ?? .null),
                ("text", text ?? .members([("format", .members([("type", .string("text"))]))])),
                ("tool_choice", tools.choice), ("tools", .array(tools.definitions)), ("top_p", sampling[1].1 ?? .null),
                // A conversation is left whole here, also where it might be cut; a provider of the same API says itself what it does.
                ("truncation", .string("disabled")), ("user", user.map { .string($0) } ?? .null),
            ])
    }

    /// The id of the answer that the request goes on from.
    public static func previous(in body: [UInt8]) -> String? { (try? JSONValue.member("previous_response_id", of: body))?.text }

    private static func format(_ text: JSONValue?) throws(APIError) -> [(String, JSONValue?)] {
        guard let text else { return [] }
        for field in text.fields ?? [.init("", .null)] where !["format", "verbosity"].contains(field.name) {
            throw .invalid("text", "\"text\" must be an object of \"format\" and \"verbosity\"")
        }
        var members: [(String, JSONValue?)] = [("verbosity", text["verbosity"].flatMap { $0 == .null ? nil : $0 })]
        guard let format = text["format"], format != .null else { return members }
        switch format["type"]?.text {
        case "text": break
        case "json_object": members.append(("response_format", format))
        case "json_schema":
            let schema = (format.fields ?? []).filter { $0.name != "type" }
            members.append(
                ("response_format", .members([("type", .string("json_schema")), ("json_schema", .object(schema))])))
        default: throw .invalid("text.format.type", "\"text.format.type\" must be text, json_object or json_schema")
        }
        return members
    }

    private static func metadata(_ value: JSONValue?) throws(APIError) -> JSONValue {
        guard let value else { return .object([]) }
        guard let members = value.fields, members.count <= 16,
            members.allSatisfy({ $0.name.utf8.count <= 64 && ($0.value.text?.utf8.count ?? 513) <= 512 })
        else {
            throw .invalid("metadata", "\"metadata\" must be at most 16 strings of at most 512 bytes, named by at most 64")
        }
        return value
    }

    /// What a chat completion has nothing like, and needs nothing like: padding of what the provider streams, and a bound on the
    /// calls of tools that the provider runs, of which there are none.
    private static func leave(_ fields: inout RequestFields) throws(APIError) {
        if let options = try fields.take("stream_options") {
            guard let members = options.fields else { throw .invalid("stream_options", "\"stream_options\" must be an object") }
            for member in members {
                let name = "stream_options.\(member.name.prefix(64))"
                guard member.name == "include_obfuscation" else { throw .invalid(name, "\"\(name)\" is not known") }
                guard member.value == .null || member.value.flag != nil else {
                    throw .invalid(name, "\"\(name)\" must be true or false")
                }
            }
        }
        if let calls = try fields.take("max_tool_calls") {
            guard let count = calls.int64, count >= 1 else {
                throw .invalid("max_tool_calls", "\"max_tool_calls\" must be an integer of at least 1")
            }
        }
    }

    /// What an answer is to say of the chances of its tokens, which only a provider of the same API says in its way.
    private static func chances(
        _ fields: inout RequestFields
    ) throws(APIError) -> (areIncluded: Bool, exclusive: APIError?) {
        let included = try fields.take("include")
        let known = [JSONValue.string("reasoning.encrypted_content"), .string(logprobs)]
        guard included?.elements?.allSatisfy(known.contains) ?? (included == nil) else {
            throw .invalid("include", "nothing further can be included")
        }
        let asked = try fields.take("top_logprobs") ?? .integer(0)
        guard let count = asked.int64, (0...20).contains(count) else {
            throw .invalid("top_logprobs", "\"top_logprobs\" must be an integer from 0 to 20")
        }
        let areIncluded = included?.elements?.contains(.string(logprobs)) == true
        guard areIncluded || count > 0 else { return (false, nil) }
        let param = areIncluded ? "include" : "top_logprobs"
        return (
            areIncluded, .invalid(param, "the chances of tokens are told by models alone whose provider has the Responses API")
        )
    }

    /// The word for the chances of tokens in `include`.
    static let logprobs = "message.output_text.logprobs"

    /// What is not served, but for the values that ask for nothing.
    private static func refuse(_ fields: inout RequestFields) throws(APIError) {
        if let value = try fields.take("background"), value != .bool(false) {
            throw .invalid("background", "\"background\" is not served here")
        }
        if let tier = try fields.take("service_tier"), tier != .string("auto"), tier != .string("default") {
            throw .invalid("service_tier", "\"service_tier\" must be auto or default: no other tier has a price here")
        }
    }
}
