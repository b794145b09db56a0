internal import HTTPTypes
internal import HummingbirdCore
internal import Ledger
internal import NIOCore

/// The headers that every answer to a completion has.
struct ResponseHead: Sendable {
    let date: String
    /// The gateway's own id of the request, which has one before anything of it is read: a refusal of its head is named too.
    let requestID = RequestID.mint()
    /// The format of the answer.
    let entrance: Entrance
    /// Echoed as `x-request-id`; without one the gateway's id stands there.
    var clientRequestID: String?

    /// Whether the answer was given before.
    var isCached = false

    /// How the organization stands with a free model.
    var free: FreeUse?

    /// Which sites' pages may read the answer; nil where that is said of none.
    private let readers: HTTPFields?

    init(date: String, entrance: Entrance = .chat, readers: HTTPFields? = nil) {
        self.date = date
        self.entrance = entrance
        self.readers = readers
    }

    func fields(contentType: String) -> HTTPFields {
        var fields = HTTPFields()
        fields[.contentType] = contentType
        fields[.date] = date
        name(&fields)
        if let name = Self.gatewayRequestIDName { fields[name] = requestID.description }
        if let readers { for field in readers { fields[field.name] = field.value } }
        if isCached, let name = Self.cacheName { fields[name] = "HIT" }
        free?.write(into: &fields)
        return fields
    }

    /// Writes what a client's SDK names the request by, where nothing is written yet.
    func name(_ fields: inout HTTPFields) {
        if let name = Self.requestIDName, fields[name] == nil { fields[name] = clientRequestID ?? requestID.description }
        if entrance == .messages, let name = Self.anthropicRequestIDName { fields[name] = requestID.description }
    }

    /// A head of status 200.
    func response(contentType: String, contentLength: Int? = nil, cacheControl: String? = nil) -> HTTPResponse {
        var fields = fields(contentType: contentType)
        if let contentLength { fields[.contentLength] = String(contentLength) }
        if let cacheControl { fields[.cacheControl] = cacheControl }
        return HTTPResponse(status: .ok, headerFields: fields)
    }

    private static let requestIDName = HTTPField.Name("x-request-id")
    /// What Anthropic's SDK reads (https://platform.claude.com/docs/en/api/errors).
    private static let anthropicRequestIDName = HTTPField.Name("request-id")
    private static let cacheName = HTTPField.Name("x-llmgateway-cache")
    private static let gatewayRequestIDName = HTTPField.Name("x-llmgateway-request-id")
}

extension ResponseWriter {
    /// Writes a refusal with the headers of `head`.
    @concurrent
    consuming func write(_ error: GatewayError, head: ResponseHead) async throws {
        var response = error.response(to: head.entrance, of: head.requestID)
        for field in head.fields(contentType: "application/json") { response.headers[field.name] = field.value }
        try await write(response: response.head, body: response.body)
    }
}
