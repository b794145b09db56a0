internal import JSON
internal import Money

/// The pass over an answer or a chunk. Names are taken as they stand: what a provider misspells is not read, and of a name that
/// comes twice the last one counts, as it does for the client.
struct ResponseScanner {
    var result = ChatResponseScan()
    private var cursor = JSONCursor()

    private static let topNames = NameTable([
        "id", "model", "created", "choices", "usage", "metadata", "error", "data", "results",
    ])
    private static let choiceNames = NameTable(["finish_reason", "message", "delta", "text"])
    private static let messageNames = NameTable([
        "content", "tool_calls", "function_call", "refusal", "reasoning", "reasoning_content", "images",
    ])
    private static let usageNames = NameTable([
        "prompt_tokens", "completion_tokens", "total_tokens", "prompt_tokens_details", "completion_tokens_details", "cost",
        "cost_details", "cached_tokens", "cache_creation_input_tokens",
    ])
    /// What was written to a cache has three names: OpenAI's, that of several compatible services, and Alibaba's.
    private static let detailNames = NameTable([
        "cached_tokens", "cache_write_tokens", "cache_creation_tokens", "reasoning_tokens", "cache_creation", "image_tokens",
        "cache_creation_input_tokens",
    ])
    private static let creationNames = NameTable(["ephemeral_1h_input_tokens", "ephemeral_5m_input_tokens"])
    private static let callNames = NameTable(["function", "name", "arguments", "custom", "input"])

    mutating func scan(_ text: RawSpan) throws(JSONError) {
        guard try cursor.next(text) == UInt8(ascii: "{") else { throw JSONError(.unexpectedByte, at: cursor.offset) }
        result.start = cursor.offset + 1
        try object(text, Self.topNames, depth: 0) { scanner, index, text throws(JSONError) in
            scanner.result.isEmpty = false
            let first = try scanner.cursor.next(text)
            let start = scanner.cursor.offset
            switch index {
            case 0: scanner.result.id = try scanner.string(text)
            case 1: scanner.result.model = try scanner.string(text)
            case 2: scanner.result.created = try scanner.integer(text)
            case 3: try scanner.choices(text)
            case 4:
                try scanner.usage(text)
                scanner.result.usageRange = start..<scanner.cursor.offset
            case 5:
                try scanner.cursor.skip(text, depth: 1)
                scanner.result.metadataRange = start..<scanner.cursor.offset
            case 6:
                let error = try scanner.cursor.value(text, depth: 1)
                scanner.result.hasError = first != UInt8(ascii: "n")
                scanner.result.error = APIError.upstream(status: APIError.status(of: error) ?? 502, error)
                scanner.result.errorRange = start..<scanner.cursor.offset
            case 7: scanner.result.data = try scanner.elements(text)
            case 8: scanner.result.results = try scanner.elements(text)
            default: try scanner.cursor.skip(text, depth: 1)
            }
        }
        try cursor.end(text)
    }

    /// Moves over any value; an object's members go to `read` with their index among `names`.
    @inline(__always)
    private mutating func object(
        _ text: RawSpan, _ names: NameTable, depth: Int,
        _ read: (inout ResponseScanner, Int?, RawSpan) throws(JSONError) -> Void
    ) throws(JSONError) {
        guard try cursor.next(text) == UInt8(ascii: "{") else { return try cursor.skip(text, depth: depth) }
        guard try cursor.enter("{", "}", text, depth: depth) else { return }
        repeat {
            let name = try cursor.name(text)
            try read(&self, names.index(name, text), text)
        } while try cursor.another(UInt8(ascii: "}"), text)
    }

    /// Moves over any value; an array's elements go to `read`.
    private mutating func array(
        _ text: RawSpan, depth: Int, _ read: (inout ResponseScanner, RawSpan) throws(JSONError) -> Void
    ) throws(JSONError) {
        guard try cursor.next(text) == UInt8(ascii: "[") else { return try cursor.skip(text, depth: depth) }
        guard try cursor.enter("[", "]", text, depth: depth) else { return }
        repeat { try read(&self, text) } while try cursor.another(UInt8(ascii: "]"), text)
    }

    /// Moves over any value and returns it if it is a string.
    private mutating func string(_ text: RawSpan) throws(JSONError) -> String? {
        guard try cursor.next(text) == UInt8(ascii: "\"") else {
            try cursor.skip(text, depth: 1)
            return nil
        }
        return try cursor.string(text).decoded(text)
    }

    /// Moves over any value and returns it if it is an integer that is not below zero.
    private mutating func integer(_ text: RawSpan) throws(JSONError) -> Int64? {
        let first = try cursor.next(text)
        guard first &- UInt8(ascii: "0") < 10 else {
            try cursor.skip(text, depth: 1)
            return nil
        }
        return try cursor.number(text).integer(text)
    }

