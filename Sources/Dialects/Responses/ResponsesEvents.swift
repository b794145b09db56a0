internal import JSON
public import Money

/// A stream of chat completion chunks for a client of the Responses API.
///
/// An item of text or reasoning ends when another begins; calls, whose pieces may be mixed, end with the answer. What ends the
/// answer, with its usage, is held back. All that was said is kept, because the last event says it once more.
public struct ResponsesEvents: ChunkTap {
    public private(set) var tap = SSETap(includeUsage: true)
    private var reader = EventReader()
    private let shape: ResponsesShape
    private let maximumKeptBytes: Int
    private var keptBytes = 0
    private var writer = ResponsesEventWriter()
    private var isStarted = false
    /// Whether the provider said that it failed: nothing comes after that.
    private var hasFailed = false
    /// The items that have begun, each as it is at its end; nil while it is not.
    private var output: [JSONValue?] = []
    private var open: Open?
    private var calls: [(place: Int, call: ResponsesCall)] = []
    private var numbers = StreamedCalls()
    /// The whole answer, once it was written.
    public private(set) var response: [UInt8]?

    /// The item that what comes belongs to.
    private struct Open {
        enum Kind { case text, refusal, reasoning }
        let kind: Kind
        let place: Int
        /// The parts of a message that have ended.
        var parts: [JSONValue] = []
        var text = ""
        /// Of thoughts, what the model wants to see again.
        var state = ReasoningState()
    }

    /// A tap of one stream.
    ///
    /// - Parameter maximumKeptBytes: The longest answer that is kept.
    public init(for request: ResponsesTranslation, maximumKeptBytes: Int = SSETap.longestEvent) {
        shape = request.shape
        self.maximumKeptBytes = maximumKeptBytes
    }

    /// Why the stream can't go on, which is also where more was said than can be kept.
    public var failure: SSETap.Failure? { tap.failure ?? (isFull ? .eventTooLong : nil) }
    public var isComplete: Bool { !isFull && tap.isComplete }
    private var isFull: Bool { keptBytes > maximumKeptBytes }

    public mutating func feed(_ bytes: [UInt8]) -> [UInt8] { events(tap.feed(bytes)) }

    public mutating func end() -> [UInt8] { events(tap.end()) }

    public func event(_ error: APIError) -> [UInt8] { writer.event(error) }

    public mutating func finish(estimated: TokenUsage?, additions: ResponseAdditions) -> [UInt8] {
        guard !hasFailed else { return writer.take() }
        start(model: tap.model)
        let incomplete = ResponsesShape.incomplete(tap.finishReasons.first)
        // What was cut off is the last of it.
        let ending = incomplete == nil ? "completed" : "incomplete"
        close(ending)
        for (index, (place, call)) in calls.enumerated() {
            let item = shape.call(call, at: place, status: index == calls.count - 1 ? ending : "completed")
            writer.write(
                call.done, at: place, of: shape.item(call.prefix, place),
                [("name", call.isCustom ? nil : .string(call.name)), (call.inputName, .string(call.input))])
            writer.end(item, at: place)
            output[place] = item
        }
        let whole = shape.response(
            status: ending, output: output.compactMap(\.self), model: tap.model,
            incomplete: incomplete, usage: tap.usage ?? estimated ?? TokenUsage(), additions: additions)
        response = whole.bytes
        writer.write(incomplete == nil ? "response.completed" : "response.incomplete", [("response", whole)])
        return writer.take()
    }

    private mutating func events(_ chunks: [UInt8]) -> [UInt8] {
        guard !chunks.isEmpty else { return [] }
        var reader = self.reader
        reader.feed(chunks) { data in
            take((try? JSONValue(data)) ?? .null, bytes: data.count)
            return true
        }
        self.reader = reader
        return writer.take()
    }

    private mutating func take(_ chunk: JSONValue, bytes: Int) {
        guard !hasFailed, !isFull else { return }
        if let error = chunk["error"], error != .null {
            hasFailed = true
            if let error = tap.error { writer.write(error) }
            return
        }
        guard let delta = chunk["choices"]?.elements?.first?["delta"] else { return }
        start(model: chunk["model"]?.text)
        if let text = delta.thoughtText, !text.isEmpty { say(.reasoning, text) }
        if let details = delta["reasoning_details"], details.elements?.isEmpty == false {
            if open?.kind != .reasoning { begin(.reasoning) }
            keptBytes += bytes
            open?.state.add(details)
        }
        if let text = delta.saidText, !text.isEmpty { say(.text, text) }
        if let text = delta["refusal"]?.text, !text.isEmpty { say(.refusal, text) }
        for call in delta["tool_calls"]?.elements ?? [] { take(call: call) }
    }

    private mutating func start(model: String?) {
        guard !isStarted else { return }
        isStarted = true
        let begun = shape.response(status: "in_progress", output: [], model: model)
        writer.write("response.created", [("response", begun)])
        writer.write("response.in_progress", [("response", begun)])
    }

