public import Catalogue

extension Dialect {
    /// A chat completion request in this dialect; nil where it is in it already.
    ///
    /// - Parameter saysTextAlone: Whether the client's format has no place for images in an answer.
    /// - Throws: 400 naming the field that can't be expressed.
    public func request(
        chat: [UInt8], scan: ChatRequestScan, mapping: Mapping, saysTextAlone: Bool = false
    ) throws(APIError) -> (any ForeignRequest)? {
        switch self {
        case .openai, .azure:
            // Alibaba charges several times as much for everything that some models say after they have thought: such a model is
            // in the catalogue at the price, and with the abilities, of one that does not.
            guard !scan.wantsThinking || mapping.capabilities.reasoning else {
                throw .invalid("enable_thinking", "The model \(mapping.model) does not reason.")
            }
            guard mapping.api == .responses else { return nil }
            return try ResponsesRequest(chat: chat, mapping: mapping, isAzure: self == .azure)
        case .echo: return nil
        case .gemini: return try GeminiRequest(chat: chat, mapping: mapping, saysTextAlone: saysTextAlone)
        case .vertex: return try GeminiRequest(chat: chat, mapping: mapping, isVertex: true, saysTextAlone: saysTextAlone)
        case .bedrock: return try BedrockRequest(chat: chat, mapping: mapping, outputLimit: scan.outputLimit)
        case .anthropic, .vertexAnthropic:
            return try MessagesRequest(
                chat: chat, mapping: mapping, outputLimit: scan.outputLimit, isVertex: self == .vertexAnthropic)
        }
    }
}
