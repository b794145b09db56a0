public import Money

/// A chat completion request as a provider of another dialect wants it: what is sent, and how its answer is read.
///
/// A translation is a pure function of the request: what can't be expressed is refused when it is made, before anything is
/// held or sent.
public protocol ForeignRequest: Sendable {
    /// What is added to the provider's base URL for the model that the provider calls `model`.
    func path(model: String) -> String
    /// The headers beside `content-type` and `accept`.
    func headers(apiKey: String) -> [(String, String)]
    /// The body, for a completion of at most `maximumTokens`.
    ///
    /// - Throws: 400 when so few tokens can't be combined with what the request asks for.
    func body(model: String, maximumTokens: Int64) throws(APIError) -> [UInt8]
    /// Prompt tokens beyond those of the text, counted from above: what the provider writes around tools and schemas.
    var addedPromptTokens: Int64 { get }
    /// The reader of one answer.
    ///
    /// - Parameters:
    ///   - id: the id of the answer for the client where the provider gives none.
    ///   - created: seconds since 1970 UTC.
    func answer(id: String, created: Int64) -> any ForeignAnswer
}

/// Reads the answer of a provider of another dialect, as a chat completion or as a stream of its chunks.
public protocol ForeignAnswer: Sendable {
    /// A whole answer as a chat completion.
    func completion(_ body: [UInt8]) throws(ChatResponseError) -> [UInt8]
    /// A refusal's body in OpenAI's envelope, and the status that it has there.
    func refusal(status: Int, body: [UInt8]) -> APIError
    /// Takes bytes of a stream and returns whole events of chunks, the closing `[DONE]` among them; it may be nothing. The same
    /// events come out however the bytes were cut.
    mutating func feed(_ bytes: [UInt8]) -> [UInt8]
    /// Says that the stream is over, and returns what still goes to the client.
    mutating func end() -> [UInt8]
    /// What an error event said. Its event is part of the output unless it came before all other output.
    var error: APIError? { get }
    /// Whether the stream can't be read any further.
    var isMalformed: Bool { get }
    /// The usage as far as it was told.
    var usage: TokenUsage? { get }
}
