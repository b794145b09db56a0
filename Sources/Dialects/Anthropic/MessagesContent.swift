internal import JSON

/// The content of one message as Anthropic's blocks.
struct MessagesContent {
    /// Where the message stands, for errors.
    let path: String

    init(_ path: String) { self.path = path }

    static func text(_ text: String) -> JSONValue { .members([("type", .string("text")), ("text", .string(text))]) }

    /// The blocks of a `content`; none of blank text, which Anthropic refuses.
    func blocks(_ content: JSONValue) throws(APIError) -> [JSONValue] {
        switch content {
        case .null: return []
        case .string(let text): return text.isBlank ? [] : [Self.text(text)]
        case .array(let parts):
            var blocks: [JSONValue] = []
            for (index, part) in parts.enumerated() {
                guard let block = try block(part, "\(path).content[\(index)]") else { continue }
                let mark = part["cache_control"].flatMap { $0 == .null ? nil : $0 }
                blocks.append(mark.map { .object((block.fields ?? []) + [.init("cache_control", $0)]) } ?? block)
            }
            return blocks
        default: throw .invalid("\(path).content", "\"\(path).content\" must be a string or an array of parts")
        }
    }

    private func block(_ part: JSONValue, _ path: String) throws(APIError) -> JSONValue? {
        switch part["type"]?.text {
        case "text", "refusal":
            guard let text = (part["text"] ?? part["refusal"])?.text else {
                throw .invalid("\(path).text", "\"\(path).text\" must be a string")
            }
            return text.isBlank ? nil : Self.text(text)
        case "image_url":
            guard let url = part["image_url"]?["url"]?.text else {
                throw .invalid("\(path).image_url.url", "\"\(path).image_url.url\" is required")
            }
            return .members([("type", .string("image")), ("source", try source(url, Self.images, "\(path).image_url.url"))])
        case "file":
            guard let data = part["file"]?["file_data"]?.text, data.hasPrefix("data:") else {
                throw .invalid("\(path).file.file_data", "a file for Anthropic must come as a data URL in \"file_data\"")
            }
            return .members([
                ("type", .string("document")), ("source", try source(data, Self.documents, "\(path).file.file_data")),
                ("title", part["file"]?["filename"].flatMap { $0 == .null ? nil : $0 }),
            ])
        default: throw .invalid("\(path).type", "Anthropic takes parts of the types text, image_url and file alone")
        }
    }

    private static let images = ["image/jpeg", "image/png", "image/gif", "image/webp"]
    private static let documents = ["application/pdf"]

    private func source(_ url: String, _ types: [String], _ path: String) throws(APIError) -> JSONValue {
        if url.hasPrefix("https://") || url.hasPrefix("http://") {
            return .members([("type", .string("url")), ("url", .string(url))])
        }
        guard let data = DataURL(url), data.isBase64, types.contains(data.mediaType) else {
            let types = types.joined(separator: ", ")
            throw .invalid(path, "\"\(path)\" must be an http URL, or a data URL in base64 of one of \(types)")
        }
        return .members([
            ("type", .string("base64")), ("media_type", .string(data.mediaType)), ("data", .string(String(data.data))),
        ])
    }

    /// `tool_calls` as blocks.
    func calls(_ calls: JSONValue?) throws(APIError) -> [JSONValue] {
        var blocks: [JSONValue] = []
        for (index, call) in (calls?.elements ?? []).enumerated() {
            let path = "\(path).tool_calls[\(index)]"
            guard let id = call["id"]?.text, let name = call["function"]?["name"]?.text else {
                throw .invalid(path, "a tool call needs an \"id\" and a function with a \"name\"")
            }
            let arguments = call["function"]?["arguments"]?.text ?? ""
            let input = arguments.isEmpty ? JSONValue.object([]) : try? JSONValue(Array(arguments.utf8))
            guard let input, input.fields != nil else {
                throw .invalid("\(path).function.arguments", "the arguments of a tool call must be a JSON object for Anthropic")
            }
            blocks.append(
                .members([
                    ("type", .string("tool_use")), ("id", .string(id.asCallID)), ("name", .string(name)), ("input", input),
                ]))
        }
        return blocks
    }

    /// `reasoning_details` of an answer of Anthropic, as the blocks that they were; those of others mean nothing there.
    ///
    /// A client that read a stream may hold the text of a block in several of them, the signature last.
    func thoughts(_ details: JSONValue?) throws(APIError) -> [JSONValue] {
        var blocks: [JSONValue] = []
        var text = ""
        for detail in details?.elements ?? [] where detail["format"] == .string(MessagesAnswer.reasoningFormat) {
            switch detail["type"]?.text {
            case "reasoning.text":
                text += detail["text"]?.text ?? ""
                guard let signature = detail["signature"]?.text else { continue }
                blocks.append(
                    .members([
                        ("type", .string("thinking")), ("thinking", .string(text)), ("signature", .string(signature)),
                    ]))
                text = ""
            case "reasoning.encrypted":
                blocks.append(.members([("type", .string("redacted_thinking")), ("data", detail["data"] ?? .string(""))]))
            default: continue
            }
        }
        return blocks
    }
}
