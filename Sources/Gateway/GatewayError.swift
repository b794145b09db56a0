internal import Dialects
internal import HTTPTypes
internal import HummingbirdCore
internal import Ledger
internal import NIOCore

/// A refusal or a failure, as the client sees it.
struct GatewayError: Error, Sendable {
    /// The status and the envelope.
    var answer: APIError
    /// Seconds after which a retry makes sense, sent as Retry-After.
    var retryAfter: Int?
    /// The scope that refused, for the record of the denial.
    var scope: String?
    /// Why, for the record of the denial: what admission calls it, which tells more apart than the codes of the API do, or else
    /// the code.
    let reason: String
    /// Whether a hold of the request may stand still. Then version 1 of its stream is left for what gives that back.
    var mayHold = false
    /// How the organization stands with the free model that it asks for too often.
    var free: FreeUse?
    /// The methods that a path knows, sent as Allow.
    var allow: String?
    /// False where asking again costs again and is likely to end as before: OpenAI's and Anthropic's SDKs ask by themselves after a
    /// 502 or 503, unless `x-should-retry` says no.
    var isWorthRetrying = true

    init(_ answer: APIError, retryAfter: Int? = nil, scope: String? = nil, reason: String? = nil) {
        self.answer = answer
        self.retryAfter = retryAfter
        self.scope = scope
        self.reason = reason ?? answer.code
    }

    var status: Int { answer.status }
    var code: String { answer.code }

    /// The response that says it.
    func response(to entrance: Entrance = .chat, of request: RequestID? = nil) -> Response {
        var headers = HTTPFields()
        headers[.contentType] = "application/json"
        if let retryAfter { headers[.retryAfter] = String(retryAfter) }
        headers[.allow] = allow
        free?.write(into: &headers)
        if !isWorthRetrying, let name = Self.shouldRetry { headers[name] = "false" }
        let body = entrance.json(answer, of: request)
        return Response(status: .init(code: status), headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: body)))
    }
}

extension GatewayError {
    private static let shouldRetry = HTTPField.Name("x-should-retry")

    static let missingKey = GatewayError(
        APIError(status: 401, message: "No API key was given: send the header \"Authorization: Bearer <key>\" or \"x-api-key\"."))

    static let unknownKey = GatewayError(APIError(status: 401, message: "The API key is not valid."))

    static let keyInactive = GatewayError(APIError(status: 401, message: "The API key is not active."))

    static let keyExpired = GatewayError(APIError(status: 401, message: "The API key has expired."))

    /// - Parameter scope: `project` or `organization`.
    static func gone(_ scope: String) -> GatewayError {
        GatewayError(APIError(status: 410, message: "The \(scope) of this key is not active."))
    }

    static let tooManyUnknownKeys = GatewayError(
        APIError(status: 429, message: "Too many API keys that are not valid came from this address; try again shortly."),
        retryAfter: 1)

    static func invalid(_ message: String, param: String?) -> GatewayError { GatewayError(.invalid(param, message)) }

    static func tooLarge(limit: Int) -> GatewayError {
        GatewayError(APIError(status: 413, message: "The request body is larger than the limit of \(limit) bytes."))
    }

    static func notFound(path: String) -> GatewayError {
        GatewayError(APIError(status: 404, message: "There is no route \(path.prefix(200))."))
    }

    /// - Parameter allow: The methods that the path knows.
    static func wrongMethod(allow: String) -> GatewayError {
        var error = GatewayError(APIError(status: 405, message: "This route knows \(allow)."))
        error.allow = allow
        return error
    }

    static func unavailable(_ message: String, retryAfter: Int = 1) -> GatewayError {
        GatewayError(APIError(status: 503, message: message, code: "service_unavailable"), retryAfter: retryAfter)
    }

    static let overloaded = GatewayError(
        APIError(status: 503, message: "The gateway is at its limit; try again shortly.", code: "overloaded"), retryAfter: 1)
}
