internal import HTTPTypes
internal import HummingbirdCore
internal import Ledger
internal import NIOCore

/// The headers that every answer to a completion has.
struct ResponseHead: Sendable {
    let date: String
    /// The gateway's own id of the request; nil when it was refused before one was minted.
    var requestID: RequestID?
    /// Echoed as `x-request-id`; without one the gateway's id stands there.
    var clientRequestID: String?

    /// Whether the answer was given before.
    var isCached = false

    init(date: String) { self.date = date }

    func fields(contentType: String) -> HTTPFields {
        var fields = HTTPFields()
        fields[.contentType] = contentType
        fields[.date] = date
        if let requestID, let name = Self.requestIDName, let gatewayName = Self.gatewayRequestIDName {
            let id = requestID.description
            fields[name] = clientRequestID ?? id
            fields[gatewayName] = id
        }
        if isCached, let name = Self.cacheName { fields[name] = "HIT" }
        return fields
    }

    /// A head of status 200.
    func response(contentType: String, contentLength: Int? = nil, cacheControl: String? = nil) -> HTTPResponse {
        var fields = fields(contentType: contentType)
        if let contentLength { fields[.contentLength] = String(contentLength) }
        if let cacheControl { fields[.cacheControl] = cacheControl }
        return HTTPResponse(status: .ok, headerFields: fields)
    }

    private static let requestIDName = HTTPField.Name("x-request-id")
    private static let cacheName = HTTPField.Name("x-llmgateway-cache")
    private static let gatewayRequestIDName = HTTPField.Name("x-llmgateway-request-id")
}

extension ResponseWriter {
    /// Writes a refusal with the headers of `head`.
    @concurrent
    consuming func write(_ error: GatewayError, head: ResponseHead, to entrance: Entrance = .chat) async throws {
        var response = error.response(to: entrance)
        for field in head.fields(contentType: "application/json") { response.headers[field.name] = field.value }
        try await write(response: response.head, body: response.body)
    }
}
