/// What travels with an event and decides nothing.
public struct EventMetadata: Codable, Sendable, Hashable {
    /// The client's own `x-request-id`, already validated and bounded. It is searchable, and never an identity.
    public var clientRequestID: String?
    /// What made the event, for example `cli` or `recovery`.
    public var source: String?
    /// The W3C trace id.
    public var trace: String?

    public init(clientRequestID: String? = nil, source: String? = nil, trace: String? = nil) {
        self.clientRequestID = clientRequestID
        self.source = source
        self.trace = trace
    }

    enum CodingKeys: String, CodingKey {
        case source, trace
        case clientRequestID = "client_request_id"
    }

    func encodeJSON(into writer: inout JSONWriter) {
        writer.beginObject()
        if let clientRequestID { writer.member("client_request_id", clientRequestID) }
        if let source { writer.member("source", source) }
        if let trace { writer.member("trace", trace) }
        writer.endObject()
    }
}
