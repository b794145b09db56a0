internal import JSON
internal import Money

/// Reads what Amazon Bedrock answers: a message, or the events of a streamed one in Amazon's binary encoding
/// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html).
///
/// The role's chunk is held back until something is said, so that an error before that can still send the request elsewhere.
/// Thoughts become `reasoning`, and those of Claude also `reasoning_details` with the signatures that it wants to see again.
/// Events, blocks and deltas of kinds that are not known are passed over.
struct BedrockAnswer: ForeignAnswer {
    private(set) var error: APIError?
    private(set) var isMalformed = false
    private(set) var usage: TokenUsage?

    /// Bedrock gives its answers no id.
    let id: String
    let created: Int64
    let model: BedrockModel
    private let writer: ChunkWriter
    private var reader = EventStreamReader()
    private var isOpen = false
    private var isFinished = false
    /// What is wrong with an answer of which only the usage is still to come.
    private var broken: APIError?
    private var isDone = false
    /// The calls by the blocks that they are, and whether a fragment of their arguments came.
    private var calls: [Int64: (index: Int64, isBegun: Bool)] = [:]
    private var count: Int64 = 0

    init(id: String, created: Int64, model: BedrockModel) {
        self.id = id
        self.created = created
        self.model = model
        writer = ChunkWriter(id: id, created: created, model: model.name)
    }

    func refusal(status: Int, body: [UInt8]) -> APIError { .bedrock(status: status, try? JSONValue(body)) }

    mutating func feed(_ bytes: [UInt8]) -> [UInt8] {
        guard !isOver else { return [] }
        var output: [UInt8] = []
        // The reader is moved out, so that its messages can change the rest.
        var reader = self.reader
        self.reader = EventStreamReader()
        reader.feed(bytes) { message in
            take(message, into: &output)
            return !isOver
        }
        self.reader = reader
        if reader.isMalformed { isMalformed = true }
        return output
    }

    mutating func end() -> [UInt8] {
        // Everything was said but for the last word.
        guard !isOver, isFinished else { return [] }
        var output: [UInt8] = []
        finish(into: &output)
        return output
    }

    private var isOver: Bool { isDone || isMalformed || error != nil }

    private mutating func take(_ message: EventStreamReader.Message, into output: inout [UInt8]) {
        switch message.headers[":message-type"] {
        case "event":
            guard let event = try? JSONValue(message.payload), event.fields != nil else {
                isMalformed = true
                return
            }
            take(event, message.headers[":event-type"] ?? "", into: &output)
        case "exception":
            fail(.bedrock(message.headers[":exception-type"] ?? "", try? JSONValue(message.payload)), into: &output)
        case "error":
            let said = JSONValue.members([("message", message.headers[":error-message"].map { .string($0) })])
            fail(.bedrock(message.headers[":error-code"] ?? "", said), into: &output)
        default: return
        }
    }

    private mutating func fail(_ said: APIError, into output: inout [UInt8]) {
        error = said
        if isOpen { output += said.told.event }
    }

    private mutating func take(_ event: JSONValue, _ type: String, into output: inout [UInt8]) {
        let block = event["contentBlockIndex"]?.int64 ?? 0
        switch type {
        case "contentBlockStart":
            guard let use = event["start"]?["toolUse"] else { return }
            calls[block] = (count, false)
            let call = MessagesAnswer.call(
                index: count, id: use["toolUseId"]?.text ?? "", name: use["name"]?.text ?? "", arguments: "")
            write([("tool_calls", .array([call]))], into: &output)
            count += 1
        case "contentBlockDelta": if let delta = event["delta"] { take(delta: delta, block, into: &output) }
        case "contentBlockStop":
            // Arguments of which no fragment came are an object without members, and not nothing.
            guard let call = calls.removeValue(forKey: block), !call.isBegun else { return }
            write([("tool_calls", .array([MessagesAnswer.more(index: call.index, "{}")]))], into: &output)
        case "messageStop":
            guard let reason = event["stopReason"]?.text, !isFinished else { return }
            isFinished = true
            broken = Self.broken(reason)
            guard broken == nil else { return }
            open(into: &output)
            writer.write(
                [], finishReason: Self.finishReason(reason), stopReason: Self.stopReason(reason), into: &output)
        case "metadata":
            usage = Self.usage(event["usage"]) ?? usage
            if isFinished { finish(into: &output) }
        default: return
        }
    }

