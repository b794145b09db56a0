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
            mapping.api == .responses ? try ResponsesRequest(chat: chat, mapping: mapping, isAzure: self == .azure) : nil
        case .echo: nil
        case .gemini: try GeminiRequest(chat: chat, mapping: mapping, saysTextAlone: saysTextAlone)
        case .vertex: try GeminiRequest(chat: chat, mapping: mapping, isVertex: true, saysTextAlone: saysTextAlone)
        case .bedrock: try BedrockRequest(chat: chat, mapping: mapping, outputLimit: scan.outputLimit)
        case .anthropic: try MessagesRequest(chat: chat, mapping: mapping, outputLimit: scan.outputLimit)
        }
    }
}
