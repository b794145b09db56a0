public import Catalogue
internal import JSON

extension BedrockRequest {
    /// Translates a request of Anthropic's Messages API: Claude is shown its thoughts again, with their signatures, as Anthropic
    /// itself shows them to it.
    ///
    /// - Parameters:
    ///   - translation: the request as it was read.
    ///   - mapping: the model's mapping, which says what the model is and how it is told to think.
    ///   - outputLimit: the client's own bound of the completion.
    /// - Throws: 400 naming the field that can't be expressed.
    public init(_ translation: MessagesTranslation, mapping: Mapping, outputLimit: Int64?) throws(APIError) {
        let chat: JSONValue
        do { chat = try JSONValue(request: translation.chat) } catch {
            throw .invalid(nil, "the body is not valid JSON: \(error)")
        }
        try self.init(
            chat, BedrockModel(mapping), outputLimit: outputLimit, thoughts: translation.thoughts, effort: translation.effort,
            asides: translation.asides)
    }

    /// - Parameters:
    ///   - thoughts: `reasoning_details` by the places of their messages, beside those that stand in `chat`.
    ///   - effort: how much is to be done where nothing is said of thinking.
    ///   - asides: what else Bedrock can be told.
    init(
        _ chat: JSONValue, _ model: BedrockModel, outputLimit: Int64?, thoughts: [Int: [JSONValue]], effort: String? = nil,
        asides: MessagesAsides = MessagesAsides()
    ) throws(APIError) {
        guard model.isClaude, !thoughts.isEmpty else {
            try self.init(chat, model, outputLimit: outputLimit, effort: effort, asides: asides)
            return
        }
        var messages = chat["messages"]?.elements ?? []
        for (index, details) in thoughts where messages.indices.contains(index) {
            messages[index] = .object((messages[index].fields ?? []) + [.init("reasoning_details", .array(details))])
        }
        let others = (chat.fields ?? []).filter { $0.name != "messages" }
        // A token has at least one byte.
        let bytes = thoughts.values.reduce(0) { $0 + $1.reduce(0) { $0 + $1.bytes.count } }
        try self.init(
            .object(others + [.init("messages", .array(messages))]), model, outputLimit: outputLimit,
            furtherTokens: Int64(bytes), effort: effort, asides: asides)
    }
}
