public import Catalogue
internal import JSON

/// A chat completion request as Amazon Bedrock's Converse wants it
/// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html).
///
/// What both sides can express goes over: `system` and `developer` messages to `system` in their order, text, images
/// (fetched where the request gives an address), documents that lie in the request, tools, their calls and their results, `stop`, `temperature`, `top_p`, and a JSON schema as
/// `outputConfig`; for Claude also `top_k` and `reasoning_effort`, and for models that cache `cache_control`. Anything else is
/// refused by name. Left behind is what has no meaning there: `user` and `safety_identifier`, `prompt_cache_retention`, the `detail`
/// of an image, the name of a file (Bedrock asks for a neutral one), `strict` where a model keeps to no schema, and reasoning text
/// without the signature of Claude.
public struct BedrockRequest: ForeignRequest {
    /// The members of the body but for `inferenceConfig` and what is Claude's alone, and those of these but for the bound of the
    /// completion and what thinking says.
    private let members: [JSONValue.Member]
    private let configuration: [JSONValue.Member]
    private let own: [JSONValue.Member]
    private let thinking: MessagesRequest.Thinking
    /// How much Claude is to do where it is not told to think.
    private let effort: String?
    private let isStreamed: Bool
    private let model: BedrockModel
    public let addedPromptTokens: Int64
    public let instruction: String?
    public let remoteImages: [RemoteImage]
    /// Converse takes no more in a message, and none that is larger
    /// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Message.html).
    public var imageBounds: RemoteImage.Bounds { RemoteImage.Bounds(count: 20, bytes: 3_932_160) }
    /// What it was made from, where it must be made again with images that are fetched.
    private let origin: Origin?

    private struct Origin {
        let chat: JSONValue
        let outputLimit: Int64?
        let furtherTokens: Int64
        let effort: String?
        let asides: MessagesAsides
    }

    /// Translates a chat completion request that ``ChatRequestScan`` has let pass.
    ///
    /// - Parameters:
    ///   - body: the body.
    ///   - mapping: the model's mapping, which says what the model is and how it is told to think.
    ///   - outputLimit: the client's own bound of the completion.
    /// - Throws: 400 naming the field that can't be expressed.
    public init(chat body: [UInt8], mapping: Mapping, outputLimit: Int64?) throws(APIError) {
        let chat: JSONValue
        do { chat = try JSONValue(request: body) } catch { throw .invalid(nil, "the body is not valid JSON: \(error)") }
        try self.init(chat, BedrockModel(mapping), outputLimit: outputLimit)
    }

    /// - Parameters:
    ///   - furtherTokens: those of what was put into `chat` after it was scanned.
    ///   - effort: how much Claude is to do where it is not told to think.
    ///   - asides: what Bedrock can be told beside `chat`.
    init(
        _ chat: JSONValue, _ model: BedrockModel, outputLimit: Int64?, furtherTokens: Int64 = 0, effort: String? = nil,
        asides: MessagesAsides = MessagesAsides(), images: [String: String] = [:]
    ) throws(APIError) {
        self.model = model
        self.effort = effort
        var fields = ChatFields(chat, provider: "AWS Bedrock")
        let conversation = try BedrockConversation(
            try fields.take("messages")?.elements ?? [], mark: try fields.take("cache_control"), model, asides: asides,
            images: images)
        remoteImages = conversation.remoteImages
        origin =
            remoteImages.isEmpty
            ? nil
            : Origin(chat: chat, outputLimit: outputLimit, furtherTokens: furtherTokens, effort: effort, asides: asides)
        isStreamed = try fields.take("stream") == .bool(true)
        for name in ["user", "safety_identifier", "prompt_cache_retention"] { _ = try fields.take(name) }

        var configuration: [JSONValue.Member] = []
        for (name, theirs) in [("temperature", "temperature"), ("top_p", "topP")] {
            if let value = try fields.fraction(name) { configuration.append(.init(theirs, value)) }
        }
        if let stop = try fields.stop() { configuration.append(.init("stopSequences", .array(stop.map { .string($0) }))) }
        thinking = try Self.thinking(fields.take("reasoning_effort"), model).after(conversation.lost).within(outputLimit ?? .max)
        let tools = try BedrockTools(&fields, hasCalls: conversation.hasCalls, model)
        own = try Self.own(&fields, model)
        let wanted = try fields.take("response_format")
        instruction = JSONMode.instruction(wanted)
        let format = try Self.format(wanted)
        try fields.end()

        if thinking != .none {
            if configuration.contains(where: { $0.name == "temperature" && $0.value != .number("1") }) {
                throw .invalid("temperature", "Claude takes no \"temperature\" together with \"reasoning_effort\"")
            }
            if tools.isForced {
                throw .invalid("tool_choice", "Claude can't be made to call a tool together with \"reasoning_effort\"")
            }
            // It may be said only where it is what it would be anyway.
            configuration.removeAll { $0.name == "temperature" }
        }
        self.configuration = configuration
        let system = conversation.system + (instruction.map { [BedrockContent.text($0)] } ?? [])
        members = [
            system.isEmpty ? nil : .init("system", .array(system)),
            .init("messages", .array(conversation.messages)), tools.configuration.map { .init("toolConfig", $0) },
            format.map { .init("outputConfig", $0) },
        ].compactMap(\.self)
        // Instructions that are written around tools and a schema, as Anthropic counts them.
        addedPromptTokens =
            furtherTokens + (tools.configuration == nil && format == nil ? 0 : 2048) + Int64(instruction?.utf8.count ?? 0)
    }

