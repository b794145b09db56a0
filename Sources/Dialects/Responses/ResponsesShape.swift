internal import JSON
internal import Money

/// What every form of an answer of the Responses API repeats of its request, and how the answer is written around it.
struct ResponsesShape: Sendable {
    let id: String
    /// Seconds since 1970 UTC.
    let createdAt: Int64
    /// As the client named it.
    let model: String
    /// The members that are the same from the beginning to the end.
    let repeated: [(String, JSONValue)]

    /// The id of an item, made from the answer's.
    func item(_ prefix: String, _ index: Int) -> String { "\(prefix)_\(id.drop { $0 != "_" }.dropFirst())_\(index)" }

    /// The answer as it stands.
    ///
    /// - Parameter usage: nil until it is known.
    func response(
        status: String, output: [JSONValue], model used: String? = nil, incomplete: String? = nil, usage: TokenUsage? = nil,
        additions: ResponseAdditions? = nil
    ) -> JSONValue {
        var members: [(String, JSONValue?)] = [
            ("id", .string(id)), ("object", .string("response")), ("created_at", .integer(createdAt)),
            ("status", .string(status)), ("background", .bool(false)), ("error", .null),
            ("incomplete_details", incomplete.map { .members([("reason", .string($0))]) } ?? .null),
            ("model", .string(used ?? model)), ("output", .array(output)),
        ]
        members += repeated.map { ($0.0, Optional($0.1)) }
        members.append(("usage", usage.map { Self.usage($0, additions) } ?? .null))
        // `metadata` is the client's own here.
        if let metadata = additions?.metadata { members.append(("gateway", metadata.json)) }
        return .members(members)
    }

    static func usage(_ usage: TokenUsage, _ additions: ResponseAdditions?) -> JSONValue {
        let details: [(String, JSONValue?)] = [
            ("cached_tokens", .integer(usage.cachedTokens)), ("cache_write_tokens", .integer(usage.cacheWriteTokens)),
        ]
        let members: [(String, JSONValue?)] = [
            ("input_tokens", .integer(usage.promptTokens)), ("input_tokens_details", .members(details)),
            ("output_tokens", .integer(usage.completionTokens)),
            ("output_tokens_details", .members([("reasoning_tokens", .integer(usage.reasoningTokens))])),
            ("total_tokens", .integer(usage.promptTokens + usage.completionTokens)),
        ]
        return .members(members + (additions?.costs ?? []).map { ($0.name, Optional($0.value)) })
    }

    /// Why an answer is not whole; nil when it is.
    static func incomplete(_ finishReason: String?) -> String? {
        switch finishReason {
        case "length": "max_output_tokens"
        case "content_filter": "content_filter"
        default: nil
        }
    }

    /// - Parameter state: What the model wants to see again of it.
    func reasoning(_ text: String, _ state: ReasoningState, at index: Int) -> JSONValue {
        .members([
            ("id", .string(item("rs", index))), ("type", .string("reasoning")),
            ("summary", .array([.members([("type", .string("summary_text")), ("text", .string(text))])])),
            ("encrypted_content", state.text(of: model)),
        ])
    }

    func message(_ parts: [JSONValue], at index: Int, status: String = "completed") -> JSONValue {
        .members([
            ("id", .string(item("msg", index))), ("type", .string("message")), ("status", .string(status)),
            ("role", .string("assistant")), ("content", .array(parts)),
        ])
    }

    static func text(_ text: String) -> JSONValue {
        .members([
            ("type", .string("output_text")), ("annotations", .array([])), ("logprobs", .array([])), ("text", .string(text)),
        ])
    }

    static func refusal(_ text: String) -> JSONValue {
        .members([("type", .string("refusal")), ("refusal", .string(text))])
    }

    func call(_ call: ResponsesCall, at index: Int, status: String = "completed") -> JSONValue {
        .members([
            ("id", .string(item(call.prefix, index))), ("type", .string(call.type)), ("status", .string(status)),
            ("call_id", .string(call.id ?? item("call", index))), ("name", .string(call.name)),
            (call.inputName, .string(call.input)),
        ])
    }
}
