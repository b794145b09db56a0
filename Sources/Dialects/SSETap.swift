internal import JSON
public import Money

/// Reads a stream of server-sent events as it passes, in whole events.
///
/// The same events come out however the bytes were cut on their way in, and a character is never cut. Comments and lines end as
/// they came. What the tap changes is only this: what was thought gets the name that clients know, where the provider has another;
/// a usage chunk is left out if the client did not ask for one, else it is given the cost; the closing `[DONE]` is held back, so that the caller can settle before it sends `finish()`; an event whose data
/// is no JSON ends the stream, because no client could read on.
public struct SSETap: Sendable {
    /// What is wrong with a stream that can't go on.
    public enum Failure: String, Error, Sendable, Hashable {
        /// An event's data is neither JSON nor `[DONE]`.
        case malformedEvent
        /// An event is longer than the limit.
        case eventTooLong
    }

    /// The longest event that is waited for: an image of 4,096 by 4,096 pixels comes as one.
    public static let longestEvent = 32 << 20

    /// What was told of the usage so far, whatever came after it.
    public private(set) var usageSoFar: TokenUsage?
    /// Whether a usage came that is not what it must be.
    public private(set) var hasMalformedUsage = false
    /// The `finish_reason`s in order.
    public private(set) var finishReasons: [String] = []
    /// The `id` of the chunks.
    public private(set) var id: String?
    /// The `model` of the chunks, the provider's name for what answers.
    public private(set) var model: String?
    /// What an error event of the provider said.
    public private(set) var error: APIError?
    /// The same, where nothing came before it.
    public private(set) var startError: APIError?
    /// Why the stream can't go on; nothing passes any more.
    public private(set) var failure: Failure?
    /// Whether `[DONE]` came.
    public private(set) var isDone = false
    /// UTF-8 bytes of content, refusals and reasoning so far.
    public private(set) var textBytes: Int64 = 0
    /// UTF-8 bytes of the names and arguments of tool calls so far, and of what custom tools are called with.
    public private(set) var toolBytes: Int64 = 0
    /// Events with data so far, without `[DONE]`.
    public private(set) var events: Int64 = 0
    /// The estimated tokens of the deltas so far.
    public private(set) var estimatedCompletionTokens: Int64 = 0

    let includeUsage: Bool
    /// Whether something was said that `usageSoFar` does not count.
    private var hasSaidMore = false
    private let choices: Int64
    private let renamesReasoning: Bool
    private let maximumEventBytes: Int
    private let additions: @Sendable (TokenUsage) -> ResponseAdditions?
    private var created: Int64?
    private var pending: [UInt8] = []
    /// Where to look on for the end of a line in `pending`, and where that line starts.
    private var searched = 0
    private var lineStart = 0
    private var doneEvent: [UInt8] = []
    private var isAtStart = true

    /// A tap of one stream.
    ///
    /// - Parameters:
    ///   - includeUsage: whether the client asked for usage.
    ///   - choices: how many answers the client asked for, each of which has its end.
    ///   - renamesReasoning: whether clients shall find as `reasoning` what the provider calls `reasoning_content`.
    ///   - maximumEventBytes: the longest event that is waited for.
    ///   - additions: what is added to a chunk with this usage; called only if `includeUsage`.
    public init(
        includeUsage: Bool, choices: Int64 = 1, renamesReasoning: Bool = false, maximumEventBytes: Int = SSETap.longestEvent,
        additions: @escaping @Sendable (TokenUsage) -> ResponseAdditions? = { _ in nil }
    ) {
        self.includeUsage = includeUsage
        self.choices = choices
        self.renamesReasoning = renamesReasoning
        self.maximumEventBytes = maximumEventBytes
        self.additions = additions
    }

    /// The usage of all that came. One that is told at the beginning counts nothing of what is said after it.
    public var usage: TokenUsage? { hasSaidMore ? nil : usageSoFar }

    /// Whether an event with data came, or `[DONE]`.
    public var hasBegun: Bool { events > 0 || isDone }

    /// Whether the answer is whole: no error came, but `[DONE]` or every service's other sign of the end, a `finish_reason` of
    /// each choice.
    public var isComplete: Bool { error == nil && failure == nil && (isDone || Int64(finishReasons.count) >= max(1, choices)) }