    private mutating func take(delta: JSONValue, _ block: Int64, into output: inout [UInt8]) {
        if let text = delta["text"]?.text {
            guard !text.isEmpty else { return }
            open(into: &output)
            writer.write(text, as: "content", into: &output)
        } else if let fragment = delta["toolUse"]?["input"]?.text {
            guard !fragment.isEmpty, let call = calls[block] else { return }
            calls[block] = (call.index, true)
            write([("tool_calls", .array([MessagesAnswer.more(index: call.index, fragment)]))], into: &output)
        } else if let thought = delta["reasoningContent"] {
            if let text = thought["text"]?.text {
                guard !text.isEmpty else { return }
                let detail = MessagesAnswer.thought(block, text: .string(text), signature: nil)
                write(
                    [("reasoning", .string(text)), ("reasoning_details", model.isClaude ? .array([detail]) : nil)],
                    into: &output)
            } else if model.isClaude, let signature = thought["signature"] {
                let detail = MessagesAnswer.thought(block, text: nil, signature: signature)
                write([("reasoning_details", .array([detail]))], into: &output)
            } else if model.isClaude, let data = thought["redactedContent"] {
                write([("reasoning_details", .array([MessagesAnswer.redacted(data, block)]))], into: &output)
            }
        }
    }

    /// Writes the role's chunk, once.
    private mutating func open(into output: inout [UInt8]) {
        guard !isOpen else { return }
        isOpen = true
        writer.write([("role", .string("assistant")), ("content", .string(""))], into: &output)
    }

    private mutating func write(_ delta: [(String, JSONValue?)], into output: inout [UInt8]) {
        open(into: &output)
        writer.write(delta, into: &output)
    }

    private mutating func finish(into output: inout [UInt8]) {
        if let broken { return fail(broken, into: &output) }
        isDone = true
        if let usage { writer.write(usage, into: &output) }
        output += ChunkWriter.done
    }
}

extension BedrockAnswer {
    /// What is wrong with an answer that ends for `reason`; nil where nothing is
    /// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html).
    static func broken(_ reason: String) -> APIError? {
        ["malformed_tool_use", "malformed_model_output"].contains(reason) ? .broken(reason) : nil
    }

    /// OpenAI's word for the reason why the model stopped.
    static func finishReason(_ reason: String) -> String {
        switch reason {
        case "tool_use": "tool_calls"
        case "max_tokens", "model_context_window_exceeded": "length"
        case "guardrail_intervened", "content_filtered": "content_filter"
        default: "stop"
        }
    }

    /// What is told beside it, see ``MessagesStop``: that a sequence was met, and not which.
    static func stopReason(_ reason: String) -> String? {
        reason == "stop_sequence" ? MessagesStop.atSequence : nil
    }

    /// What was read from the cache and written to it is counted beside the input
    /// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_TokenUsage.html).
    static func usage(_ usage: JSONValue?) -> TokenUsage? {
        func count(_ value: JSONValue?) -> Int64? {
            guard let count = value?.int64, (0...UsageCounts.most).contains(count) else { return nil }
            return count
        }
        guard let input = count(usage?["inputTokens"]), let output = count(usage?["outputTokens"]) else { return nil }
        let cached = count(usage?["cacheReadInputTokens"]) ?? 0
        let written = count(usage?["cacheWriteInputTokens"]) ?? 0
        let hour = usage?["cacheDetails"]?.elements?.first { $0["ttl"] == .string("1h") }
        return TokenUsage(
            promptTokens: input + cached + written, completionTokens: output, cachedTokens: cached, cacheWriteTokens: written,
            cacheWriteHourTokens: min(written, count(hour?["inputTokens"]) ?? 0))
    }
}