    /// A profile that spreads requests over regions has the model's name behind the area's, `us.` or `global.`
    /// (https://docs.aws.amazon.com/bedrock/latest/userguide/cross-region-inference.html). A full name, `arn:…`, says it itself.
    public func path(model: String, at account: Provider.Account) -> String {
        let prefix = model.hasPrefix("arn:") ? "" : account.options["region_prefix"] ?? ""
        return "/model/\(SigV4.encoded(prefix + model))/\(isStreamed ? "converse-stream" : "converse")"
    }

    public func headers(of call: ProviderCall) -> [(String, String)] {
        guard let signer = SigV4(bedrock: call.account) else { return [("authorization", "Bearer \(call.account.apiKey)")] }
        return signer.headers(url: call.url, body: call.body, time: call.time)
    }

    public func body(model: String, maximumTokens: Int64) throws(APIError) -> [UInt8] {
        let bound = JSONValue.Member("maxTokens", .integer(maximumTokens))
        var all = members
        let claudes = Self.own(thinking.within(maximumTokens), self.model, effort) + own
        if !claudes.isEmpty { all.append(.init("additionalModelRequestFields", .object(claudes))) }
        all.append(.init("inferenceConfig", .object([bound] + configuration)))
        return JSONValue.object(all).bytes
    }

    public func with(images: [String: String]) throws(APIError) -> any ForeignRequest {
        guard let origin else { return self }
        return try BedrockRequest(
            origin.chat, model, outputLimit: origin.outputLimit, furtherTokens: origin.furtherTokens, effort: origin.effort,
            asides: origin.asides, images: images)
    }

    public func answer(id: String, created: Int64) -> any ForeignAnswer {
        BedrockAnswer(id: id, created: created, model: model)
    }

    private static func thinking(_ effort: JSONValue?, _ model: BedrockModel) throws(APIError) -> MessagesRequest.Thinking {
        guard let effort, effort != .string("none") else { return .none }
        guard model.isClaude else {
            throw .invalid("reasoning_effort", "AWS Bedrock can't tell this model how much to think")
        }
        return try MessagesRequest.thinking(effort, model.thinking)
    }

    /// What thinking says in what is Anthropic's own and has no place in Converse.
    private static func own(
        _ thinking: MessagesRequest.Thinking, _ model: BedrockModel, _ effort: String?
    ) -> [JSONValue.Member] {
        func wanted(_ effort: String) -> JSONValue.Member {
            JSONValue.Member(
                "output_config", .members([("effort", .string(MessagesRequest.effort(effort, of: model.name)))]))
        }
        switch thinking {
        case .none:
            // Models that think with a budget know no effort.
            guard let effort, model.isClaude, model.thinking == .adaptive else { return [] }
            return [wanted(effort)]
        case .budget(let tokens):
            return [.init("thinking", .members([("type", .string("enabled")), ("budget_tokens", .integer(tokens))]))]
        case .adaptive(let effort):
            let shown: [(String, JSONValue?)] = [("type", .string("adaptive")), ("display", .string("summarized"))]
            return [.init("thinking", .members(shown)), wanted(effort)]
        }
    }

    /// What else is Anthropic's own.
    private static func own(_ fields: inout ChatFields, _ model: BedrockModel) throws(APIError) -> [JSONValue.Member] {
        guard model.isClaude, let topK = try fields.take("top_k") else { return [] }
        guard let count = topK.int64, count >= 0 else { throw .invalid("top_k", "\"top_k\" must be a count") }
        return [.init("top_k", topK)]
    }

    private static func format(_ format: JSONValue?) throws(APIError) -> JSONValue? {
        guard let format, format["type"] != .string("text"), JSONMode.instruction(format) == nil else { return nil }
        guard format["type"] == .string("json_schema") else {
            throw .invalid("response_format", "\"response_format.type\" must be text, json_object or json_schema for AWS Bedrock")
        }
        guard let described = format["json_schema"], let schema = described["schema"], schema.fields != nil else {
            throw .invalid("response_format.json_schema.schema", "AWS Bedrock needs the schema of the answer")
        }
        // It wants the schema as text.
        let definition: [(String, JSONValue?)] = [
            ("schema", .string(String(decoding: schema.bytes, as: UTF8.self))),
            ("name", described["name"].flatMap { $0 == .null ? nil : $0 }),
            ("description", described["description"].flatMap { $0 == .null ? nil : $0 }),
        ]
        let structure = JSONValue.members([("jsonSchema", .members(definition))])
        return .members([("textFormat", .members([("type", .string("json_schema")), ("structure", structure)]))])
    }
}
