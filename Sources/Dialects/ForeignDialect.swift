public import Catalogue
internal import JSON
public import Money

/// A chat completion request as a provider of another dialect wants it: what is sent, and how its answer is read.
///
/// A translation is a pure function of the request: what can't be expressed is refused when it is made, before anything is
/// held or sent.
public protocol ForeignRequest: Sendable {
    /// What is added to the account's base URL for the model that the provider calls `model`.
    func path(model: String, at account: Provider.Account) -> String
    /// The headers beside `accept`, and beside `content-type` where the body is JSON.
    func headers(of call: ProviderCall) -> [(String, String)]
    /// The body, for a completion of at most `maximumTokens`.
    ///
    /// - Throws: 400 when so few tokens can't be combined with what the request asks for.
    func body(model: String, maximumTokens: Int64) throws(APIError) -> [UInt8]
    /// Images that must be fetched before there is a body, because the provider takes them as data alone.
    var remoteImages: [RemoteImage] { get }
    /// What the provider takes of them.
    var imageBounds: RemoteImage.Bounds { get }
    /// The request with the images that were fetched, as data URLs by their addresses.
    ///
    /// - Throws: 400 naming the image that the provider does not take.
    func with(images: [String: String]) throws(APIError) -> any ForeignRequest
    /// What the model is told beside the client's own words; the client hears of it.
    var instruction: String? { get }
    /// Prompt tokens beyond those of the text, counted from above: what the provider writes around tools and schemas.
    var addedPromptTokens: Int64 { get }
    /// The reader of one answer.
    ///
    /// - Parameters:
    ///   - id: the id of the answer for the client where the provider gives none.
    ///   - created: seconds since 1970 UTC.
    func answer(id: String, created: Int64) -> any ForeignAnswer
}

extension ForeignRequest {
    public var remoteImages: [RemoteImage] { [] }
    public var imageBounds: RemoteImage.Bounds { RemoteImage.Bounds(count: 0, bytes: 0) }
    public var instruction: String? { nil }
    public func with(images: [String: String]) throws(APIError) -> any ForeignRequest { self }
}

/// Reads the answer of a provider of another dialect, as a chat completion or as a stream of its chunks.
public protocol ForeignAnswer: Sendable {
    /// A whole answer as a chat completion.
    func completion(_ body: [UInt8]) throws(ChatResponseError) -> [UInt8]
    /// A refusal's body in OpenAI's envelope, and the status that it has there.
    func refusal(status: Int, body: [UInt8]) -> APIError
    /// What a whole answer says that is an error after all, whatever its status was; nil where it is none.
    func hiddenError(in body: [UInt8]) -> APIError?
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

extension ForeignAnswer {
    public func hiddenError(in body: [UInt8]) -> APIError? {
        guard let error = (try? JSONValue(body))?["error"], error != .null else { return nil }
        return refusal(status: APIError.status(of: error) ?? 502, body: body)
    }
}

/// A request that is about to be sent, as far as the headers that prove who asks depend on it.
public struct ProviderCall: Sendable {
    public let account: Provider.Account
    /// The whole URL.
    public let url: String
    public let body: [UInt8]
    /// Seconds since 1970 UTC.
    public let time: Int64

    public init(account: Provider.Account, url: String, body: [UInt8], time: Int64) {
        self.account = account
        self.url = url
        self.body = body
        self.time = time
    }

    /// The access token of a service account as a header; nil for any other account.
    var token: (String, String)? { account.isToken ? ("authorization", "Bearer \(account.apiKey)") : nil }
}
