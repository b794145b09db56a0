public import Money

/// Reads a stream as it passes and gives the client its form of it, holding back the last word until the outcome is durable.
public protocol StreamTap: Sendable {
    /// The usage of all that came; nil where none was told, or more was said after it.
    var usage: TokenUsage? { get }
    /// What was told of the usage before the end, where it was.
    var usageSoFar: TokenUsage? { get }
    /// The reasons to stop, in order.
    var finishReasons: [String] { get }
    /// What an error event of the provider said; the client has got it.
    var error: APIError? { get }
    /// Whether a first event came, or the last word; true where the stream has been looked at before.
    var hasBegun: Bool { get }
    /// The error that the stream began with.
    var startError: APIError? { get }
    /// Why the stream can't go on; nothing passes any more.
    var failure: SSETap.Failure? { get }
    /// Whether the last word came.
    var isDone: Bool { get }
    /// Whether the answer is whole.
    var isComplete: Bool { get }
    /// The estimated tokens of what was said so far.
    var estimatedCompletionTokens: Int64 { get }
    /// The whole answer that the stream was, once `finish` has written it, where its client may ask for it again; else nil.
    var response: [UInt8]? { get }
    /// Takes bytes as they came and returns what goes to the client now.
    mutating func feed(_ bytes: [UInt8]) -> [UInt8]
    /// Says that the provider's stream is over, and returns what still goes to the client.
    mutating func end() -> [UInt8]
    /// The last words for the client.
    ///
    /// - Parameter estimated: the usage where the provider told none.
    mutating func finish(estimated: TokenUsage?, additions: ResponseAdditions) -> [UInt8]
    /// An error as an event for the client.
    func event(_ error: APIError) -> [UInt8]
}

extension StreamTap {
    public var response: [UInt8]? { nil }
    public var hasBegun: Bool { true }
    public var startError: APIError? { nil }
}

/// A tap that gives the chunks of a chat completion's stream another form: what is known of the stream, the chunks' own tap knows.
public protocol ChunkTap: StreamTap {
    /// The tap of the chunks.
    var tap: SSETap { get }
}

extension ChunkTap {
    public var usage: TokenUsage? { tap.usage }
    public var usageSoFar: TokenUsage? { tap.usageSoFar }
    public var finishReasons: [String] { tap.finishReasons }
    public var error: APIError? { tap.error }
    public var hasBegun: Bool { tap.hasBegun }
    public var startError: APIError? { tap.startError }
    public var failure: SSETap.Failure? { tap.failure }
    public var isDone: Bool { tap.isDone }
    public var isComplete: Bool { tap.isComplete }
    public var estimatedCompletionTokens: Int64 { tap.estimatedCompletionTokens }
}

extension SSETap: StreamTap {
    public mutating func finish(estimated: TokenUsage?, additions: ResponseAdditions) -> [UInt8] {
        guard let estimated, includeUsage else { return finish() }
        return usageEvent(estimated, additions: additions) + finish()
    }

    public func event(_ error: APIError) -> [UInt8] { error.event }
}

/// What is read of a whole answer, and the client's form of it.
public protocol AnswerScan: Sendable {
    /// The usage; nil when it was not told.
    var usage: TokenUsage? { get }
    /// The reasons to stop, in order.
    var finishReasons: [String] { get }
    /// The estimated tokens of the answer.
    var estimatedCompletionTokens: Int64 { get }
    /// The images that were made and are charged one by one; of a completion none.
    var generatedImages: Int64 { get }
    /// What the answer says is wrong, where it is an error after all.
    var error: APIError? { get }
    /// The client's form of the answer; `body` must be what was scanned.
    func answer(_ additions: ResponseAdditions, body: [UInt8]) -> [UInt8]
}

extension AnswerScan {
    public var generatedImages: Int64 { 0 }
}

extension ChatResponseScan: AnswerScan {
    public func answer(_ additions: ResponseAdditions, body: [UInt8]) -> [UInt8] { adding(additions, to: body) }
}
