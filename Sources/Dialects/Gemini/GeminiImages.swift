public import Catalogue
internal import JSON
internal import Money

/// A request for images, or to edit some, as Google wants it: of a model that answers with images beside text
/// (https://ai.google.dev/gemini-api/docs/image-generation).
///
/// `prompt`, images that are to be edited, `size` as one of the shapes that Google makes or as `1K`, `2K` and `4K`, and
/// `aspect_ratio` go over. The image comes as data alone, one a request, and what else OpenAI's images can be told is refused by
/// name.
public struct GeminiImages: ForeignRequest {
    /// The prompt and the images that are to be edited.
    private let parts: [JSONValue]
    private let configuration: [(String, JSONValue)]
    private let isVertex: Bool
    public let addedPromptTokens: Int64 = 0

    /// Translates a request that ``ChatRequestScan`` has let pass.
    ///
    /// - Parameters:
    ///   - body: The request; of one to edit images, what it says beside them.
    ///   - edit: The images that are to be edited.
    /// - Throws: 400 naming the field that can't be expressed.
    public init(_ body: [UInt8], edit: ImageEdit? = nil, isVertex: Bool) throws(APIError) {
        let request: JSONValue
        do { request = try JSONValue(request: body) } catch { throw .invalid(nil, "the body is not valid JSON: \(error)") }
        self.isVertex = isVertex
        var fields = ChatFields(request, provider: "Google")
        var parts = [JSONValue.members([("text", .string(try fields.text("prompt") ?? ""))])]
        if let edit {
            for (index, url) in try edit.urls(atMost: ImageEdit.maximumCount, for: "Google").enumerated() {
                parts.append(try GeminiConversation.image(url, edit.path(ofImage: index)))
            }
        }
        self.parts = parts
        _ = try fields.take("user")
        _ = try fields.take("stream")
        for (name, harmless) in [("response_format", ["b64_json"]), ("quality", ["auto"]), ("background", ["auto"])] {
            if let value = try fields.text(name), !harmless.contains(value) {
                throw .invalid(name, "\"\(name)\" can be \(harmless[0]) alone for Google, who answers this model")
            }
        }
        var shape: [(String, JSONValue?)] = []
        if let size = try fields.text("size"), size != "auto" { shape.append(try Self.shape(size)) }
        if let ratio = try fields.text("aspect_ratio") {
            guard !shape.contains(where: { $0.0 == "aspectRatio" }) else {
                throw .invalid("aspect_ratio", "\"size\" says the shape already")
            }
            shape.append(("aspectRatio", .string(try Self.ratio(ratio, "aspect_ratio"))))
        }
        try fields.end()
        configuration =
            [("responseModalities", .array([.string("IMAGE")]))]
            + (shape.isEmpty ? [] : [("imageConfig", .members(shape))])
    }

    public func path(model: String, at account: Provider.Account) -> String {
        GeminiRequest.path("generateContent", of: model, at: account, isVertex: isVertex)
    }

    public func headers(of call: ProviderCall) -> [(String, String)] { GeminiRequest.headers(of: call) }

    public func body(model: String, maximumTokens: Int64) throws(APIError) -> [UInt8] {
        let content: [(String, JSONValue?)] = [
            ("role", .string("user")), ("parts", .array(parts)),
        ]
        let all = [("maxOutputTokens", .integer(maximumTokens))] + configuration.map { ($0.0, Optional($0.1)) }
        return JSONValue.members([("contents", .array([.members(content)])), ("generationConfig", .members(all))]).bytes
    }

    public func answer(id: String, created: Int64) -> any ForeignAnswer { GeminiImagesAnswer(created: created) }

    private static let ratios = ["1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9"]
    private static let sizes = ["1K", "2K", "4K"]

    private static func ratio(_ text: String, _ path: String) throws(APIError) -> String {
        guard ratios.contains(text) else { throw .invalid(path, "\"\(path)\" must be one of \(ratios.joined(separator: ", "))") }
        return text
    }

    /// `1536x1024` is a shape there, and `2K` a size.
    private static func shape(_ size: String) throws(APIError) -> (String, JSONValue?) {
        if sizes.contains(size) { return ("imageSize", .string(size)) }
        let sides = size.split(separator: "x").map { Int64($0) ?? 0 }
        if sides.count == 2, sides.allSatisfy({ (1...100_000).contains($0) }) {
            for ratio in ratios {
                let parts = ratio.split(separator: ":").map { Int64($0) ?? 0 }
                if sides[0] * parts[1] == sides[1] * parts[0] { return ("aspectRatio", .string(ratio)) }
            }
        }
        throw .invalid("size", "Google makes no image of this \"size\": it must be 1K, 2K, 4K, or have one of its shapes")
    }

    /// What a chat completion request says of the images that it wants: `modalities` and `image_config`.
    static func configuration(
        _ fields: inout ChatFields, modalities: JSONValue?
    ) throws(APIError) -> [(String, JSONValue)] {
        let asked = modalities?.elements?.compactMap { $0.text?.uppercased() } ?? ["TEXT", "IMAGE"]
        let wanted: (String, JSONValue) = ("responseModalities", .array(asked.map { .string($0) }))
        guard let config = try fields.take("image_config") else { return [wanted] }
        guard let members = config.fields else { throw .invalid("image_config", "\"image_config\" must be an object") }
        var shape: [(String, JSONValue?)] = []
        for member in members where member.value != .null {
            let path = "image_config.\(member.name.prefix(64))"
            guard let text = member.value.text else { throw .invalid(path, "\"\(path)\" must be a string") }
            switch member.name {
            case "aspect_ratio": shape.append(("aspectRatio", .string(try ratio(text, path))))
            case "image_size":
                guard sizes.contains(text) else { throw .invalid(path, "\"\(path)\" must be 1K, 2K or 4K") }
                shape.append(("imageSize", .string(text)))
            default: throw .invalid(path, "\"\(path)\" can't be expressed to Google, who answers this model")
            }
        }
        return shape.isEmpty ? [wanted] : [wanted, ("imageConfig", .members(shape))]
    }
}

/// Reads the images that Google answers with, as OpenAI gives them.
struct GeminiImagesAnswer: WholeAnswer {
    /// Seconds since 1970 UTC.
    let created: Int64

    func refusal(status: Int, body: [UInt8]) -> APIError { .gemini(status: status, try? JSONValue(body)) }

    /// What ended without an image, because Google refuses to draw it or a prompt asks for words, is charged what it used: `data` is
    /// empty then. Elsewhere it would be no different.
    func completion(of response: JSONValue) throws(ChatResponseError) -> [UInt8] {
        let images = GeminiAnswer.parts(response).filter { $0["thought"] != .bool(true) }
            .compactMap { GeminiAnswer.imageData($0) }
        guard !images.isEmpty || GeminiAnswer.finishReason(response) != nil else {
            throw ChatResponseError(message: "the answer has no image")
        }
        return JSONValue.members([
            ("created", .integer(created)),
            ("data", .array(images.map { .members([("b64_json", .string($0.data))]) })),
            ("usage", GeminiAnswer.usage(response["usageMetadata"])?.drawing(images.count).imagesValue),
        ]).bytes
    }
}
