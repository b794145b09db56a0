internal import JSON

/// An error as clients of the OpenAI API see it: an HTTP status and the envelope `{"error":{message,type,param,code}}`.
public struct APIError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The HTTP status of the answer.
    public let status: Int
    /// A sentence for the client. It never holds a secret or the client's text.
    public let message: String
    /// The family of the error, such as `invalid_request_error`.
    public let type: String
    /// The field of the request that is wrong, such as `messages[2].role`; nil when no field is.
    public let param: String?
    /// The exact error, such as `invalid_parameters`.
    public let code: String

    /// An error of `status`; its type and code are those of the status unless they are given.
    public init(status: Int, message: String, param: String? = nil, code: String? = nil, type: String? = nil) {
        let standard = Self.standard(status)
        self.status = status
        self.message = message
        self.type = type ?? standard.type
        self.param = param
        self.code = code ?? standard.code
    }

    /// The type and code of a status.
    public static func standard(_ status: Int) -> (type: String, code: String) {
        switch status {
        case 401: ("invalid_api_key", "invalid_api_key")
        case 402: ("billing_error", "billing_error")
        case 403: ("permission_denied", "permission_denied")
        case 404: ("not_found", "not_found")
        case 408, 504: ("timeout_error", "timeout")
        case 410: ("invalid_request_error", "gone")
        case 413: ("request_too_large", "request_too_large")
        case 415: ("unsupported_media_type", "unsupported_media_type")
        case 429: ("rate_limit_error", "rate_limit_exceeded")
        case 499: ("request_cancelled", "request_cancelled")
        case 529: ("overloaded", "overloaded")
        case 400..<500: ("invalid_request_error", "invalid_request_error")
        default: ("api_error", "api_error")
        }
    }

    /// A request that is not what the API takes: 400, naming the field.
    public static func invalid(_ param: String?, _ message: String) -> APIError {
        APIError(status: 400, message: message, param: param, code: "invalid_parameters")
    }

    /// The envelope.
    public var json: [UInt8] { envelope.bytes }

    /// The envelope as an event of a stream.
    public var event: [UInt8] { Array("data: ".utf8) + json + Array("\n\n".utf8) }

    var envelope: JSONValue {
        .members([
            (
                "error",
                .members([
                    ("message", .string(message)), ("type", .string(type)), ("param", param.map { .string($0) } ?? .null),
                    ("code", .string(code)),
                ])
            )
        ])
    }

    /// The status, the code, the field and the message.
    public var description: String { "\(status) \(code)\(param.map { " (\($0))" } ?? ""): \(message)" }
}