    /// The place of an item that begins.
    private mutating func addItem() -> Int {
        keptBytes += Self.itemBytes
        output.append(nil)
        return output.count - 1
    }

    /// What an item takes beside what it says, about.
    private static let itemBytes = 512

    private mutating func take(call piece: JSONValue) {
        let (number, isFirst) = numbers.take(piece)
        let said = ResponsesCall(piece)
        if isFirst {
            close()
            let place = addItem()
            let call = said.begun(id: shape.item("call", place))
            keptBytes += (call.id?.utf8.count ?? 0) + call.name.utf8.count
            calls.append((place, call))
            writer.begin(shape.call(call, at: place, status: "in_progress"), at: place)
        }
        guard !said.input.isEmpty else { return }
        keptBytes += said.input.utf8.count
        calls[number].call.input += said.input
        let (place, call) = calls[number]
        writer.delta(call.delta, said.input, at: place, of: shape.item(call.prefix, place))
    }

    private mutating func say(_ kind: Open.Kind, _ text: String) {
        if open?.kind != kind { begin(kind) }
        guard let open else { return }
        keptBytes += text.utf8.count
        self.open?.text += text
        let id = shape.item(kind == .reasoning ? "rs" : "msg", open.place)
        switch kind {
        case .text:
            writer.delta(
                "response.output_text.delta", text, at: open.place, of: id,
                [("content_index", .integer(open.parts.count)), ("logprobs", .array([]))])
        case .refusal:
            writer.delta(
                "response.refusal.delta", text, at: open.place, of: id, [("content_index", .integer(open.parts.count))])
        case .reasoning:
            writer.delta(
                "response.reasoning_summary_text.delta", text, at: open.place, of: id, [("summary_index", .integer(0))])
        }
    }

    private mutating func begin(_ kind: Open.Kind) {
        // A refusal and a text are two parts of one message.
        if let before = open, kind != .reasoning, before.kind != .reasoning {
            keptBytes += Self.itemBytes
            let part = endPart(of: before)
            open = Open(kind: kind, place: before.place, parts: before.parts + [part])
        } else {
            close()
            let place = addItem()
            open = Open(kind: kind, place: place)
            writer.begin(
                kind == .reasoning
                    ? .members([
                        ("id", .string(shape.item("rs", place))), ("type", .string("reasoning")), ("summary", .array([])),
                    ]) : shape.message([], at: place, status: "in_progress"), at: place)
        }
        guard let open else { return }
        let id = shape.item(kind == .reasoning ? "rs" : "msg", open.place)
        let part = Self.part(kind, "")
        if kind == .reasoning {
            writer.write(
                "response.reasoning_summary_part.added", at: open.place, of: id,
                [("summary_index", .integer(0)), ("part", part)])
        } else {
            writer.write(
                "response.content_part.added", at: open.place, of: id,
                [("content_index", .integer(open.parts.count)), ("part", part)])
        }
    }

    private static func part(_ kind: Open.Kind, _ text: String) -> JSONValue {
        switch kind {
        case .text: ResponsesShape.text(text)
        case .refusal: ResponsesShape.refusal(text)
        case .reasoning: .members([("type", .string("summary_text")), ("text", .string(text))])
        }
    }

    /// Ends the part that is open, and returns it.
    private mutating func endPart(of open: Open) -> JSONValue {
        let part = Self.part(open.kind, open.text)
        let id = shape.item(open.kind == .reasoning ? "rs" : "msg", open.place)
        let index = JSONValue.integer(open.kind == .reasoning ? 0 : open.parts.count)
        let text = JSONValue.string(open.text)
        switch open.kind {
        case .text:
            writer.write(
                "response.output_text.done", at: open.place, of: id,
                [("content_index", index), ("text", text), ("logprobs", .array([]))])
            writer.write("response.content_part.done", at: open.place, of: id, [("content_index", index), ("part", part)])
        case .refusal:
            writer.write("response.refusal.done", at: open.place, of: id, [("content_index", index), ("refusal", text)])
            writer.write("response.content_part.done", at: open.place, of: id, [("content_index", index), ("part", part)])
        case .reasoning:
            writer.write(
                "response.reasoning_summary_text.done", at: open.place, of: id, [("summary_index", index), ("text", text)])
            writer.write(
                "response.reasoning_summary_part.done", at: open.place, of: id, [("summary_index", index), ("part", part)])
        }
        return part
    }

    private mutating func close(_ status: String = "completed") {
        guard let open else { return }
        let part = endPart(of: open)
        let item =
            open.kind == .reasoning
            ? shape.reasoning(open.text, open.state, at: open.place)
            : shape.message(open.parts + [part], at: open.place, status: status)
        writer.end(item, at: open.place)
        output[open.place] = item
        self.open = nil
    }
}
