internal import Catalogue
internal import Dialects

extension Dialect {
    /// A request in this dialect; nil where the chat completion request is it.
    ///
    /// - Parameter functions: Is said instead of the chat completion request, where functions stand for custom tools.
    /// - Throws: 400 naming the field that can't be expressed.
    func request(
        _ entered: EnteredRequest, functions: FunctionChat?, scan: ChatRequestScan, mapping: Mapping
    ) throws(APIError) -> (any ForeignRequest)? {
        switch (entered.entrance.kind, self) {
        case (.chat, _): break
        case (.image, .openai) where mapping.api == .dashScope: return try QwenImages(entered.chat, edit: entered.edit)
        case (.image, .openai), (.image, .azure):
            guard let edit = entered.edit else { return nil }
            if mapping.api == .xAI || mapping.api == .modelArk {
                return try LinkedImageEdit(edit, api: mapping.api, provider: mapping.provider)
            }
            return NativeImageEdit(edit, provider: mapping.provider, isAzure: self == .azure)
        case (_, .openai), (_, .azure): return nil
        case (.embedding, .gemini), (.embedding, .vertex):
            return try GeminiEmbeddings(entered.chat, isVertex: self == .vertex)
        case (.image, .gemini), (.image, .vertex):
            guard scan.choices == 1 else { throw .invalid("n", "Google makes one image a request.") }
            return try GeminiImages(entered.chat, edit: entered.edit, isVertex: self == .vertex)
        default: throw .invalid("model", "The provider of this model is asked for completions alone.")
        }
        if self == .anthropic || self == .vertexAnthropic, let messages = entered.messages {
            return NativeMessages(messages, isVertex: self == .vertexAnthropic)
        }
        if mapping.api == .responses, let responses = entered.responses {
            return NativeResponses(responses, mapping: mapping, isAzure: self == .azure)
        }
        if let exclusive = entered.messages?.exclusive ?? entered.responses?.exclusive { throw exclusive }
        if self == .bedrock, let messages = entered.messages {
            return try BedrockRequest(messages, mapping: mapping, outputLimit: scan.outputLimit)
        }
        if self == .gemini || self == .vertex, let messages = entered.messages {
            return try GeminiRequest(messages, mapping: mapping, isVertex: self == .vertex)
        }
        let chat = mapping.capabilities.reasoning ? entered.messages?.reasoningChat(of: mapping.model) : nil
        return try request(
            chat: functions?.body ?? chat ?? entered.chat, scan: functions?.scan ?? scan, mapping: mapping,
            saysTextAlone: entered.isTranslated)
    }
}
