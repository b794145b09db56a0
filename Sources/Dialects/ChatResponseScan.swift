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
    /// UTF-8 bytes of the names and arguments of all tool calls.
    public internal(set) var toolBytes: Int64 = 0
    /// What `error` says, if there is one.
    public internal(set) var error: APIError?

    var hasError = false
    var errorRange: Range<Int>?
    /// Just inside the top-level object, and whether it has no member.
    var start = 0
    var isEmpty = true
    var metadataRange: Range<Int>?
    var usageRange: Range<Int>?
    var usageIsEmpty = true
    var costRange: Range<Int>?
    var costDetailsRange: Range<Int>?

    /// Scans a whole answer or one chunk.
    public init(_ body: [UInt8]) throws(ChatResponseError) { self = try ChatResponseScan(body.span.bytes) }

    /// Scans an answer that lies anywhere in memory.
    init(_ text: RawSpan) throws(ChatResponseError) {
        var scanner = ResponseScanner()
        do throws(JSONError) {
            try scanner.scan(text)
        } catch {
            throw ChatResponseError(message: "the answer holds \(error)")
        }
        self = scanner.result
    }

    init() {}

    /// The estimated tokens of a whole answer.
    public var estimatedCompletionTokens: Int64 { TokenBound.estimate(bytes: textBytes + toolBytes) }

    /// The scanned body with `additions`; every other byte stays as it is, but for fields of the same names that the provider
    /// sent, which give way. `body` must be what was scanned.
    public func adding(_ additions: ResponseAdditions, to body: [UInt8]) -> [UInt8] { adding(additions, to: body.span.bytes) }

    func adding(_ additions: ResponseAdditions, to body: RawSpan) -> [UInt8] {
        var splices: [Splice] = []
        var added: [(String, JSONValue)] = []
        if let metadata = additions.metadata?.json {
            if let range = metadataRange {
                // A provider's own metadata stays, but for the names that are the gateway's.
                let own = Set((metadata.fields ?? []).map(\.name))
                let theirs = ((try? JSONValue(body.copy(range)))?.fields ?? []).filter { !own.contains($0.name) }
                splices.append(Splice(range, JSONValue.object((metadata.fields ?? []) + theirs).bytes))
            } else {
                added.append(("metadata", metadata))
            }
        }
        if usage != nil, let usageRange {
            let members = additions.costMembers
            var inserted: [UInt8] = []
            for (name, value) in members {
                guard let value else { continue }
                if let range = name == "cost" ? costRange : costDetailsRange {
                    splices.append(Splice(range, value.bytes))
                } else {
                    inserted += "\"\(name)\":".utf8 + value.bytes + ",".utf8
                }
            }
            if usageIsEmpty, !inserted.isEmpty { inserted.removeLast() }
            if !inserted.isEmpty { splices.append(Splice(usageRange.lowerBound + 1..<usageRange.lowerBound + 1, inserted)) }
        } else if let estimated = additions.estimatedUsage {
            let value = additions.usage(estimated)
            if let usageRange { splices.append(Splice(usageRange, value.bytes)) } else { added.append(("usage", value)) }
        }
        if !added.isEmpty {
            var bytes: [UInt8] = []
            for (name, value) in added { bytes += "\"\(name)\":".utf8 + value.bytes + ",".utf8 }
            if isEmpty { bytes.removeLast() }
            splices.append(Splice(start..<start, bytes))
        }
        return Splice.apply(splices, to: body)
    }
}
