internal import JSON

extension APIError {
    /// What Anthropic's error envelope says, `{"type":"error","error":{"type","message"}}`, with OpenAI's types and codes
    /// (https://platform.claude.com/docs/en/api/errors).
    ///
    /// - Parameters:
    ///   - status: the status that came with it; nil in a stream, where the error's type tells it.
    ///   - body: the envelope; anything else is an error that says nothing.
    static func messages(status: Int?, _ body: JSONValue?) -> APIError {
        let error = body?["error"]
        let type = error?["type"]?.text ?? ""
        var status = status ?? statuses[type] ?? 502
        let message = error?["message"]?.text ?? ""
        // The credits of the gateway's own account are nothing that a client could do anything about.
        if type == "billing_error" || status == 402 || message.hasPrefix("Your credit balance is too low") { status = 403 }
        // A status that says only "bad request" is made exact by the type.
        if status == 400, let exact = statuses[type] { status = exact }
        return APIError(status: status, message: message.isEmpty ? "Anthropic answered with status \(status)" : message)
    }

    private static let statuses = [
        "invalid_request_error": 400, "authentication_error": 401, "billing_error": 402, "permission_error": 403,
        "not_found_error": 404, "request_too_large": 413, "rate_limit_error": 429, "api_error": 500, "timeout_error": 504,
        "overloaded_error": 529,
    ]
}
