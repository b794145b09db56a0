internal import JSON

extension MessagesAnswer {
    func completion(_ body: [UInt8]) throws(ChatResponseError) -> [UInt8] {
        let message: JSONValue
        do { message = try JSONValue(body) } catch { throw ChatResponseError(message: "the answer holds \(error)") }
        guard message["type"] == .string("message"), let blocks = message["content"]?.elements else {
            throw ChatResponseError(message: "the answer is no message of Anthropic")
        }
        var text: String?
        var reasoning: String?
        var details: [JSONValue] = []
        var calls: [JSONValue] = []
        for (index, block) in blocks.enumerated() {
            switch block["type"]?.text {
            case "text": text = (text ?? "") + (block["text"]?.text ?? "")
            case "thinking":
                reasoning = (reasoning ?? "") + (block["thinking"]?.text ?? "")
                details.append(
                    Self.thought(
                        Int64(index), text: .string(block["thinking"]?.text ?? ""), signature: block["signature"]))
            case "redacted_thinking": details.append(Self.redacted(block["data"], Int64(index)))
            case "tool_use":
                calls.append(
                    Self.call(
                        index: nil, id: block["id"]?.text ?? "", name: block["name"]?.text ?? "",
                        arguments: Self.arguments(block["input"])))
            default: continue
            }
        }
        // A client expects a text where no tool is called.
        if text == nil, calls.isEmpty { text = "" }
        var counts = MessagesUsage()
        counts.merge(message["usage"])
        let answer: [(String, JSONValue?)] = [
            ("role", .string("assistant")), ("content", text.map { .string($0) } ?? .null), ("refusal", .null),
            ("reasoning", reasoning.map { .string($0) }), ("reasoning_details", details.isEmpty ? nil : .array(details)),
            ("tool_calls", calls.isEmpty ? nil : .array(calls)),
        ]
        let choice: [(String, JSONValue?)] = [
            ("index", .number("0")), ("message", .members(answer)), ("logprobs", .null),
            ("finish_reason", .string(Self.finishReason(message["stop_reason"]?.text ?? ""))),
        ]
        return JSONValue.members([
            ("id", .string(message["id"]?.text ?? "")), ("object", .string("chat.completion")), ("created", .integer(created)),
            ("model", .string(message["model"]?.text ?? "")), ("choices", .array([.members(choice)])),
            ("usage", counts.whole?.chatValue),
        ]).bytes
    }
}
