internal import JSON

/// Why an answer ended, as a client of Anthropic's format is told it.
struct MessagesStop: Sendable {
    /// The word for a sequence, where nobody says which it was.
    static let atSequence = "stop_sequence"

    /// What the client wants the answer to stop at.
    let sequences: [String]
    private var said: String?

    init(at sequences: [String]) { self.sequences = sequences }

    /// Takes what a choice says beside its `finish_reason`: vLLM the sequence itself
    /// (https://docs.vllm.ai/en/stable/serving/openai_compatible_server), SGLang as well
    /// (https://docs.sglang.ai/basic_usage/openai_api_completions.html), and the translation of Bedrock's answer that it was one.
    mutating func note(_ choice: JSONValue?) {
        if let said = (choice?["stop_reason"] ?? choice?["matched_stop"])?.text { self.said = said }
    }

    /// `stop_reason` and `stop_sequence`.
    func members(finishReason: String?) -> [(String, JSONValue?)] {
        let named = said.flatMap { sequences.contains($0) ? $0 : nil }
        guard finishReason == "stop", named != nil || said == Self.atSequence else {
            return [("stop_reason", .string(Self.reason(finishReason))), ("stop_sequence", .null)]
        }
        let only = sequences.count == 1 ? sequences[0] : nil
        return [
            ("stop_reason", .string(Self.atSequence)), ("stop_sequence", (named ?? only).map { .string($0) } ?? .null),
        ]
    }

    private static func reason(_ finishReason: String?) -> String {
        switch finishReason {
        case "length": "max_tokens"
        case "tool_calls", "function_call": "tool_use"
        case "content_filter": "refusal"
        default: "end_turn"
        }
    }
}