    /// Moves over any value and returns how many elements it has if it is an array.
    private mutating func elements(_ text: RawSpan) throws(JSONError) -> Int {
        var count = 0
        try array(text, depth: 1) { scanner, text throws(JSONError) in
            count += 1
            try scanner.cursor.skip(text, depth: 2)
        }
        return count
    }

    private mutating func choices(_ text: RawSpan) throws(JSONError) {
        try array(text, depth: 1) { scanner, text throws(JSONError) in
            scanner.result.choices += 1
            try scanner.object(text, Self.choiceNames, depth: 2) { scanner, index, text throws(JSONError) in
                switch index {
                case 0: if let reason = try scanner.string(text) { scanner.result.finishReasons.append(reason) }
                case 1, 2: try scanner.message(text)
                default: try scanner.cursor.skip(text, depth: 3)
                }
            }
        }
    }

    /// A whole message or a delta.
    private mutating func message(_ text: RawSpan) throws(JSONError) {
        var isNamed = false
        var other: Range<Int>?
        // Behind the name of a `reasoning` that is null.
        var unsaid: Int?
        try object(text, Self.messageNames, depth: 3) { scanner, index, text throws(JSONError) in
            switch index {
            case 5:
                let end = scanner.result.renamesReasoning ? scanner.endOfName(text) : 0
                if end > 0, try scanner.cursor.next(text) != UInt8(ascii: "n") { other = end - ReasoningName.rest.count..<end }
                scanner.result.textBytes += try scanner.length(text, depth: 4)
            case 4:
                let end = scanner.result.renamesReasoning ? scanner.endOfName(text) : 0
                if try scanner.cursor.next(text) == UInt8(ascii: "n") { unsaid = end } else { isNamed = true }
                scanner.result.textBytes += try scanner.length(text, depth: 4)
            case 0, 3: scanner.result.textBytes += try scanner.length(text, depth: 4)
            case 1:
                try scanner.array(text, depth: 4) { scanner, text throws(JSONError) in try scanner.call(text, depth: 5) }
            case 2: try scanner.call(text, depth: 4)
            case 6:
                try scanner.array(text, depth: 4) { scanner, text throws(JSONError) in
                    scanner.result.images += 1
                    try scanner.cursor.skip(text, depth: 5)
                }
            default: try scanner.cursor.skip(text, depth: 4)
            }
        }
        guard let other, !isNamed else { return }
        if let unsaid, unsaid < other.lowerBound { result.otherNames.append(unsaid..<unsaid) }
        result.otherNames.append(other)
        if let unsaid, unsaid > other.lowerBound { result.otherNames.append(unsaid..<unsaid) }
    }

    /// Where the closing quote of the name stands whose colon was read last.
    private func endOfName(_ text: RawSpan) -> Int {
        var end = cursor.offset - 1
        while text.byte(end) != UInt8(ascii: "\"") { end -= 1 }
        return end
    }

    /// A tool call, or the function or custom tool in one: its name and what it is called with.
    private mutating func call(_ text: RawSpan, depth: Int) throws(JSONError) {
        try object(text, Self.callNames, depth: depth) { scanner, index, text throws(JSONError) in
            switch index {
            case 0 where depth < JSONCursor().maximumDepth / 2, 3 where depth < JSONCursor().maximumDepth / 2:
                try scanner.call(text, depth: depth + 1)
            case 1, 2, 4: scanner.result.toolBytes += try scanner.length(text, depth: depth + 1)
            default: try scanner.cursor.skip(text, depth: depth + 1)
            }
        }
    }

    /// Moves over any value and returns how many bytes it says if it is a string, how many it has if it is an array of parts.
    private mutating func length(_ text: RawSpan, depth: Int) throws(JSONError) -> Int64 {
        switch try cursor.next(text) {
        case UInt8(ascii: "\""): return Int64(try cursor.string(text).decodedCount)
        case UInt8(ascii: "["):
            let start = cursor.offset
            try cursor.skip(text, depth: depth)
            return Int64(cursor.offset - start)
        default:
            try cursor.skip(text, depth: depth)
            return 0
        }
    }

