internal import JSON
public import Money

/// A stream of chat completion chunks for a client that speaks Anthropic's Messages.
///
/// Blocks come one after the other, each closed when the next one begins. What ends the message, with its usage, is held back.
public struct MessagesEvents: ChunkTap {
    public private(set) var tap = SSETap(includeUsage: true)
    private var reader = EventReader()
    private var isStarted = false
    private var open: Block?
    private var blocks: Int64 = 0
    /// The blocks of the calls by their index in the chunks.
    private var calls: [Int64: Int64] = [:]

    private enum Block: Equatable {
        case text, thinking, redacted
        case call(Int64)

        var name: String {
            switch self {
            case .text: "text"
            case .thinking: "thinking"
            case .redacted: "redacted_thinking"
            case .call: "tool_use"
            }
        }
    }

    /// A tap of one stream.
    public init() {}

    public mutating func feed(_ bytes: [UInt8]) -> [UInt8] { events(tap.feed(bytes)) }

    public mutating func end() -> [UInt8] { events(tap.end()) }

    public func event(_ error: APIError) -> [UInt8] { error.messagesEvent }

    public mutating func finish(estimated: TokenUsage?, additions: ResponseAdditions) -> [UInt8] {
        var output: [UInt8] = []
        start(id: tap.id, model: tap.model, into: &output)
        close(into: &output)
        let reason = MessagesReply.stopReason(tap.finishReasons.first)
        output += Self.event(
            "message_delta",
            .members([
                ("type", .string("message_delta")),
                ("delta", .members([("stop_reason", .string(reason)), ("stop_sequence", .null)])),
                ("usage", (tap.usage ?? estimated ?? TokenUsage()).messagesValue),
            ]))
        output += Self.event("message_stop", .members([("type", .string("message_stop"))]))
        return output
    }

    static func event(_ name: String, _ data: JSONValue) -> [UInt8] {
        Array("event: \(name)\ndata: ".utf8) + data.bytes + Array("\n\n".utf8)
    }

    private mutating func events(_ chunks: [UInt8]) -> [UInt8] {
        guard !chunks.isEmpty else { return [] }
        var output: [UInt8] = []
        var reader = self.reader
        reader.feed(chunks) { data in
            take((try? JSONValue(data)) ?? .null, into: &output)
            return true
        }
        self.reader = reader
        return output
    }

    private mutating func take(_ chunk: JSONValue, into output: inout [UInt8]) {
        if let error = chunk["error"], error != .null {
            if let error = tap.error { output += error.messagesEvent }
            return
        }
        guard let delta = chunk["choices"]?.elements?.first?["delta"] else { return }
        // As the chunk at hand says it: how many more the tap has read already depends on how the bytes were cut.
        start(id: chunk["id"]?.text, model: chunk["model"]?.text, into: &output)
        if let text = delta.thoughtText, !text.isEmpty {
            say(.thinking, "thinking_delta", "thinking", text, into: &output)
        }
        for detail in delta["reasoning_details"]?.elements ?? [] where MessagesAnswer.isThought(detail) {
            take(thought: detail, into: &output)
        }
        for case let text? in [delta.saidText, delta["refusal"]?.text] where !text.isEmpty {
            say(.text, "text_delta", "text", text, into: &output)
        }
        for call in delta["tool_calls"]?.elements ?? [] { take(call: call, into: &output) }
    }

    /// What Claude wants to see again of a thought, whose text came as `reasoning`.
    private mutating func take(thought: JSONValue, into output: inout [UInt8]) {
        if thought["type"] == .string("reasoning.encrypted") {
            _ = begin(.redacted, [("data", thought["data"] ?? .string(""))], into: &output)
        } else if let signature = thought["signature"]?.text, !signature.isEmpty {
            say(.thinking, "signature_delta", "signature", signature, into: &output)
        } else {
            return
        }
        // What is thought after it is another block.
        close(into: &output)
    }

    private mutating func take(call: JSONValue, into output: inout [UInt8]) {
        let index = call["index"]?.int64 ?? 0
        let function = call["function"]
        if calls[index] == nil {
            calls[index] = begin(
                .call(index),
                [("id", call["id"] ?? .string("")), ("name", function?["name"] ?? .string("")), ("input", .object([]))],
                into: &output)
        }
        guard let block = calls[index], let fragment = function?["arguments"]?.text, !fragment.isEmpty else { return }
        Self.delta(block, "input_json_delta", "partial_json", fragment, into: &output)
    }

    private mutating func start(id: String?, model: String?, into output: inout [UInt8]) {
        guard !isStarted else { return }
        isStarted = true
        let message: [(String, JSONValue?)] = [
            ("id", .string(id ?? "")), ("type", .string("message")), ("role", .string("assistant")),
            ("model", .string(model ?? "")), ("content", .array([])), ("stop_reason", .null), ("stop_sequence", .null),
            ("usage", TokenUsage().messagesValue),
        ]
        output += Self.event(
            "message_start", .members([("type", .string("message_start")), ("message", .members(message))]))
    }

    private mutating func say(
        _ block: Block, _ type: StaticString, _ name: StaticString, _ text: String, into output: inout [UInt8]
    ) {
        if open != block {
            let empty: [(String, JSONValue?)] =
                block == .text ? [("text", .string(""))] : [("thinking", .string("")), ("signature", .string(""))]
            _ = begin(block, empty, into: &output)
        }
        Self.delta(blocks - 1, type, name, text, into: &output)
    }

    private mutating func begin(_ block: Block, _ fields: [(String, JSONValue?)], into output: inout [UInt8]) -> Int64 {
        close(into: &output)
        open = block
        blocks += 1
        output += Self.event(
            "content_block_start",
            .members([
                ("type", .string("content_block_start")), ("index", .integer(blocks - 1)),
                ("content_block", .members([("type", .string(block.name))] + fields)),
            ]))
        return blocks - 1
    }

    private mutating func close(into output: inout [UInt8]) {
        guard open != nil else { return }
        open = nil
        output += Self.event(
            "content_block_stop",
            .members([("type", .string("content_block_stop")), ("index", .integer(blocks - 1))]))
    }

    /// A piece of a block, as nearly all events are; written by hand for that reason.
    private static func delta(
        _ block: Int64, _ type: StaticString, _ name: StaticString, _ text: String, into output: inout [UInt8]
    ) {
        output +=
            "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":\(block),\"delta\":{\"type\":\"".utf8
        type.withUTF8Buffer { output.append(contentsOf: $0) }
        output += "\",\"".utf8
        name.withUTF8Buffer { output.append(contentsOf: $0) }
        output += "\":".utf8
        output.appendJSON(string: text)
        output += "}}\n\n".utf8
    }
}