    /// Takes bytes as they came from the provider and returns what goes to the client now; it may be nothing.
    public mutating func feed(_ bytes: [UInt8]) -> [UInt8] {
        guard !isDone, failure == nil else { return [] }
        if pending.isEmpty { pending = bytes } else { pending += bytes }
        var output = EventOutput()
        var consumed = 0
        while let line = nextLine(final: false) {
            guard line.isBlank else { continue }
            let event = consumed..<line.end
            consumed = line.end
            if !pass(event, into: &output) { break }
        }
        let result = output.finish(pending, upTo: consumed)
        if isDone || failure != nil { pending = [] } else { pending.removeFirst(consumed) }
        searched -= consumed
        lineStart -= consumed
        if pending.count > maximumEventBytes {
            failure = .eventTooLong
            pending = []
        }
        return result
    }

    /// Says that the provider's stream is over. Returns what still goes to the client: an event that came whole but for the
    /// blank line after it. Half an event is dropped.
    public mutating func end() -> [UInt8] {
        guard !isDone, failure == nil, !pending.isEmpty else { return [] }
        while nextLine(final: true) != nil {}
        let rest = pending
        var output = EventOutput()
        let isWhole = pass(0..<rest.count, into: &output)
        let result = isWhole ? output.finish(rest, upTo: rest.count) : []
        pending = []
        if failure == .malformedEvent { failure = nil }
        if isDone { doneEvent = [] }
        guard !result.isEmpty else { return [] }
        return result.last == UInt8(ascii: "\n") ? result + "\n".utf8 : result + "\n\n".utf8
    }

    /// The end of the stream for the client: `[DONE]` as the provider sent it, or one of ours.
    public func finish() -> [UInt8] { doneEvent.isEmpty ? Array("data: [DONE]\n\n".utf8) : doneEvent }

    /// A usage chunk for a client that asked for usage, where the provider sent none.
    public func usageEvent(_ usage: TokenUsage, additions: ResponseAdditions) -> [UInt8] {
        var event = Array("data: {\"id\":".utf8)
        event.appendJSON(string: id ?? "")
        event += ",\"object\":\"chat.completion.chunk\",\"created\":\(created ?? 0),\"model\":".utf8
        event.appendJSON(string: model ?? "")
        event += ",\"choices\":[],\"usage\":".utf8 + additions.usage(usage)
        if let metadata = additions.metadata {
            event += ",\"metadata\":".utf8
            metadata.write(into: &event)
        }
        return event + "}\n\n".utf8
    }
}

extension SSETap {
    private struct Line {
        let isBlank: Bool
        /// Behind the line's end.
        let end: Int
    }

    /// The next line of `pending` that is whole. A line ends with LF, CR LF or CR; whether a CR at the very end of what came is
    /// followed by an LF is not known yet, unless the stream is over.
    private mutating func nextLine(final: Bool) -> Line? {
        searched = pending.span.bytes.lineEnd(from: searched)
        guard searched < pending.count else { return nil }
        var end = searched + 1
        if pending[searched] == 0x0D {
            if end < pending.count { end += pending[end] == 0x0A ? 1 : 0 } else if !final { return nil }
        }
        let isBlank = lineStart == searched
        searched = end
        lineStart = end
        return Line(isBlank: isBlank, end: end)
    }

    /// Reads one event and decides what becomes of its bytes. Returns whether the stream goes on.
    private mutating func pass(_ event: Range<Int>, into output: inout EventOutput) -> Bool {
        let lines = dataLines(isAtStart ? unmarked(event) : event)
        isAtStart = false
        guard let first = lines.first else { return true }
        // Several data lines are one text with line feeds between them, which JSON takes as white space.
        let joined = lines.count == 1 ? nil : Array(lines.map { pending[$0] }.joined(separator: [0x0A]))
        if isDoneMark(joined?[...] ?? pending[first]) {
            doneEvent = Array(pending[event])
            isDone = true
            output.replace(event, of: pending, with: [])
            return false
        }
        guard joined.map({ !$0.isEmpty }) ?? !first.isEmpty else { return true }
        let chunk: ChatResponseScan
        do throws(ChatResponseError) {
            if let joined {
                chunk = try ChatResponseScan(joined.span.bytes, renamesReasoning: renamesReasoning)
            } else {
                chunk = try ChatResponseScan(pending.span.bytes.extracting(first), renamesReasoning: renamesReasoning)
            }
        } catch {
            failure = .malformedEvent
            output.replace(event, of: pending, with: [])
            return false
        }
        events += 1
        note(chunk)
        if chunk.hasError {
            // An error that says nothing in OpenAI's shape is put into it, so that a client's SDK raises it.
            guard error == nil else { return true }
            let said = chunk.error ?? APIError(status: 502, message: "the provider broke the stream off", code: "upstream_error")
            error = said
            if events == 1 { startError = said }
            // Nor does a client hear what one says of the gateway's account.
            if chunk.error == nil || said.isOfAccount { output.replace(event, of: pending, with: said.event) }
            return true
        }
        if chunk.usage != nil, !includeUsage, chunk.choices == 0 {
            output.replace(event, of: pending, with: [])
        } else if let usage = chunk.usage, includeUsage, let additions = additions(usageSoFar ?? usage) {
            replaceData(lines, with: chunk.adding(additions, to: joined ?? Array(pending[first])), into: &output)
        } else if let joined, !chunk.otherNames.isEmpty {
            replaceData(lines, with: chunk.adding(ResponseAdditions(), to: joined), into: &output)
        } else {
            for name in chunk.otherNames {
                let place = first.lowerBound + name.lowerBound..<first.lowerBound + name.upperBound
                output.replace(place, of: pending, with: ReasoningName.renaming(name))
            }
        }
        return true
    }