    private mutating func usage(_ text: RawSpan) throws(JSONError) {
        (result.usage, result.hasMalformedUsage, result.costRange, result.costDetailsRange) = (nil, false, nil, nil)
        guard try cursor.next(text) == UInt8(ascii: "{") else {
            result.hasMalformedUsage = text.byte(cursor.offset) != UInt8(ascii: "n")
            return try cursor.skip(text, depth: 1)
        }
        var counts = UsageCounts()
        // Moonshot tells them beside the prompt's tokens, without details, and others what they wrote.
        var cachedBeside: Int64?
        var writtenBeside: Int64?
        try object(text, Self.usageNames, depth: 1) { scanner, index, text throws(JSONError) in
            switch index {
            case 0: counts.prompt = try scanner.count(text, &counts)
            case 1: counts.completion = try scanner.count(text, &counts)
            case 2: counts.total = try scanner.count(text, &counts)
            case 3: try scanner.details(text, &counts)
            case 4: try scanner.details(text, &counts, ofCompletion: true)
            case 5, 6:
                _ = try scanner.cursor.next(text)
                let start = scanner.cursor.offset
                try scanner.cursor.skip(text, depth: 2)
                let range = start..<scanner.cursor.offset
                if index == 5 { scanner.result.costRange = range } else { scanner.result.costDetailsRange = range }
            case 7: cachedBeside = try scanner.count(text, &counts)
            case 8: writtenBeside = try scanner.count(text, &counts)
            default: try scanner.cursor.skip(text, depth: 2)
            }
        }
        counts.cached = counts.cached ?? cachedBeside
        counts.written = max(counts.written ?? 0, writtenBeside ?? 0)
        result.usage = counts.usage
        result.usageOfPrompt = counts.usageOfPrompt
        result.hasMalformedUsage = result.usage == nil
    }

    private mutating func details(
        _ text: RawSpan, _ counts: inout UsageCounts, ofCompletion: Bool = false
    ) throws(JSONError) {
        var found = counts
        try object(text, Self.detailNames, depth: 2) { scanner, index, text throws(JSONError) in
            switch index {
            case 0: found.cached = try scanner.count(text, &found)
            case 1, 2, 6: found.written = max(found.written ?? 0, try scanner.count(text, &found) ?? 0)
            case 3: found.reasoning = try scanner.count(text, &found)
            case 4:
                try scanner.object(text, Self.creationNames, depth: 3) { scanner, index, text throws(JSONError) in
                    switch index {
                    case 0: found.writtenHour = try scanner.count(text, &found)
                    case 1: found.writtenMinutes = try scanner.count(text, &found)
                    default: try scanner.cursor.skip(text, depth: 4)
                    }
                }
            case 5:
                let images = try scanner.count(text, &found)
                if ofCompletion { found.drawn = images } else { found.pictured = images }
            default: try scanner.cursor.skip(text, depth: 3)
            }
        }
        counts = found
    }

    /// Moves over a count; null is nil, and anything else than a count spoils the whole usage.
    private mutating func count(_ text: RawSpan, _ counts: inout UsageCounts) throws(JSONError) -> Int64? {
        let first = try cursor.next(text)
        let value = try integer(text)
        if value.map({ $0 > UsageCounts.most }) ?? (first != UInt8(ascii: "n")) { counts.isMalformed = true }
        return value
    }
}

/// The counts of a `usage` object as they are read.
struct UsageCounts {
    /// More tokens than any request can have; a larger count is a fault of the provider.
    static let most: Int64 = 1_000_000_000_000

    var prompt: Int64?
    var completion: Int64?
    var total: Int64?
    var cached: Int64?
    var written: Int64?
    /// Those of the written ones that are kept for an hour, and for minutes.
    var writtenHour: Int64?
    var writtenMinutes: Int64?
    var reasoning: Int64?
    /// Those of images in the completion, and in the prompt.
    var drawn: Int64?
    var pictured: Int64?
    var isMalformed = false

    var usageOfPrompt: TokenUsage? {
        guard !isMalformed, let prompt, completion == nil, total == nil || total == prompt else { return nil }
        return TokenUsage(promptTokens: prompt, cachedTokens: cached ?? 0, imageInputTokens: pictured ?? 0)
    }

    /// The usage; nil unless both sides were counted. Where the total says that reasoning comes on top of the completion, it is
    /// made a part of it, which is what the gateway charges by.
    var usage: TokenUsage? {
        guard !isMalformed, let prompt, let completion else { return nil }
        let reasoning = reasoning ?? 0
        let isApart = reasoning > 0 && total == prompt + completion + reasoning
        // Where only the parts were told, the whole is their sum.
        let written = max(written ?? 0, (writtenHour ?? 0) + (writtenMinutes ?? 0))
        return TokenUsage(
            promptTokens: prompt, completionTokens: isApart ? completion + reasoning : completion, cachedTokens: cached ?? 0,
            cacheWriteTokens: written, cacheWriteHourTokens: min(writtenHour ?? 0, written), reasoningTokens: reasoning,
            imageOutputTokens: drawn ?? 0, imageInputTokens: pictured ?? 0)
    }
}
