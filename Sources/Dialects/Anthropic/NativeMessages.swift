public import Catalogue
internal import JSON
internal import Money

/// A Messages request for Anthropic itself: the client's own bytes, with the provider's name for the model.
public struct NativeMessages: ForeignRequest {
    private let translation: MessagesTranslation
    public let addedPromptTokens: Int64

    /// - Parameter translation: the request as it was read; its original goes on.
    public init(_ translation: MessagesTranslation) {
        self.translation = translation
        addedPromptTokens = 2048 + translation.leftBytes
    }

    public func path(model: String, at account: Provider.Account) -> String { "/v1/messages" }

    public func headers(of call: ProviderCall) -> [(String, String)] {
        let betas = translation.betas
        return [("x-api-key", call.account.apiKey), ("anthropic-version", "2023-06-01")]
            + (betas.isEmpty ? [] : [("anthropic-beta", betas.joined(separator: ","))])
    }

    public func body(model: String, maximumTokens: Int64) throws(APIError) -> [UInt8] {
        var name: [UInt8] = []
        name.appendJSON(string: model)
        return Splice.apply([Splice(translation.modelRange, name)], to: translation.original.span.bytes)
    }

    public func answer(id: String, created: Int64) -> any ForeignAnswer { NativeMessagesAnswer() }
}

/// An answer of Anthropic that goes on as it came; whoever relays it reads it.
///
/// The beginning of a stream is held back until something is said, so that an error before that can still send the request
/// elsewhere.
struct NativeMessagesAnswer: ForeignAnswer {
    private(set) var error: APIError?
    let isMalformed = false
    let usage: TokenUsage? = nil

    private var reader = EventReader()
    private var held: [UInt8] = []
    private var isOpen = false

    func completion(_ body: [UInt8]) throws(ChatResponseError) -> [UInt8] { body }

    func refusal(status: Int, body: [UInt8]) -> APIError { .messages(status: status, try? JSONValue(body)) }

    mutating func feed(_ bytes: [UInt8]) -> [UInt8] {
        guard !isOpen else { return bytes }
        held += bytes
        var first: JSONValue?
        reader.feed(bytes) { data in
            let event = (try? JSONValue(data)) ?? .null
            guard !Self.silent.contains(event["type"]?.text ?? "") else { return true }
            first = event
            return false
        }
        if first?["type"] == .string("error") {
            error = .messages(status: nil, first)
            return []
        }
        isOpen = first != nil || reader.isTooLong
        return isOpen ? end() : []
    }

    mutating func end() -> [UInt8] {
        defer { held = [] }
        return held
    }

    private static let silent: Set<String> = ["message_start", "ping"]
}
