internal import HTTPTypes
public import Hummingbird

/// A refusal, as the management API says it: `{"error":true,"status":404,"message":"…","field":"name"}`.
public struct WebError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The HTTP status, 400 to 599.
    public var status: Int
    /// One sentence for the person who asked. It never quotes a secret.
    public var message: String
    /// The field or parameter at fault, in the API's spelling; nil when none is.
    public var field: String?
    /// A word for programs, such as `too_many_requests`; nil when the status says it all.
    public var code: String?
    /// Seconds after which a repetition makes sense, sent as Retry-After.
    public var retryAfter: Int?

    public init(_ status: Int, _ message: String, field: String? = nil, code: String? = nil, retryAfter: Int? = nil) {
        self.status = status
        self.message = message
        self.field = field
        self.code = code
        self.retryAfter = retryAfter
    }

    /// The message, for a command's last line and the log.
    public var description: String { message }

    /// 400: a value is malformed or out of range.
    public static func invalid(_ field: String?, _ message: String) -> WebError { WebError(400, message, field: field) }

    /// 401: nobody is signed in.
    public static let unauthorized = WebError(401, "Unauthorized")

    /// 403: the person is known and may not do this.
    public static func forbidden(_ message: String) -> WebError { WebError(403, message) }

    /// 404: it does not exist, or the person may not know that it does.
    public static func notFound(_ message: String) -> WebError { WebError(404, message) }

    /// 503: a server behind this one is away.
    public static func unavailable(_ message: String, retryAfter: Int = 1) -> WebError {
        WebError(503, message, code: "service_unavailable", retryAfter: retryAfter)
    }

    /// `{"error":true,"status":404,"message":"…","field":"name","code":"…"}`
    public var json: WebValue {
        var body: [(String, WebValue)] = [
            ("error", .bool(status >= 400)), ("status", .integer(Int64(status))), ("message", .string(message)),
        ]
        if let field { body.append(("field", .string(field))) }
        if let code { body.append(("code", .string(code))) }
        return .object(body)
    }

    /// The response that says it.
    public func response() -> Response {
        var response = Response.json(json, status: status)
        if let retryAfter { response.headers[.retryAfter] = String(retryAfter) }
        return response
    }
}

extension Response {
    /// 405 to a method that the path does not know.
    ///
    /// - Parameter allow: Those that it does.
    public static func wrongMethod(allow: String) -> Response {
        var response = WebError(405, "This route knows \(allow).").response()
        response.headers[.allow] = allow
        return response
    }
}
