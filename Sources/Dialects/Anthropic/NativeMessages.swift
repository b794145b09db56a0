public import Catalogue
internal import JSON
internal import Money

/// A Messages request for who serves Anthropic's models as Anthropic does: the client's own bytes, with the provider's name for the
/// model. Only messages that hold what is refused there are written anew: of another model's answer, or an image's address.
public struct NativeMessages: ForeignRequest {
    private let translation: MessagesTranslation
    private let place: MessagesPlace
    public let addedPromptTokens: Int64
    public private(set) var remoteImages: [RemoteImage]
    public var imageBounds: RemoteImage.Bounds { .claude }
    /// Data URLs of images that were fetched, by their addresses.
    private var images: [String: String] = [:]

    /// - Parameters:
    ///   - translation: the request as it was read; its original goes on.
    ///   - isVertex: whether Vertex AI is asked.
    public init(_ translation: MessagesTranslation, isVertex: Bool = false) {
        self.translation = translation
        place = isVertex ? .vertex : .anthropic
        addedPromptTokens = 2048 + translation.leftBytes
        remoteImages = isVertex ? translation.remoteImages : []
    }

    public func path(model: String, at account: Provider.Account) -> String {
        place.path(model: model, isStreamed: translation.isStreamed, at: account)
    }

    public func headers(of call: ProviderCall) -> [(String, String)] {
        let betas = translation.betas.filter { place.takes(beta: $0) }
        return place.headers(of: call) + (betas.isEmpty ? [] : [("anthropic-beta", betas.joined(separator: ","))])
    }

    public func body(model: String, maximumTokens: Int64) throws(APIError) -> [UInt8] {
        let name = place.splice(model: model, inPlaceOf: translation.modelRange, of: translation.original)
        let splices = [name] + (translation.isForeign || !images.isEmpty ? mending : [])
        return Splice.apply(splices, to: translation.original.span.bytes)
    }

    public func with(images: [String: String]) throws(APIError) -> any ForeignRequest {
        guard !remoteImages.isEmpty else { return self }
        var fetched = self
        (fetched.images, fetched.remoteImages) = (images, [])
        return fetched
    }

    /// What makes messages such that they are taken.
    private var mending: [Splice] {
        func value(_ range: Range<Int>) -> JSONValue? { try? JSONValue(Array(translation.original[range])) }
        guard let messages = value(translation.messagesRange) else { return [] }
        let mended = MendedMessages(images.isEmpty ? messages : ImagesAsData(images).native(messages))
        var splices = [Splice(translation.messagesRange, JSONValue.array(mended.messages).bytes)]
        // A model that thinks as it sees fit takes the turn as it is, see ``LostThoughts``.
        if mended.endsThinking, let range = translation.thinkingRange, value(range)?["type"] == .string("enabled") {
            splices.append(Splice(range, Array(#"{"type":"disabled"}"#.utf8)))
            if let range = translation.contextRange, let context = value(range) {
                splices.append(Splice(range, Self.clearingNoThoughts(context).bytes))
            }
        }
        return splices
    }

    /// `context_management` without edits of what was thought: Anthropic refuses one where nothing is to be thought
    /// ("`clear_thinking_20251015` strategy requires `thinking` to be enabled or adaptive").
    private static func clearingNoThoughts(_ context: JSONValue) -> JSONValue {
        let edits = (context["edits"]?.elements ?? []).filter { $0["type"]?.text?.hasPrefix("clear_thinking") != true }
        guard !edits.isEmpty else { return .null }
        return .object((context.fields ?? []).map { $0.name == "edits" ? .init("edits", .array(edits)) : $0 })
    }

    public func answer(id: String, created: Int64) -> any ForeignAnswer { PassedAnswer.messages }
}

extension PassedAnswer {
    /// Of Anthropic's Messages.
    static var messages: PassedAnswer {
        PassedAnswer(
            silent: ["message_start", "ping"],
            failure: { $0["type"] == .string("error") ? .messages(status: nil, $0) : nil },
            refused: { status, body in .messages(status: status, try? JSONValue(body)) })
    }
}
