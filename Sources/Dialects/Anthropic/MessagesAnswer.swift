internal import JSON
internal import Money

/// Reads what Anthropic answers: a message, or the events of a streamed one
/// (https://platform.claude.com/docs/en/build-with-claude/streaming).
///
/// The role's chunk is held back until something is said, so that an error before that can still send the request elsewhere.
/// Thinking becomes `reasoning`, and also `reasoning_details` with the signatures that Anthropic wants to see again. Events,
/// blocks and deltas of kinds that are not known are passed over, as Anthropic asks of its clients.
struct MessagesAnswer: EventAnswer {
    static let reasoningFormat = "anthropic-claude-v1"

    private(set) var error: APIError?
    var isMalformed = false
    var usage: TokenUsage? { counts.tokens }

    let created: Int64
    var reader = EventReader()
    private var counts = MessagesUsage()
    private var writer: ChunkWriter?
    private var isOpen = false
    private var isFinished = false
    private var isDone = false
    private var blocks: [Int64: Block] = [:]
    private var calls: Int64 = 0

    private enum Block {
        case text
        case thinking
        /// The call's index, what its start said of the input, and whether a fragment of it came.
        case call(index: Int64, input: JSONValue, isBegun: Bool)
    }

    init(created: Int64) { self.created = created }

    func refusal(status: Int, body: [UInt8]) -> APIError { .messages(status: status, try? JSONValue(body)) }

    func hiddenError(in body: [UInt8]) -> APIError? {
        guard let answer = try? JSONValue(body), let error = answer["error"], error != .null else { return nil }
        return .messages(status: APIError.status(of: error), answer)
    }

    mutating func end() -> [UInt8] {
        guard !isOver else { return [] }
        var output: [UInt8] = []
        takeRest(into: &output)
        // Everything was said but for the last word.
        if isFinished, !isDone, error == nil { done(into: &output) }
        return output
    }

    var isOver: Bool { isDone || isMalformed || error != nil }

    mutating func take(_ data: [UInt8], into output: inout [UInt8]) {
        guard let event = try? JSONValue(data), event.fields != nil else {
            isMalformed = true
            return
        }
        switch event["type"]?.text {
        case "message_start":
            let message = event["message"]
            counts.merge(message?["usage"])
            writer = ChunkWriter(
                id: message?["id"]?.text ?? "", created: created, model: message?["model"]?.text ?? "")
        case "content_block_start": start(event, into: &output)
        case "content_block_delta": delta(event, into: &output)
        case "content_block_stop": stop(event, into: &output)
        case "message_delta":
            counts.merge(event["usage"])
            guard let reason = event["delta"]?["stop_reason"]?.text, !isFinished else { return }
            isFinished = true
            write([], finishReason: Self.finishReason(reason), into: &output)
        case "message_stop": done(into: &output)
        case "error":
            let said = APIError.messages(status: nil, event)
            error = said
            if isOpen { output += said.told.event }
        default: return
        }
    }

    private mutating func say(_ text: String, into output: inout [UInt8]) {
        open(into: &output).write(text, as: "content", into: &output)
    }

    private mutating func write(_ delta: [(String, JSONValue?)], finishReason: String? = nil, into output: inout [UInt8]) {
        open(into: &output).write(delta, finishReason: finishReason, into: &output)
    }

    /// The writer, after the role's chunk.
    private mutating func open(into output: inout [UInt8]) -> ChunkWriter {
        let writer = self.writer ?? ChunkWriter(id: "", created: created, model: "")
        if !isOpen {
            isOpen = true
            writer.write([("role", .string("assistant")), ("content", .string(""))], into: &output)
        }
        return writer
    }

    private mutating func done(into output: inout [UInt8]) {
        // A message without a reason to stop was broken off, whatever event came after it.
        guard isFinished else { return }
        isDone = true
        if let usage = counts.whole { (writer ?? ChunkWriter(id: "", created: created, model: "")).write(usage, into: &output) }
        output += ChunkWriter.done
    }

