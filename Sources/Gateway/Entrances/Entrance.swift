internal import Catalogue
internal import Dialects
internal import HTTPTypes
internal import Ledger
internal import Money

/// The format in which a client asks and is answered.
enum Entrance: Sendable, Hashable {
    /// OpenAI's chat completions.
    case chat
    /// Anthropic's Messages.
    case messages
    /// OpenAI's Responses.
    case responses
    /// OpenAI's older completions of a text.
    case completions
    /// The playground's: a chat completion of which only the message is answered.
    case playground
    /// Vectors of texts, of providers that speak OpenAI's format.
    case embeddings
    /// Whether texts or images are harmful, of the same.
    case moderations
    /// Images of a text, of the same, and of Google's models that draw.
    case images
    /// Images of images, which a client sends as a form or names in JSON.
    case imageEdits

    /// What models are asked for.
    var kind: ModelKind {
        switch self {
        case .chat, .messages, .responses, .completions, .playground: .chat
        case .embeddings: .embedding
        case .moderations: .moderation
        case .images, .imageEdits: .image
        }
    }

    /// The envelope of an error of `request`.
    func json(_ error: APIError, of request: RequestID?) -> [UInt8] {
        switch self {
        case .chat, .responses, .completions, .playground, .embeddings, .moderations, .images, .imageEdits: error.json
        case .messages: error.messagesJSON(requestID: request?.description)
        }
    }

}

extension EnteredRequest {
    /// Reads a whole answer of `route`.
    func scan(_ body: [UInt8], of route: Route) throws(ChatResponseError) -> any AnswerScan {
        if let responses {
            return route.isNative ? try NativeResponsesReply(body, for: responses) : try ResponsesReply(body, for: responses)
        }
        return switch entrance {
        case .chat, .responses: try ChatResponseScan(completion: body, renamesReasoning: route.renamesReasoning)
        case .completions: try CompletionsReply(body)
        case .playground: PlaygroundReply(try ChatResponseScan(completion: body))
        case .embeddings, .moderations: try InputAnswerScan(body, of: entrance.kind)
        case .images, .imageEdits: try ImagesReply(body)
        case .messages where route.isNative: try NativeMessageScan(body)
        case .messages: try MessagesReply(body, for: messages)
        }
    }

    /// Reads a stream of `route` as it passes.
    func tap(
        of route: Route, includeUsage: Bool, choices: Int64, additions: @escaping @Sendable (TokenUsage) -> ResponseAdditions?
    ) -> any StreamTap {
        if let responses { return route.isNative ? ResponsesTap(for: responses) : ResponsesEvents(for: responses) }
        return switch entrance {
        case .completions: CompletionsEvents(includeUsage: includeUsage, additions: additions)
        case .chat, .responses, .playground, .embeddings, .moderations, .images, .imageEdits:
            SSETap(
                includeUsage: includeUsage, choices: choices, renamesReasoning: route.renamesReasoning, additions: additions)
        case .messages where route.isNative: MessagesTap(additions: additions)
        case .messages: MessagesEvents(for: messages)
        }
    }
}

extension Route {
    /// Whether the provider speaks the client's own format, and that is not chat completions.
    var isNative: Bool { foreign is NativeMessages || foreign is NativeResponses }

    /// Whether the provider's name for what was thought is not the one that clients know.
    fileprivate var renamesReasoning: Bool { provider.reasoningField != .reasoning }
}

/// A request as it came in, and as a chat completion request, which is what is read of it.
struct EnteredRequest: Sendable {
    /// The chat completion request.
    let chat: [UInt8]
    /// The client's own body.
    let original: [UInt8]
    /// What was translated; nil when the client asked for a chat completion.
    let messages: MessagesTranslation?
    /// The same of the Responses API.
    let responses: ResponsesTranslation?
    /// The images that are to be edited.
    private(set) var edit: ImageEdit?
    let entrance: Entrance

    /// Whether the chat completion request was written here, so that it is no change to write it otherwise.
    var isTranslated: Bool { messages != nil || responses != nil || entrance == .completions }

    /// - Parameters:
    ///   - history: The items of the conversation that a request of the Responses API goes on from.
    ///   - id: The request's.
    ///   - time: When it came.
    /// - Throws: 400 naming the field that can't be read.
    init(
        _ body: [UInt8], headers: HTTPFields, by entrance: Entrance, history: [UInt8]? = nil, id: RequestID, at time: Timestamp
    ) throws(GatewayError) {
        original = body
        self.entrance = entrance
        switch entrance {
        case .chat, .playground, .embeddings, .moderations: (chat, messages, responses) = (body, nil, nil)
        case .images:
            do { try ImagesRequest.check(body) } catch { throw GatewayError(error) }
            (chat, messages, responses) = (body, nil, nil)
        case .imageEdits:
            do {
                let edit = try ImageEdit(body, contentType: headers[.contentType])
                (chat, messages, responses) = (edit.fields, nil, nil)
                self.edit = edit
            } catch {
                throw GatewayError(error)
            }
        case .completions:
            do { (chat, messages, responses) = (try CompletionsTranslation(body).chat, nil, nil) } catch {
                throw GatewayError(error)
            }
        case .responses:
            do {
                let translation = try ResponsesTranslation(
                    body, history: history, id: id.response, createdAt: time.microseconds / 1_000_000)
                (chat, messages, responses) = (translation.chat, nil, translation)
            } catch {
                throw GatewayError(error)
            }
        case .messages:
            do {
                let betas = HTTPField.Name("anthropic-beta").map { headers[values: $0] } ?? []
                let translation = try MessagesTranslation(body, betas: betas)
                (chat, messages, responses) = (translation.chat, translation, nil)
            } catch {
                throw GatewayError(error)
            }
        }
    }

    /// A request whose tokens are only counted.
    init(counting translation: MessagesTranslation) {
        (chat, original, messages, entrance) = (translation.chat, translation.original, translation, .messages)
        responses = nil
    }
}
