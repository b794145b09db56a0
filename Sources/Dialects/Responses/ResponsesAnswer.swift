internal import JSON
internal import Money

/// Reads what the Responses API answers: a response, or the events of a streamed one
/// (https://platform.openai.com/docs/api-reference/responses-streaming).
///
/// The role's chunk is held back until something is said, so that an error before that can still send the request elsewhere.
/// Summaries of thoughts become `reasoning`, and what the model wants to see again of them `reasoning_details`. Events and items of
/// kinds that are not known are passed over.
struct ResponsesAnswer: EventAnswer {
    static let reasoningFormat = "openai-responses-v1"

    private(set) var error: APIError?
    var isMalformed = false
    private(set) var usage: TokenUsage?

    let id: String
    let created: Int64
    let provider: String
    var reader = EventReader()
    private var writer: ChunkWriter?
    private var isOpen = false
    private var isDone = false
    /// The calls by the places of their items: their index among the calls, whether each is one of a custom tool, and whether a
    /// fragment of what it is called with came.
    private var calls: [Int64: (index: Int64, isCustom: Bool, isBegun: Bool)] = [:]
    /// The places of messages of which a piece came.
    private var said: Set<Int64> = []

    init(id: String, created: Int64, provider: String) {
        self.id = id
        self.created = created
        self.provider = provider
    }

    func refusal(status: Int, body: [UInt8]) -> APIError { .upstream(status: status, body: body, provider: provider) }

    func hiddenError(in body: [UInt8]) -> APIError? {
        guard let answer = try? JSONValue(body), let error = answer["error"], error != .null else { return nil }
        return Self.error(answer)
    }

    mutating func end() -> [UInt8] {
        guard !isOver else { return [] }
        var output: [UInt8] = []
        takeRest(into: &output)
        return output
    }

    var isOver: Bool { isDone || isMalformed || error != nil }

    mutating func take(_ data: [UInt8], into output: inout [UInt8]) {
        // Some services close with the mark of chat completions.
        if data == Array("[DONE]".utf8) { return }
        guard let event = try? JSONValue(data), event.fields != nil else {
            isMalformed = true
            return
        }
        let place = event["output_index"]?.int64 ?? 0
        switch event["type"]?.text {
        case "response.created", "response.in_progress", "response.queued": begin(event["response"])
        case "response.output_item.added":
            guard let item = event["item"], Self.isCall(item) else { return }
            begin(call: item, at: place, into: &output)
        case "response.output_item.done": if let item = event["item"] { end(item, at: place, into: &output) }
        case "response.output_text.delta": say(event["delta"], as: "content", at: place, into: &output)
        case "response.refusal.delta": say(event["delta"], as: "refusal", at: place, into: &output)
        case "response.reasoning_summary_text.delta", "response.reasoning_text.delta":
            say(event["delta"], as: "reasoning", at: place, into: &output)
        case "response.reasoning_summary_part.added":
            guard event["summary_index"]?.int64 ?? 0 > 0 else { return }
            say(.string(Self.betweenParts), as: "reasoning", at: place, into: &output)
        case "response.function_call_arguments.delta", "response.custom_tool_call_input.delta":
            say(event["delta"]?.text, inCallAt: place, into: &output)
        case "response.completed", "response.incomplete": done(event["response"] ?? .null, into: &output)
        case "response.failed", "response.cancelled", "error":
            let failed = Self.error(event)
            error = failed
            if isOpen { output += failed.event }
        default: return
        }
    }

    static let betweenParts = "\n\n"

    private mutating func begin(_ response: JSONValue?) {
        guard writer == nil else { return }
        writer = ChunkWriter(id: id, created: created, model: response?["model"]?.text ?? "")
    }

    private mutating func begin(call item: JSONValue, at place: Int64, into output: inout [UInt8]) {
        guard calls[place] == nil else { return }
        let index = Int64(calls.count)
        calls[place] = (index, Self.isCustom(item), false)
        let call = Self.call(item, index: index, input: "")
        write([("tool_calls", .array([call]))], into: &output)
    }

    /// What an item says at its end and did not say in pieces.
    private mutating func end(_ item: JSONValue, at place: Int64, into output: inout [UInt8]) {
        switch item["type"]?.text {
        case "function_call", "custom_tool_call":
            begin(call: item, at: place, into: &output)
            guard calls[place]?.isBegun == false else { return }
            say(Self.input(of: item), inCallAt: place, into: &output)
        case "message":
            guard !said.contains(place) else { return }
            for part in item["content"]?.elements ?? [] {
                say(part["text"], as: "content", at: place, into: &output)
                say(part["refusal"], as: "refusal", at: place, into: &output)
            }
        case "reasoning":
            guard let detail = Self.detail(item, index: place) else { return }
            write([("reasoning_details", .array([detail]))], into: &output)
        default: return
        }
    }

    private mutating func say(_ fragment: String?, inCallAt place: Int64, into output: inout [UInt8]) {
        guard let fragment, !fragment.isEmpty, let call = calls[place] else { return }
        calls[place]?.isBegun = true
        let more =
            call.isCustom
            ? CustomTool.more(index: call.index, fragment) : MessagesAnswer.more(index: call.index, fragment)
        write([("tool_calls", .array([more]))], into: &output)
    }

    private mutating func say(_ text: JSONValue?, as name: StaticString, at place: Int64, into output: inout [UInt8]) {
        guard let text = text?.text, !text.isEmpty else { return }
        said.insert(place)
        open(into: &output).write(text, as: name, into: &output)
    }

    private mutating func write(_ delta: [(String, JSONValue?)], finishReason: String? = nil, into output: inout [UInt8]) {
        open(into: &output).write(delta, finishReason: finishReason, into: &output)
    }

    /// The writer, after the role's chunk.
    private mutating func open(into output: inout [UInt8]) -> ChunkWriter {
        let writer = self.writer ?? ChunkWriter(id: id, created: created, model: "")
        if !isOpen {
            isOpen = true
            writer.write([("role", .string("assistant")), ("content", .string(""))], into: &output)
        }
        return writer
    }

    private mutating func done(_ response: JSONValue, into output: inout [UInt8]) {
        begin(response)
        isDone = true
        usage = Self.usage(response["usage"])
        write([], finishReason: Self.finishReason(response, hasCalls: !calls.isEmpty), into: &output)
        if let usage { writer?.write(usage, into: &output) }
        output += ChunkWriter.done
    }
}
