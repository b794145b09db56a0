internal import Catalogue
internal import Dialects

extension Dialect {
    /// A request in this dialect; nil where the chat completion request is it.
    ///
    /// - Throws: 400 naming the field that can't be expressed.
    func request(
        _ entered: EnteredRequest, scan: ChatRequestScan, mapping: Mapping
    ) throws(APIError) -> (any ForeignRequest)? {
        if entered.entrance.kind != .chat {
            guard self == .openai || self == .azure else {
                throw .invalid("model", "The provider of this model is asked for completions alone.")
            }
            return nil
        }
        if self == .anthropic, let messages = entered.messages { return NativeMessages(messages) }
        if let exclusive = entered.messages?.exclusive { throw exclusive }
        return try request(chat: entered.chat, scan: scan, mapping: mapping)
    }
}
