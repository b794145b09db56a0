internal import JSON
public import Money

/// A chat completion for a client of the older completions API.
public struct CompletionsReply: AnswerScan {
    private let scan: ChatResponseScan

    /// Scans a chat completion.
    public init(_ body: [UInt8]) throws(ChatResponseError) { scan = try ChatResponseScan(completion: body) }

    public var usage: TokenUsage? { scan.usage }
    public var finishReasons: [String] { scan.finishReasons }
    public var estimatedCompletionTokens: Int64 { scan.estimatedCompletionTokens }
    public var error: APIError? { scan.error }

    public func answer(_ additions: ResponseAdditions, body: [UInt8]) -> [UInt8] {
        guard let chat = try? JSONValue(scan.adding(additions, to: body)) else { return body }
        return CompletionsAnswer.texts(chat, "message").bytes
    }
}

/// A stream of chat completion chunks for a client of the older completions API.
public struct CompletionsEvents: ChunkTap {
    public private(set) var tap: SSETap
    private var reader = EventReader()

    /// A tap of one stream; the parameters are ``SSETap``'s.
    public init(includeUsage: Bool, additions: @escaping @Sendable (TokenUsage) -> ResponseAdditions?) {
        tap = SSETap(includeUsage: includeUsage, additions: additions)
    }

    public mutating func feed(_ bytes: [UInt8]) -> [UInt8] { events(tap.feed(bytes)) }

    public mutating func end() -> [UInt8] { events(tap.end()) }

    public func event(_ error: APIError) -> [UInt8] { error.event }

    public mutating func finish(estimated: TokenUsage?, additions: ResponseAdditions) -> [UInt8] {
        events(tap.finish(estimated: estimated, additions: additions))
    }

    private mutating func events(_ chunks: [UInt8]) -> [UInt8] {
        guard !chunks.isEmpty else { return [] }
        var output: [UInt8] = []
        var reader = self.reader
        reader.feed(chunks) { data in
            // What is no chunk (an error, the last word) goes on as it is.
            let said = (try? JSONValue(data)).flatMap { $0["choices"] == nil ? nil : CompletionsAnswer.texts($0, "delta").bytes }
            // Line feeds of JSON's own are between tokens, so they can become spaces.
            output += "data: ".utf8 + (said ?? data.map { $0 == 0x0A ? 0x20 : $0 }) + "\n\n".utf8
            return true
        }
        self.reader = reader
        return output
    }
}
