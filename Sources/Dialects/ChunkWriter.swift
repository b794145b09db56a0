internal import JSON
internal import Money

/// Writes the chunks of a streamed chat completion.
struct ChunkWriter: Sendable {
    private let head: [UInt8]

    init(id: String, created: Int64, model: String) {
        var head = Array("data: {\"id\":".utf8)
        head.appendJSON(string: id)
        head += ",\"object\":\"chat.completion.chunk\",\"created\":\(created),\"model\":".utf8
        head.appendJSON(string: model)
        self.head = head
    }

    /// A chunk of the only choice that says a piece of text, as nearly all chunks do; written by hand for that reason.
    func write(_ text: String, as name: StaticString, into output: inout [UInt8]) {
        output += head
        output += ",\"choices\":[{\"index\":0,\"delta\":{\"".utf8
        name.withUTF8Buffer { output.append(contentsOf: $0) }
        output += "\":".utf8
        output.appendJSON(string: text)
        output += "},\"logprobs\":null,\"finish_reason\":null}]}\n\n".utf8
    }

    /// A chunk of the only choice.
    ///
    /// - Parameter stopReason: What is told beside the reason to finish, see ``MessagesStop``.
    func write(
        _ delta: [(String, JSONValue?)], finishReason: String? = nil, stopReason: String? = nil, into output: inout [UInt8]
    ) {
        output += head
        output += ",\"choices\":[{\"index\":0,\"delta\":".utf8
        JSONValue.members(delta).write(into: &output)
        output += ",\"logprobs\":null,\"finish_reason\":".utf8
        if let finishReason { output.appendJSON(string: finishReason) } else { output += "null".utf8 }
        if let stopReason {
            output += ",\"stop_reason\":".utf8
            output.appendJSON(string: stopReason)
        }
        output += "}]}\n\n".utf8
    }

    /// The chunk that holds the usage, without a choice.
    func write(_ usage: TokenUsage, into output: inout [UInt8]) {
        output += head
        output += ",\"choices\":[],\"usage\":".utf8
        usage.chatValue.write(into: &output)
        output += "}\n\n".utf8
    }

    static let done = Array("data: [DONE]\n\n".utf8)
}

extension TokenUsage {
    /// The `usage` object of a chat completion.
    var chatValue: JSONValue {
        let hour = min(cacheWriteHourTokens, cacheWriteTokens)
        let written: [(String, JSONValue?)] = [
            ("cached_tokens", .integer(cachedTokens)),
            ("image_tokens", imageInputTokens == 0 ? nil : .integer(imageInputTokens)),
            ("cache_write_tokens", cacheWriteTokens == 0 ? nil : .integer(cacheWriteTokens)),
            (
                "cache_creation",
                cacheWriteTokens == 0
                    ? nil
                    : .members([
                        ("ephemeral_5m_input_tokens", .integer(cacheWriteTokens - hour)),
                        ("ephemeral_1h_input_tokens", .integer(hour)),
                    ])
            ),
        ]
        return .members([
            ("prompt_tokens", .integer(promptTokens)), ("completion_tokens", .integer(completionTokens)),
            ("total_tokens", .integer(promptTokens + completionTokens)), ("prompt_tokens_details", .members(written)),
            (
                "completion_tokens_details",
                .members([
                    ("reasoning_tokens", .integer(reasoningTokens)),
                    ("image_tokens", imageOutputTokens == 0 ? nil : .integer(imageOutputTokens)),
                ])
            ),
        ])
    }
}
