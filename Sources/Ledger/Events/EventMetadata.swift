/// What travels with an event and decides nothing.
public struct EventMetadata: Codable, Sendable, Hashable {
    /// The client's own `x-request-id`, already validated and bounded. It is searchable, and never an identity.
    public var clientRequestID: String?
    /// What made the event, for example `cli` or `recovery`; of a request, where its application says that it comes from.
    public var source: String?
    /// The W3C trace id.
    public var trace: String?
    /// Who made the change; nil for what no person did.
    public var actor: UserID?
    /// The name of the session in which it was made; it opens nothing.
    public var session: String?
    /// The request of the management API that made it.
    public var request: RequestID?

    public init(
        clientRequestID: String? = nil, source: String? = nil, trace: String? = nil, actor: UserID? = nil,
        session: String? = nil, request: RequestID? = nil
    ) {
        self.clientRequestID = clientRequestID
        self.source = source
        self.trace = trace
        self.actor = actor
        self.session = session
        self.request = request
    }

    enum CodingKeys: String, CodingKey {
        case source, trace, actor, session, request
        case clientRequestID = "client_request_id"
    }

    func encodeJSON(into writer: inout JSONWriter) {
        writer.beginObject()
        if let clientRequestID { writer.member("client_request_id", clientRequestID) }
        if let source { writer.member("source", source) }
        if let trace { writer.member("trace", trace) }
        if let actor { writer.member("actor", actor) }
        if let session { writer.member("session", session) }
        if let request { writer.member("request", request) }
        writer.endObject()
    }
}
