internal import Dialects
internal import HTTPTypes
internal import Money

/// The format in which a client asks and is answered.
enum Entrance: Sendable, Hashable {
    /// OpenAI's chat completions.
    case chat
    /// Anthropic's Messages.
    case messages
    /// The playground's: a chat completion of which only the message is answered.
    case playground

    /// The envelope of an error.
    func json(_ error: APIError) -> [UInt8] {
        switch self {
        case .chat, .playground: error.json
        case .messages: error.messagesJSON
        }
    }

    /// Reads a whole answer of `route`.
    func scan(_ body: [UInt8], of route: Route) throws(ChatResponseError) -> any AnswerScan {
        switch self {
        case .chat: try ChatResponseScan(body)
        case .playground: PlaygroundReply(try ChatResponseScan(body))
        case .messages where route.isNative: try NativeMessageScan(body)
        case .messages: try MessagesReply(body)
        }
    }

    /// Reads a stream of `route` as it passes.
    func tap(
        of route: Route, includeUsage: Bool, additions: @escaping @Sendable (TokenUsage) -> ResponseAdditions?
    ) -> any StreamTap {
        switch self {
        case .chat, .playground: SSETap(includeUsage: includeUsage, additions: additions)
        case .messages where route.isNative: MessagesTap()
        case .messages: MessagesEvents()
        }
    }
}

extension Route {
    /// Whether the provider speaks the client's own format, and that is not OpenAI's.
    var isNative: Bool { foreign is NativeMessages }
}

/// A request as it came in, and as a chat completion request, which is what is read of it.
struct EnteredRequest: Sendable {
    /// The chat completion request.
    let chat: [UInt8]
    /// The client's own body.
    let original: [UInt8]
    /// What was translated; nil when the client asked for a chat completion.
    let messages: MessagesTranslation?

    var entrance: Entrance { messages == nil ? .chat : .messages }

    /// - Throws: 400 naming the field that can't be read.
    init(_ body: [UInt8], headers: HTTPFields, by entrance: Entrance) throws(GatewayError) {
        original = body
        switch entrance {
        case .chat, .playground: (chat, messages) = (body, nil)
        case .messages:
            do {
                let betas = HTTPField.Name("anthropic-beta").map { headers[values: $0] } ?? []
                let translation = try MessagesTranslation(body, betas: betas)
                (chat, messages) = (translation.chat, translation)
            } catch {
                throw GatewayError(error)
            }
        }
    }

    /// A request whose tokens are only counted.
    init(counting translation: MessagesTranslation) {
        (chat, original, messages) = (translation.chat, translation.original, translation)
    }
}
