public import Catalogue
internal import JSON

/// A request to edit images for providers that take OpenAI's members, but the images in JSON of their own:
/// xAI (https://docs.x.ai/developers/model-capabilities/images/editing) and ByteDance's ModelArk
/// (https://docs.byteplus.com/en/docs/ModelArk/1541523), where it is a request for images that names some.
///
/// A `user` says nothing of the images and goes to xAI alone, which knows the field; what else can't be said there is refused by
/// name.
public struct LinkedImageEdit: ForeignRequest {
    private let members: [(String, JSONValue?)]
    private let provider: String
    private let isXAI: Bool
    public let addedPromptTokens: Int64 = 0

    /// - Parameters:
    ///   - api: `xAI`, else it is ModelArk's.
    ///   - provider: Who answers, for errors.
    /// - Throws: 400 naming the field that can't be expressed.
    public init(_ edit: ImageEdit, api: CompletionAPI, provider: String) throws(APIError) {
        isXAI = api == .xAI
        self.provider = provider
        let name = isXAI ? "xAI" : "ByteDance"
        let request: JSONValue
        do { request = try JSONValue(request: edit.fields) } catch { throw .invalid(nil, "the body is not valid JSON: \(error)") }
        var fields = ChatFields(request, provider: name)
        let user = try fields.take("user")
        _ = try fields.take("stream")
        let count = try fields.take("n")
        let size = try fields.text("size").flatMap { $0 == "auto" ? nil : $0 }
        for field in ["quality", "background"] {
            if let value = try fields.text(field), value != "auto" {
                throw .invalid(field, "\"\(field)\" can be auto alone for \(name), who answers this model")
            }
        }
        let common: [(String, JSONValue?)] = [
            ("prompt", try fields.take("prompt")), ("response_format", try fields.take("response_format")),
        ]
        let own: [(String, JSONValue?)]
        if isXAI {
            guard size == nil else { throw .invalid("size", "\"size\" can be auto alone for xAI, who answers this model") }
            let images = try edit.urls(atMost: 3, for: name).map { url in
                JSONValue.members([("type", .string("image_url")), ("url", .string(url))])
            }
            own = [
                ("n", count), ("user", user), ("aspect_ratio", try fields.take("aspect_ratio")),
                ("image", images.count == 1 ? images[0] : nil), ("images", images.count == 1 ? nil : JSONValue.array(images)),
            ]
        } else {
            guard (count?.int64 ?? 1) == 1 else { throw .invalid("n", "ByteDance edits to one image a request.") }
            let images = try edit.urls(atMost: 14, for: name).map { JSONValue.string($0) }
            own = [
                ("size", size.map { .string($0) }), ("image", images.count == 1 ? images[0] : JSONValue.array(images)),
                ("watermark", .bool(false)),
            ]
        }
        try fields.end()
        members = common + own
    }

    public func path(model: String, at account: Provider.Account) -> String {
        isXAI ? "/images/edits" : "/images/generations"
    }

    public func headers(of call: ProviderCall) -> [(String, String)] {
        [("authorization", "Bearer \(call.account.apiKey)")]
    }

    public func body(model: String, maximumTokens: Int64) throws(APIError) -> [UInt8] {
        JSONValue.members([("model", .string(model))] + members).bytes
    }

    public func answer(id: String, created: Int64) -> any ForeignAnswer { PassedAnswer.images(of: provider) }
}
