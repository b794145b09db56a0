internal import JSON
public import Money

/// Why an answer can't be read.
public struct ChatResponseError: Error, Sendable, Hashable, CustomStringConvertible {
    /// A clause for people, without any of the answer's text.
    public let message: String
    /// The message.
    public var description: String { message }
}

/// What the gateway reads of a chat completion, or of one chunk of a streamed one.
public struct ChatResponseScan: Sendable, Hashable {
    /// `id`.
    public internal(set) var id: String?
    /// `model`, the provider's name for what answered.
    public internal(set) var model: String?
    /// `created`, in seconds since 1970 UTC.
    public internal(set) var created: Int64?
    /// `usage`; nil when it is absent, null or malformed.
    public internal(set) var usage: TokenUsage?
    /// Whether `usage` is there and is not what it must be.
    public internal(set) var hasMalformedUsage = false
    /// The `finish_reason`s of the choices that have one, in order.
    public internal(set) var finishReasons: [String] = []
    /// The number of `choices`.
    public internal(set) var choices = 0
    /// UTF-8 bytes of the content, the refusals and the reasoning of all choices.
    public internal(set) var textBytes: Int64 = 0
    /// UTF-8 bytes of the names and arguments of all tool calls, and of what custom tools are called with.
    public internal(set) var toolBytes: Int64 = 0
    /// The number of `images` in all choices.
    public internal(set) var images: Int64 = 0
    /// The number of elements of `data`, the vectors of embeddings, and of `results`, the verdicts of a moderation.
    var data = 0
    var results = 0
    /// The usage where only the prompt's tokens are told, and the total is theirs.
    var usageOfPrompt: TokenUsage?
    /// What `error` says, if there is one.
    public internal(set) var error: APIError?

    var hasError = false
    var errorRange: Range<Int>?
    /// Just inside the top-level object, and whether it has no member.
    var start = 0
    var isEmpty = true
    var metadataRange: Range<Int>?
    var usageRange: Range<Int>?
    var costRange: Range<Int>?
    var costDetailsRange: Range<Int>?
    /// What each `reasoning_content` that says something has beyond `reasoning`, in messages where that says nothing; and where one
    /// that is null lacks it, so that both change their names. Noted only where it is renamed.
    var otherNames: [Range<Int>] = []
    /// Whether it is called `reasoning` where additions are made.
    var renamesReasoning = false

    /// Scans a whole answer or one chunk.
    public init(_ body: [UInt8]) throws(ChatResponseError) { self = try ChatResponseScan(body.span.bytes) }

    /// Scans a whole chat completion.
    ///
    /// - Parameter renamesReasoning: whether clients shall find as `reasoning` what the provider calls `reasoning_content`.
    /// - Throws: also where neither a choice nor an error is in it: OpenAI's format always has one, and a client that got such an
    ///   answer would have been charged for nothing.
    public init(completion body: [UInt8], renamesReasoning: Bool = false) throws(ChatResponseError) {
        self = try ChatResponseScan(body.span.bytes, renamesReasoning: renamesReasoning)
        guard choices > 0 || error != nil else { throw ChatResponseError(message: "the answer has no choice") }
    }

    /// Scans an answer that lies anywhere in memory.
    init(_ text: RawSpan, renamesReasoning: Bool = false) throws(ChatResponseError) {
        var scanner = ResponseScanner()
        scanner.result.renamesReasoning = renamesReasoning
        do throws(JSONError) {
            try scanner.scan(text)
        } catch {
            throw ChatResponseError(message: "the answer holds \(error)")
        }
        self = scanner.result
    }

    init() {}

    /// The estimated tokens of a whole answer.
    public var estimatedCompletionTokens: Int64 {
        TokenBound.estimate(bytes: textBytes + toolBytes) + images * TokenBound.perGeneratedImage
    }

    /// The scanned body with `additions`; every other byte stays as it is, but for fields of the same names that the provider
    /// sent, which give way. `body` must be what was scanned.
    public func adding(_ additions: ResponseAdditions, to body: [UInt8]) -> [UInt8] { adding(additions, to: body.span.bytes) }

    /// - Parameter written: The usage for an answer that has none, where it is not a chat completion's.
    func adding(_ additions: ResponseAdditions, to body: RawSpan, written: [UInt8]? = nil) -> [UInt8] {
        var splices = otherNames.map { Splice($0, ReasoningName.renaming($0)) }
        var added: [UInt8] = []
        if let metadata = additions.metadata {
            if let range = metadataRange {
                splices.append(Splice(range, metadata.joined(with: try? JSONValue(body.copy(range))).bytes))
            } else {
                added.append(contentsOf: "\"metadata\":".utf8)
                metadata.write(into: &added)
                added.append(UInt8(ascii: ","))
            }
        }
        if usage != nil, let usageRange {
            if let bill = additions.bill {
                add(bill, charged: additions.charged ?? bill.total, inside: usageRange.lowerBound + 1, to: &splices)
            }
        } else if let estimated = additions.estimatedUsage {
            let value = written ?? additions.usage(estimated)
            if let usageRange {
                splices.append(Splice(usageRange, value))
            } else {
                added.append(contentsOf: "\"usage\":".utf8 + value + ",".utf8)
            }
        }
        if !added.isEmpty {
            if isEmpty { added.removeLast() }
            splices.append(Splice(start..<start, added))
        }
        return Splice.apply(splices, to: body)
    }

    /// Puts `cost` and `cost_details` into a usage that has members, or in the place of those that the provider sent.
    private func add(_ bill: Bill, charged: NanoDollars, inside usage: Int, to splices: inout [Splice]) {
        var details: [UInt8] = []
        ResponseAdditions.write(details: bill, into: &details)
        let total = Array(charged.decimal.utf8)
        var inserted: [UInt8] = []
        if let costRange {
            splices.append(Splice(costRange, total))
        } else {
            inserted.append(contentsOf: "\"cost\":".utf8 + total + ",".utf8)
        }
        if let costDetailsRange {
            splices.append(Splice(costDetailsRange, details))
        } else {
            inserted.append(contentsOf: "\"cost_details\":".utf8 + details + ",".utf8)
        }
        if !inserted.isEmpty { splices.append(Splice(usage..<usage, inserted)) }
    }
}
