internal import Catalogue
internal import Dialects

extension Dialect {
    /// A chat completion request in this dialect; nil where the client's bytes are it.
    ///
    /// - Throws: 400 naming the field that can't be expressed.
    func request(_ body: [UInt8], scan: ChatRequestScan, mapping: Mapping) throws(APIError) -> (any ForeignRequest)? {
        switch self {
        case .openai, .echo: nil
        case .anthropic: try MessagesRequest(chat: body, mapping: mapping, outputLimit: scan.outputLimit)
        }
    }
}
