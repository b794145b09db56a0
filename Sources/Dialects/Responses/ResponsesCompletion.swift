internal import JSON
internal import Money

extension ResponsesAnswer {
    func completion(_ body: [UInt8]) throws(ChatResponseError) -> [UInt8] {
        let response: JSONValue
        do { response = try JSONValue(body) } catch { throw ChatResponseError(message: "the answer holds \(error)") }
        guard response["object"] == .string("response"), let output = response["output"]?.elements else {
            throw ChatResponseError(message: "the answer is no response")
        }
        guard ["completed", "incomplete"].contains(response["status"]?.text) else {
            throw ChatResponseError(message: "the response ended as \(response["status"]?.text?.prefix(64) ?? "nothing")")
        }
        var texts: [String] = []
        var refusals: [String] = []
        var thoughts: [String] = []
        var details: [JSONValue] = []
        var calls: [JSONValue] = []
        for (index, item) in output.enumerated() {
            switch item["type"]?.text {
            case "message":
                texts += (item["content"]?.elements ?? []).compactMap { $0["text"]?.text }
                refusals += (item["content"]?.elements ?? []).compactMap { $0["refusal"]?.text }
            case "reasoning":
                let parts = (item["summary"]?.elements ?? []) + (item["content"]?.elements ?? [])
                thoughts.append(parts.compactMap { $0["text"]?.text }.joined(separator: Self.betweenParts))
                if let detail = Self.detail(item, index: Int64(index)) { details.append(detail) }
            case "function_call", "custom_tool_call":
                calls.append(Self.call(item, index: nil, input: Self.input(of: item) ?? ""))
            default: continue
            }
        }
        let reasoning = thoughts.joined()
        let text = texts.joined()
        // A client expects a text where nothing else is said.
        let isSilent = text.isEmpty && (!calls.isEmpty || !refusals.isEmpty)
        let message: [(String, JSONValue?)] = [
            ("role", .string("assistant")), ("content", isSilent ? .null : .string(text)),
            ("refusal", refusals.isEmpty ? .null : .string(refusals.joined())),
            ("reasoning", reasoning.isEmpty ? nil : .string(reasoning)),
            ("reasoning_details", details.isEmpty ? nil : .array(details)),
            ("tool_calls", calls.isEmpty ? nil : .array(calls)),
        ]
        let choice: [(String, JSONValue?)] = [
            ("index", .number("0")), ("message", .members(message)), ("logprobs", .null),
            ("finish_reason", .string(Self.finishReason(response, hasCalls: !calls.isEmpty))),
        ]
        return JSONValue.members([
            ("id", .string(id)), ("object", .string("chat.completion")), ("created", .integer(created)),
            ("model", .string(response["model"]?.text ?? "")), ("choices", .array([.members(choice)])),
            ("usage", Self.usage(response["usage"])?.chatValue),
        ]).bytes
    }

    /// What the model wants to see again of an item of thoughts; nil where there is nothing.
    static func detail(_ item: JSONValue, index: Int64) -> JSONValue? {
        guard let data = item["encrypted_content"], data.text?.isEmpty == false else { return nil }
        return .members([
            ("type", .string("reasoning.encrypted")), ("data", data), ("id", item["id"]?.asText),
            ("format", .string(reasoningFormat)), ("index", .integer(index)),
        ])
    }

    /// Whether an item is a call of a tool.
    static func isCall(_ item: JSONValue) -> Bool { item["type"] == .string("function_call") || isCustom(item) }

    /// Whether it is one of a custom tool.
    static func isCustom(_ item: JSONValue) -> Bool { item["type"] == .string("custom_tool_call") }

    /// What the tool of an item is called with.
    static func input(of item: JSONValue) -> String? { item[isCustom(item) ? "input" : "arguments"]?.text }

    static func call(_ item: JSONValue, index: Int64?, input: String) -> JSONValue {
        let id = (item["call_id"] ?? item["id"])?.text ?? ""
        let name = item["name"]?.text ?? ""
        return isCustom(item)
            ? CustomTool.call(index: index, id: id, name: name, input: input)
            : MessagesAnswer.call(index: index, id: id, name: name, arguments: input)
    }

    /// OpenAI's word in chat completions for why a response ended.
    static func finishReason(_ response: JSONValue, hasCalls: Bool) -> String {
        guard response["status"] == .string("incomplete") else { return hasCalls ? "tool_calls" : "stop" }
        return response["incomplete_details"]?["reason"] == .string("content_filter") ? "content_filter" : "length"
    }

    /// The same of a response whose items are not known yet.
    static func finishReason(of response: JSONValue) -> String {
        let hasCalls = response["output"]?.elements?.contains(where: isCall) ?? false
        return finishReason(response, hasCalls: hasCalls)
    }

    /// What was cached and what was written to the cache are parts of the input, and what was thought of the output.
    static func usage(_ usage: JSONValue?) -> TokenUsage? {
        func count(_ value: JSONValue?) -> Int64? {
            guard let count = value?.int64, (0...UsageCounts.most).contains(count) else { return nil }
            return count
        }
        guard let input = count(usage?["input_tokens"]), let output = count(usage?["output_tokens"]) else { return nil }
        let details = usage?["input_tokens_details"]
        let cached = min(count(details?["cached_tokens"]) ?? 0, input)
        // Of GPT-5.6 and later, which charge for it.
        let written = count(details?["cache_write_tokens"]) ?? 0
        let reasoning = count(usage?["output_tokens_details"]?["reasoning_tokens"]) ?? 0
        return TokenUsage(
            promptTokens: input, completionTokens: output, cachedTokens: cached,
            cacheWriteTokens: min(written, input - cached), reasoningTokens: min(reasoning, output))
    }

    /// What an event says that ends a response badly: `response.failed` has it in the response, `error` beside its type, or,
    /// at Azure, in a member of its own.
    static func error(_ event: JSONValue) -> APIError {
        var said = event["response"]?["error"] ?? event["error"] ?? event
        if said.fields == nil { said = event }
        let code = said["code"]?.text ?? said["type"]?.text ?? ""
        let message = said["message"]?.text ?? ""
        return APIError(
            status: APIError.status(of: said) ?? status(of: code),
            message: message.isEmpty ? "The response failed." : String(message.prefix(4096)),
            param: said["param"]?.text, code: code.isEmpty || code == "error" ? nil : String(code.prefix(64)))
    }

    private static func status(of code: String) -> Int {
        switch code {
        case "rate_limit_exceeded", "insufficient_quota", "too_many_requests": 429
        case _ where code.hasPrefix("invalid_") || code.hasSuffix("_image") || code.contains("image_"): 400
        case "context_length_exceeded", "content_filter", "content_policy_violation": 400
        case "server_is_overloaded", "slow_down": 503
        default: 502
        }
    }
}