    private mutating func note(_ chunk: ChatResponseScan) {
        if id == nil { id = chunk.id }
        if model == nil { model = chunk.model }
        if created == nil { created = chunk.created }
        if chunk.hasMalformedUsage { hasMalformedUsage = true }
        if !chunk.finishReasons.isEmpty { finishReasons += chunk.finishReasons }
        textBytes += chunk.textBytes
        toolBytes += chunk.toolBytes
        let said =
            TokenBound.estimate(deltaBytes: chunk.textBytes + chunk.toolBytes) + chunk.images * TokenBound.perGeneratedImage
        estimatedCompletionTokens += said
        // Some tell with every piece what was used before the first of them.
        let isTold = (chunk.usage?.completionTokens ?? 0) > usageSoFar?.completionTokens ?? 0
        if let told = chunk.usage { note(told) }
        if said > 0, !isTold { hasSaidMore = true }
    }

    private mutating func note(_ told: TokenUsage) {
        if !(usageSoFar.map { told.countsLess(than: $0) } ?? false) { hasSaidMore = false }
        usageSoFar = usageSoFar?.followed(by: told) ?? told
    }

    /// Puts `text` in the place of the values of the data lines.
    private func replaceData(_ lines: [Range<Int>], with text: [UInt8], into output: inout EventOutput) {
        for (index, line) in lines.enumerated() {
            // The text takes the first line's place. JSON's own line feeds are between tokens, so they can become spaces.
            let value = index == 0 ? text.map { $0 == 0x0A || $0 == 0x0D ? 0x20 : $0 } : []
            output.replace(line, of: pending, with: value)
        }
    }

    /// The first event without the mark of the byte order that may stand before it.
    private func unmarked(_ event: Range<Int>) -> Range<Int> {
        pending[event].starts(with: EventReader.byteOrderMark)
            ? event.lowerBound + EventReader.byteOrderMark.count..<event.upperBound : event
    }

    /// The values of the data lines of an event, without the one space that may stand before each.
    private func dataLines(_ event: Range<Int>) -> [Range<Int>] {
        var lines: [Range<Int>] = []
        var start = event.lowerBound
        while start < event.upperBound {
            let end = min(pending.span.bytes.lineEnd(from: start), event.upperBound)
            if let value = dataValue(start..<end) { lines.append(value) }
            start = end + 1
        }
        return lines
    }

    private static let field = Array("data".utf8)

    private func dataValue(_ line: Range<Int>) -> Range<Int>? {
        let name = Self.field.count
        guard line.count >= name, pending[line.lowerBound..<line.lowerBound + name].elementsEqual(Self.field) else { return nil }
        var start = line.lowerBound + name
        guard start < line.upperBound else { return start..<start }
        guard pending[start] == UInt8(ascii: ":") else { return nil }
        start += 1
        if start < line.upperBound, pending[start] == 0x20 { start += 1 }
        return start..<line.upperBound
    }

    private func isDoneMark(_ text: ArraySlice<UInt8>) -> Bool {
        guard text.count < 64, text.contains(UInt8(ascii: "[")) else { return false }
        return text.filter { $0 != 0x20 && $0 != 0x09 }.elementsEqual("[DONE]".utf8)
    }
}
