public import Catalogue
internal import JSON

extension GeminiRequest {
    /// Translates a request of Anthropic's Messages API, with what Google can be told of it beside a chat completion request.
    ///
    /// - Parameters:
    ///   - translation: the request as it was read.
    ///   - mapping: the model's mapping, which says how it is told to think.
    /// - Throws: 400 naming the field that can't be expressed.
    public init(_ translation: MessagesTranslation, mapping: Mapping, isVertex: Bool) throws(APIError) {
        let can = mapping.capabilities
        let known = can.reasoning ? translation.reasoningChat(of: mapping.model) : translation.chat
        let chat: JSONValue
        do { chat = try JSONValue(request: known) } catch { throw .invalid(nil, "the body is not valid JSON: \(error)") }
        try self.init(
            chat, thinks: mapping.thinking, reasons: can.reasoning, isVertex: isVertex, makesImages: can.imageOutput,
            saysTextAlone: true, asides: translation.asides)
    }
}
