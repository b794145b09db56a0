internal import JSON
public import Money

/// A stream of chat completion chunks for a client that speaks Anthropic's Messages.
///
/// What ends the message, with its usage, is held back.
public struct MessagesEvents: ChunkTap {
    public private(set) var tap = SSETap(includeUsage: true)
    private var reader = EventReader()
    private var isStarted = false
    private var blocks = MessagesBlocks()
    private var calls = StreamedCalls()
    private let maximumWaitingBytes: Int
    private var stop: MessagesStop

    /// A tap of one stream that answers `request`.
    ///
    /// - Parameter maximumWaitingBytes: The most that is kept until a call is whole.
    public init(for request: MessagesTranslation? = nil, maximumWaitingBytes: Int = SSETap.longestEvent) {
        self.maximumWaitingBytes = maximumWaitingBytes
        stop = MessagesStop(at: request?.stops ?? [])
    }

    /// Why the stream can't go on, which is also where too much waits for a call to end.
    public var failure: SSETap.Failure? { tap.failure ?? (isFull ? .eventTooLong : nil) }
    public var isComplete: Bool { !isFull && tap.isComplete }
    private var isFull: Bool { blocks.waitingBytes > maximumWaitingBytes }

    public mutating func feed(_ bytes: [UInt8]) -> [UInt8] { events(tap.feed(bytes)) }

    public mutating func end() -> [UInt8] { events(tap.end()) }

    public func event(_ error: APIError) -> [UInt8] { error.messagesEvent }

    public mutating func finish(estimated: TokenUsage?, additions: ResponseAdditions) -> [UInt8] {
        var output: [UInt8] = []
        start(id: tap.id, model: tap.model, into: &output)
        blocks.finish(into: &output)
        output += Self.event(
            "message_delta",
            .members([
                ("type", .string("message_delta")),
                ("delta", .members(stop.members(finishReason: tap.finishReasons.first))),
                ("usage", (tap.usage ?? estimated ?? TokenUsage()).messagesValue(additions)),
                ("metadata", additions.metadata?.json),
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
        guard !isFull else { return }
        if let error = chunk["error"], error != .null {
            if let error = tap.error { output += error.messagesEvent }
            return
        }
        let choice = chunk["choices"]?.elements?.first
        stop.note(choice)
        guard let delta = choice?["delta"] else { return }
        // As the chunk at hand says it: how many more the tap has read already depends on how the bytes were cut.
        start(id: chunk["id"]?.text, model: chunk["model"]?.text, into: &output)
        if let text = delta.thoughtText, !text.isEmpty { blocks.say(.thought(text), into: &output) }
        for detail in delta["reasoning_details"]?.elements ?? [] where MessagesAnswer.isThought(detail) {
            take(thought: detail, into: &output)
        }
        for case let text? in [delta.saidText, delta["refusal"]?.text] where !text.isEmpty {
            blocks.say(.text(text), into: &output)
        }
        for call in delta["tool_calls"]?.elements ?? [] { take(call: call, into: &output) }
    }

    /// What Claude wants to see again of a thought, whose text came as `reasoning`.
    private mutating func take(thought: JSONValue, into output: inout [UInt8]) {
        if thought["type"] == .string("reasoning.encrypted") {
            blocks.redacted(thought["data"] ?? .string(""), into: &output)
        } else if let signature = thought["signature"]?.text, !signature.isEmpty {
            blocks.say(.signature(signature), into: &output)
            blocks.endThought(into: &output)
        }
    }

    private mutating func take(call: JSONValue, into output: inout [UInt8]) {
        let function = call["function"]
        let (number, isFirst) = calls.take(call)
        if isFirst {
            if let signature = GoogleSignature.before(call) {
                blocks.say(.signature(signature), into: &output)
                blocks.endThought(into: &output)
            }
            blocks.call(number, id: call["id"] ?? .string(""), name: function?["name"] ?? .string(""), into: &output)
        }
        guard let fragment = function?["arguments"]?.text, !fragment.isEmpty else { return }
        blocks.add(fragment, toCall: number, into: &output)
    }

    private mutating func start(id: String?, model: String?, into output: inout [UInt8]) {
        guard !isStarted else { return }
        isStarted = true
        let message: [(String, JSONValue?)] = [
            ("id", .string(id ?? "")), ("type", .string("message")), ("role", .string("assistant")),
            ("model", .string(model ?? "")), ("content", .array([])), ("stop_reason", .null), ("stop_sequence", .null),
            ("usage", TokenUsage().messagesValue()),
        ]
        output += Self.event(
            "message_start", .members([("type", .string("message_start")), ("message", .members(message))]))
    }
}
