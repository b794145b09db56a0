internal import JSON

extension BedrockAnswer {
    func hiddenError(in body: [UInt8]) -> APIError? {
        (try? JSONValue(body))?["stopReason"]?.text.flatMap { Self.broken($0) }
    }

    func completion(_ body: [UInt8]) throws(ChatResponseError) -> [UInt8] {
        let answer: JSONValue
        do { answer = try JSONValue(body) } catch { throw ChatResponseError(message: "the answer holds \(error)") }
        guard let blocks = answer["output"]?["message"]?["content"]?.elements else {
            throw ChatResponseError(message: "the answer is no message of AWS Bedrock")
        }
        let reason = answer["stopReason"]?.text ?? ""
        guard Self.broken(reason) == nil else { throw ChatResponseError(message: "the answer was broken off") }
        var text: String?
        var reasoning: String?
        var details: [JSONValue] = []
        var calls: [JSONValue] = []
        for (index, block) in blocks.enumerated() {
            if let said = block["text"]?.text {
                text = (text ?? "") + said
            } else if let use = block["toolUse"] {
                calls.append(
                    MessagesAnswer.call(
                        index: nil, id: use["toolUseId"]?.text ?? "", name: use["name"]?.text ?? "",
                        arguments: MessagesAnswer.arguments(use["input"])))
            } else if let thought = block["reasoningContent"]?["reasoningText"] {
                let said = thought["text"]?.text ?? ""
                reasoning = (reasoning ?? "") + said
                details.append(
                    MessagesAnswer.thought(Int64(index), text: .string(said), signature: thought["signature"]))
            } else if let data = block["reasoningContent"]?["redactedContent"] {
                details.append(MessagesAnswer.redacted(data, Int64(index)))
            }
        }
        // A client expects a text where no tool is called.
        if text == nil, calls.isEmpty { text = "" }
        let message: [(String, JSONValue?)] = [
            ("role", .string("assistant")), ("content", text.map { .string($0) } ?? .null), ("refusal", .null),
            ("reasoning", reasoning.map { .string($0) }),
            ("reasoning_details", details.isEmpty || !model.isClaude ? nil : .array(details)),
            ("tool_calls", calls.isEmpty ? nil : .array(calls)),
        ]
        let choice: [(String, JSONValue?)] = [
            ("index", .number("0")), ("message", .members(message)), ("logprobs", .null),
            ("finish_reason", .string(Self.finishReason(reason))),
            ("stop_reason", Self.stopReason(reason).map { .string($0) }),
        ]
        return JSONValue.members([
            ("id", .string(id)), ("object", .string("chat.completion")), ("created", .integer(created)),
            ("model", .string(model.name)), ("choices", .array([.members(choice)])),
            ("usage", Self.usage(answer["usage"])?.chatValue),
        ]).bytes
    }
}