    private mutating func start(_ event: JSONValue, into output: inout [UInt8]) {
        guard let index = event["index"]?.int64, let block = event["content_block"] else { return }
        switch block["type"]?.text {
        case "text":
            blocks[index] = .text
            if let text = block["text"]?.text, !text.isEmpty { say(text, into: &output) }
        case "thinking":
            blocks[index] = .thinking
            if let text = block["thinking"]?.text, !text.isEmpty { think(text, index, into: &output) }
        case "redacted_thinking":
            write([("reasoning_details", .array([Self.redacted(block["data"], index)]))], into: &output)
        case "tool_use":
            blocks[index] = .call(index: calls, input: block["input"] ?? .object([]), isBegun: false)
            write(
                [
                    (
                        "tool_calls",
                        .array([
                            Self.call(
                                index: calls, id: block["id"]?.text ?? "", name: block["name"]?.text ?? "", arguments: "")
                        ])
                    )
                ], into: &output)
            calls += 1
        default: return
        }
    }

    private mutating func delta(_ event: JSONValue, into output: inout [UInt8]) {
        guard let index = event["index"]?.int64, let block = blocks[index], let delta = event["delta"] else { return }
        switch (block, delta["type"]?.text) {
        case (.text, "text_delta"?):
            if let text = delta["text"]?.text, !text.isEmpty { say(text, into: &output) }
        case (.thinking, "thinking_delta"?):
            if let text = delta["thinking"]?.text, !text.isEmpty { think(text, index, into: &output) }
        case (.thinking, "signature_delta"?):
            write(
                [("reasoning_details", .array([Self.thought(index, text: nil, signature: delta["signature"])]))], into: &output)
        case (.call(let call, let input, _), "input_json_delta"?):
            guard let fragment = delta["partial_json"]?.text, !fragment.isEmpty else { return }
            blocks[index] = .call(index: call, input: input, isBegun: true)
            write([("tool_calls", .array([Self.more(index: call, fragment)]))], into: &output)
        default: return
        }
    }

    private mutating func stop(_ event: JSONValue, into output: inout [UInt8]) {
        guard let index = event["index"]?.int64, let block = blocks.removeValue(forKey: index) else { return }
        // Arguments of which no fragment came are those of the start: an object without members, and not nothing.
        guard case .call(let call, let input, isBegun: false) = block else { return }
        write([("tool_calls", .array([Self.more(index: call, Self.arguments(input))]))], into: &output)
    }

    private mutating func think(_ text: String, _ index: Int64, into output: inout [UInt8]) {
        write(
            [
                ("reasoning", .string(text)),
                ("reasoning_details", .array([Self.thought(index, text: .string(text), signature: nil)])),
            ], into: &output)
    }
}

extension MessagesAnswer {
    /// Whether one of `reasoning_details` is Claude's.
    static func isThought(_ detail: JSONValue) -> Bool { detail["format"] == .string(reasoningFormat) }

    static func thought(_ index: Int64, text: JSONValue?, signature: JSONValue?) -> JSONValue {
        .members([
            ("type", .string("reasoning.text")), ("text", text), ("signature", signature?.asText),
            ("format", .string(reasoningFormat)), ("index", .integer(index)),
        ])
    }

    static func redacted(_ data: JSONValue?, _ index: Int64) -> JSONValue {
        .members([
            ("type", .string("reasoning.encrypted")), ("data", data?.asText ?? .string("")), ("format", .string(reasoningFormat)),
            ("index", .integer(index)),
        ])
    }

    static func call(index: Int64?, id: String, name: String, arguments: String) -> JSONValue {
        .members([
            ("index", index.map { .integer($0) }), ("id", .string(id)), ("type", .string("function")),
            ("function", .members([("name", .string(name)), ("arguments", .string(arguments))])),
        ])
    }

    static func more(index: Int64, _ fragment: String) -> JSONValue {
        .members([("index", .integer(index)), ("function", .members([("arguments", .string(fragment))]))])
    }

    static func arguments(_ input: JSONValue?) -> String { String(decoding: (input ?? .object([])).bytes, as: UTF8.self) }

    /// OpenAI's word for the reason why Anthropic stopped.
    static func finishReason(_ reason: String) -> String {
        switch reason {
        case "tool_use": "tool_calls"
        case "max_tokens", "model_context_window_exceeded": "length"
        case "refusal": "content_filter"
        default: "stop"
        }
    }
}
