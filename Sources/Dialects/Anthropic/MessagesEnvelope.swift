internal import JSON
internal import Money

extension APIError {
    /// Anthropic's envelope, `{"type":"error","error":{"type","message"},"request_id"}`; the field that is wrong stands in the
    /// message.
    public func messagesJSON(requestID: String? = nil) -> [UInt8] { messagesEnvelope(requestID).bytes }

    /// Anthropic's envelope as an event of a stream.
    public var messagesEvent: [UInt8] { MessagesEvents.event("error", messagesEnvelope(nil)) }

    private func messagesEnvelope(_ requestID: String?) -> JSONValue {
        let type =
            switch status {
            case 401: "authentication_error"
            case 402: "billing_error"
            case 403: "permission_error"
            case 404: "not_found_error"
            case 408, 504: "timeout_error"
            case 413: "request_too_large"
            case 429: "rate_limit_error"
            case 529: "overloaded_error"
            case 400..<500: "invalid_request_error"
            default: "api_error"
            }
        let error: [(String, JSONValue?)] = [
            ("type", .string(type)), ("message", .string(param.map { "\($0): \(message)" } ?? message)),
        ]
        return .members([
            ("type", .string("error")), ("error", .members(error)), ("request_id", requestID.map { .string($0) }),
        ])
    }
}

extension TokenUsage {
    /// Anthropic's `usage`: the input without what was read from the cache or written to it.
    ///
    /// - Parameter additions: What it comes to, which only the last word of a stream knows.
    func messagesValue(_ additions: ResponseAdditions? = nil) -> JSONValue {
        let cached = min(cachedTokens, promptTokens)
        let written = min(cacheWriteTokens, promptTokens - cached)
        let counts: [JSONValue.Member] = [
            .init("input_tokens", .integer(promptTokens - cached - written)),
            .init("cache_creation_input_tokens", .integer(written)), .init("cache_read_input_tokens", .integer(cached)),
            .init("output_tokens", .integer(completionTokens)),
        ]
        return .object(counts + (additions?.costs ?? []))
    }
}
