public import Catalogue
internal import JSON

/// A request for images, or to edit some, as Alibaba Cloud Model Studio wants it
/// (https://www.alibabacloud.com/help/en/model-studio/qwen-image-api,
/// https://www.alibabacloud.com/help/en/model-studio/qwen-image-edit-api).
///
/// `prompt` and `size` or `aspect_ratio` go over, as one of the five shapes that are made; what is edited may have any size from
/// 512 to 2,048 pixels a side, and `n` up to 6. Images come as addresses alone, a new one alone too, and what else OpenAI's images
/// can be told is refused by name.
public struct QwenImages: ForeignRequest {
    /// The images that are to be edited and the prompt.
    private let content: [JSONValue]
    private let count: Int64
    private let size: String?
    public let addedPromptTokens: Int64 = 0

    /// Translates a request that ``ImagesRequest`` has let pass.
    ///
    /// - Parameters:
    ///   - body: The request; of one to edit images, what it says beside them.
    ///   - edit: The images that are to be edited.
    /// - Throws: 400 naming the field that can't be expressed.
    public init(_ body: [UInt8], edit: ImageEdit? = nil) throws(APIError) {
        let request: JSONValue
        do { request = try JSONValue(request: body) } catch { throw .invalid(nil, "the body is not valid JSON: \(error)") }
        var fields = ChatFields(request, provider: "Alibaba Cloud")
        let prompt = JSONValue.members([("text", .string(try fields.text("prompt") ?? ""))])
        let images = try edit?.urls(atMost: 3, for: "Alibaba Cloud") ?? []
        content = images.map { JSONValue.members([("image", .string($0))]) } + [prompt]
        _ = try fields.take("user")
        _ = try fields.take("stream")
        count = try fields.take("n")?.int64 ?? 1
        guard count <= (edit == nil ? 1 : 6) else {
            throw .invalid(
                "n", edit == nil ? "Alibaba Cloud makes one image a request." : "Alibaba Cloud edits to 6 images a request.")
        }
        for (name, harmless) in [
            ("response_format", "url"), ("quality", "auto"), ("background", "auto"), ("output_format", "png"),
        ] {
            if let value = try fields.text(name), value != harmless {
                throw .invalid(name, "\"\(name)\" can be \(harmless) alone for Alibaba Cloud, who answers this model")
            }
        }
        let ratio = try fields.text("aspect_ratio")
        if let wanted = try fields.text("size"), wanted != "auto" {
            guard ratio == nil else { throw .invalid("aspect_ratio", "\"size\" says the shape already") }
            size = edit == nil ? try Self.madeSize(wanted) : try Self.editedSize(wanted)
        } else if let ratio {
            size = try Self.madeSize(ofRatio: ratio)
        } else {
            size = nil
        }
        try fields.end()
    }

    /// Beside the API of OpenAI's format, at whose address the provider is known; what transfers the request takes out the dots
    /// (RFC 3986 5.2.4).
    public func path(model: String, at account: Provider.Account) -> String {
        "/../../api/v1/services/aigc/multimodal-generation/generation"
    }

    public func headers(of call: ProviderCall) -> [(String, String)] {
        [("authorization", "Bearer \(call.account.apiKey)")]
    }

    public func body(model: String, maximumTokens: Int64) throws(APIError) -> [UInt8] {
        let message: JSONValue = .members([
            ("role", .string("user")), ("content", .array(content)),
        ])
        let parameters: [(String, JSONValue?)] = [
            ("size", size.map { .string($0) }), ("n", .integer(count)), ("watermark", .bool(false)),
        ]
        return JSONValue.members([
            ("model", .string(model)), ("input", .members([("messages", .array([message]))])),
            ("parameters", .members(parameters)),
        ]).bytes
    }

    public func answer(id: String, created: Int64) -> any ForeignAnswer { QwenImagesAnswer(created: created) }

    /// What is made, by shape: width and height in pixels.
    private static let sizes: [(ratio: String, width: String, height: String)] = [
        ("16:9", "1664", "928"), ("4:3", "1472", "1104"), ("1:1", "1328", "1328"), ("3:4", "1104", "1472"),
        ("9:16", "928", "1664"),
    ]

    private static func madeSize(_ text: String) throws(APIError) -> String {
        guard let found = sizes.first(where: { text == "\($0.width)x\($0.height)" }) else {
            let all = sizes.map { "\($0.width)x\($0.height)" }.joined(separator: ", ")
            throw .invalid("size", "Alibaba Cloud makes no image of this \"size\": it must be one of \(all)")
        }
        return "\(found.width)*\(found.height)"
    }

    private static func editedSize(_ text: String) throws(APIError) -> String {
        let sides = text.split(separator: "x", omittingEmptySubsequences: false).map { Int64($0) ?? 0 }
        guard sides.count == 2, sides.allSatisfy({ (512...2_048).contains($0) }) else {
            throw .invalid("size", "Alibaba Cloud makes no image of this \"size\": both sides must have 512 to 2048 pixels")
        }
        return "\(sides[0])*\(sides[1])"
    }

    private static func madeSize(ofRatio ratio: String) throws(APIError) -> String {
        guard let found = sizes.first(where: { $0.ratio == ratio }) else {
            throw .invalid("aspect_ratio", "\"aspect_ratio\" must be one of \(sizes.map(\.ratio).joined(separator: ", "))")
        }
        return "\(found.width)*\(found.height)"
    }
}

/// Reads the images that Alibaba Cloud answers with, as OpenAI gives them.
struct QwenImagesAnswer: WholeAnswer {
    /// Seconds since 1970 UTC.
    let created: Int64

    /// `code`, `message` and `request_id` (https://www.alibabacloud.com/help/en/model-studio/error-code).
    func refusal(status: Int, body: [UInt8]) -> APIError {
        let error = try? JSONValue(body)
        var status = (400...599).contains(status) ? status : 502
        // What is wrong with the gateway's own account is nothing that a client could do anything about.
        if error?["code"]?.text == "Arrearage" || error?["code"]?.text == "InvalidApiKey" { status = 401 }
        let message = error?["message"]?.text ?? ""
        return APIError(status: status, message: message.isEmpty ? "Alibaba Cloud answered with status \(status)" : message)
    }

    func completion(of response: JSONValue) throws(ChatResponseError) -> [UInt8] {
        let choices = response["output"]?["choices"]?.elements ?? []
        let images = choices.flatMap { $0["message"]?["content"]?.elements ?? [] }.compactMap { $0["image"]?.text }
        // What it refuses to draw comes as an error.
        guard !images.isEmpty else { throw ChatResponseError(message: "the answer has no image") }
        return JSONValue.members([
            ("created", .integer(created)), ("data", .array(images.map { .members([("url", .string($0))]) })),
        ]).bytes
    }
}
