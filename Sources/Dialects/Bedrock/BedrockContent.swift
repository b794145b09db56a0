internal import JSON

/// The content of messages as the blocks of Converse.
struct BedrockContent {
    private let model: BedrockModel
    /// The documents so far; two of the same name are refused.
    private var documents = 0
    /// Data URLs of images that were fetched, by their addresses.
    private let images: [String: String]
    /// Images that are not fetched yet.
    private(set) var remoteImages: [RemoteImage] = []

    init(_ model: BedrockModel, images: [String: String] = [:]) {
        self.model = model
        self.images = images
    }

    static func text(_ text: String) -> JSONValue { .members([("text", .string(text))]) }

    /// A `cache_control` as the block behind what it marks; nil where it says nothing, or not to this model.
    func cachePoint(_ mark: JSONValue?) -> JSONValue? {
        guard model.caches, let mark, mark != .null else { return nil }
        let hour: JSONValue? = mark["ttl"] == .string("1h") ? .string("1h") : nil
        return .members([("cachePoint", .members([("type", .string("default")), ("ttl", hour)]))])
    }

    /// `blocks`, and behind them what marks them all.
    func marked(_ blocks: [JSONValue], _ mark: JSONValue?) -> [JSONValue] {
        guard let last = blocks.last, last["cachePoint"] == nil, let point = cachePoint(mark) else { return blocks }
        return blocks + [point]
    }

    /// The blocks of a `content`; none of blank text, which Bedrock refuses.
    mutating func blocks(_ content: JSONValue, _ path: String) throws(APIError) -> [JSONValue] {
        switch content {
        case .null: return []
        case .string(let text): return text.isBlank ? [] : [Self.text(text)]
        case .array(let parts):
            var blocks: [JSONValue] = []
            for (index, part) in parts.enumerated() {
                guard let block = try block(part, "\(path).content[\(index)]") else { continue }
                blocks += marked([block], part["cache_control"])
            }
            return blocks
        default: throw .invalid("\(path).content", "\"\(path).content\" must be a string or an array of parts")
        }
    }

    private mutating func block(_ part: JSONValue, _ path: String) throws(APIError) -> JSONValue? {
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
            return try image(url, "\(path).image_url.url")
        case "file":
            guard let data = part["file"]?["file_data"]?.text else {
                throw .invalid("\(path).file.file_data", "a file for AWS Bedrock must come as a data URL in \"file_data\"")
            }
            let document = try source(data, ["pdf"], of: "application", "\(path).file.file_data")
            documents += 1
            return .members([("document", .members(document + [("name", .string("document \(documents)"))]))])
        default: throw .invalid("\(path).type", "AWS Bedrock takes parts of the types text, image_url and file alone")
        }
    }

    private mutating func image(_ url: String, _ path: String) throws(APIError) -> JSONValue {
        let isRemote = url.hasPrefix("https://") || url.hasPrefix("http://")
        guard isRemote, images[url] == nil else {
            let image = try source(images[url] ?? url, ["gif", "jpeg", "png", "webp"], of: "image", path)
            return .members([("image", .members(image))])
        }
        remoteImages.append(RemoteImage(url: url, path: path))
        // Stands for it only until it is fetched.
        return .members([("image", .null)])
    }

    private func source(
        _ url: String, _ formats: [String], of family: String, _ path: String
    ) throws(APIError) -> [(String, JSONValue?)] {
        guard let data = DataURL(url), data.isBase64,
            let format = formats.first(where: { data.mediaType == "\(family)/\($0)" })
        else {
            let known = formats.map { "\(family)/\($0)" }.joined(separator: ", ")
            throw .invalid(path, "\"\(path)\" must be a data URL in base64 of one of \(known) for AWS Bedrock")
        }
        return [("format", .string(format)), ("source", .members([("bytes", .string(String(data.data)))]))]
    }

    /// `tool_calls` as blocks.
    func calls(_ calls: JSONValue?, _ path: String) throws(APIError) -> [JSONValue] {
        var blocks: [JSONValue] = []
        for (index, call) in (calls?.elements ?? []).enumerated() {
            let path = "\(path).tool_calls[\(index)]"
            guard let id = call["id"]?.text, let name = call["function"]?["name"]?.text else {
                throw .invalid(path, "a tool call needs an \"id\" and a function with a \"name\"")
            }
            let arguments = call["function"]?["arguments"]?.text ?? ""
            let input = arguments.isEmpty ? JSONValue.object([]) : try? JSONValue(Array(arguments.utf8))
            guard let input, input.fields != nil else {
                throw .invalid(
                    "\(path).function.arguments", "the arguments of a tool call must be a JSON object for AWS Bedrock")
            }
            let use: [(String, JSONValue?)] = [("toolUseId", .string(id.asCallID)), ("name", .string(name)), ("input", input)]
            blocks.append(.members([("toolUse", .members(use))]))
        }
        return blocks
    }

    /// What Claude thought before, with the signatures that it wants to see again; the thoughts of others mean nothing there.
    func thoughts(_ details: JSONValue?, _ path: String) throws(APIError) -> [JSONValue] {
        guard model.isClaude else { return [] }
        return try MessagesContent(path).thoughts(details).map { block in
            let thought =
                if let text = block["thinking"] {
                    JSONValue.members([
                        ("reasoningText", .members([("text", text), ("signature", block["signature"])]))
                    ])
                } else {
                    JSONValue.members([("redactedContent", block["data"])])
                }
            return .members([("reasoningContent", thought)])
        }
    }
}
