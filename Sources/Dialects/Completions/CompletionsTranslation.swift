internal import JSON

/// A request of OpenAI's older completions API as a chat completion request: the prompt is what the user says
/// (https://platform.openai.com/docs/api-reference/completions).
///
/// One prompt of text is answered; `suffix`, `echo`, `logprobs` and `best_of` have no meaning in a chat and are refused by name.
/// Everything else of the request is a chat completion's too, and goes on as it came.
public struct CompletionsTranslation: Sendable {
    /// The chat completion request.
    public let chat: [UInt8]

    /// - Throws: 400 naming the field that is wrong or not served.
    public init(_ body: [UInt8]) throws(APIError) {
        var fields = try RequestFields(body)
        guard let model = try fields.take("model"), model.text != nil else {
            throw .invalid("model", "\"model\" must be a string")
        }
        let prompt = try fields.take("prompt")
        guard let text = prompt?.text ?? (prompt?.elements?.count == 1 ? prompt?.elements?.first?.text : nil) else {
            throw .invalid("prompt", "\"prompt\" must be one string: several, and tokens, are not served")
        }
        for (name, harmless) in [("echo", JSONValue.bool(false)), ("logprobs", .integer(0)), ("best_of", .integer(1))] {
            if let value = try fields.take(name), value != harmless {
                throw .invalid(name, "\"\(name)\" is not served: a chat has nothing like it")
            }
        }
        if let suffix = try fields.take("suffix"), suffix != .string("") {
            throw .invalid("suffix", "\"suffix\" is not served: a chat has nothing like it")
        }
        var members: [(String, JSONValue?)] = [
            ("model", model),
            ("messages", .array([.members([("role", .string("user")), ("content", .string(text))])])),
        ]
        for name in Self.same { members.append((name, try fields.take(name))) }
        try fields.end()
        chat = JSONValue.members(members).bytes
    }

    private static let same = [
        "max_tokens", "temperature", "top_p", "n", "stream", "stream_options", "stop", "presence_penalty", "frequency_penalty",
        "logit_bias", "seed", "user", "routing", "free_models_only", "no_reasoning",
        "prompt_cache_key",
    ]
}

/// The parts that both forms of an answer have: `choices` of texts in the place of messages.
enum CompletionsAnswer {
    static func texts(_ chat: JSONValue, _ part: String) -> JSONValue {
        let choices = (chat["choices"]?.elements ?? []).map { choice in
            JSONValue.members([
                ("text", .string(choice[part]?.saidText ?? choice[part]?["refusal"]?.text ?? "")),
                ("index", choice["index"] ?? .integer(0)), ("logprobs", .null),
                ("finish_reason", choice["finish_reason"] ?? .null),
            ])
        }
        return .object(
            (chat.fields ?? []).map { member in
                switch member.name {
                case "object": .init("object", .string("text_completion"))
                case "choices": .init("choices", .array(choices))
                default: member
                }
            })
    }
}
