internal import JSON

/// The messages of a chat completion request as Google wants them: the system's text apart, and contents of user and model.
struct GeminiConversation {
    /// Parts of text.
    private(set) var system: [JSONValue] = []
    private(set) var contents: [JSONValue] = []
    private let needsSignatures: Bool
    /// Whether images that it made may come back.
    private let makesImages: Bool
    private let asides: MessagesAsides
    /// Data URLs of images that were fetched, by their addresses.
    private let images: [String: String]
    /// Images that are not fetched yet.
    private(set) var remoteImages: [RemoteImage] = []
    /// The results of the tools that were called last; they belong into one content.
    private var results: [JSONValue] = []
    /// The names of the functions that were called, by the ids of the calls: Google wants a result to say both.
    private var names: [String: String] = [:]

    /// - Parameter needsSignatures: whether the model refuses a call of its own that comes back without a thought's signature.
    init(
        _ messages: [JSONValue], needsSignatures: Bool, makesImages: Bool = false, asides: MessagesAsides,
        images: [String: String] = [:]
    ) throws(APIError) {
        self.images = images
        self.needsSignatures = needsSignatures
        self.makesImages = makesImages
        self.asides = asides
        for (index, message) in messages.enumerated() { try add(message, at: index) }
        flush()
        guard !contents.isEmpty else { throw .invalid("messages", "Google needs a message beside those of the system") }
    }

    private mutating func flush() {
        if !results.isEmpty { contents.append(Self.content("user", results)) }
        results = []
    }

    private static func content(_ role: String, _ parts: [JSONValue]) -> JSONValue {
        .members([("role", .string(role)), ("parts", .array(parts))])
    }

    private mutating func add(_ message: JSONValue, at index: Int) throws(APIError) {
        let path = "messages[\(index)]"
        let role = try ChatMessage.role(
            of: message, path, provider: "Google", further: makesImages ? ["images"] : [])
        let failure = asides.failures[index]
        var parts = try parts(failure ?? message["content"] ?? .null, path)
        switch role {
        case "system", "developer":
            for (index, part) in parts.enumerated() where part["text"] == nil {
                throw .invalid("\(path).content[\(index)]", "the system says nothing but text to Google")
            }
            system += parts
        case "tool": try result(message, parts, hasFailed: failure != nil, path)
        case "assistant":
            flush()
            if let refusal = message["refusal"]?.text, !refusal.isEmpty { parts.append(Self.text(refusal)) }
            for (index, image) in (message["images"]?.elements ?? []).enumerated() {
                parts.append(try made(image, "\(path).images[\(index)]"))
            }
            parts += try calls(message["tool_calls"], asides.signatures[index] ?? [:], path)
            if !parts.isEmpty { contents.append(Self.content("model", parts)) }
        default:
            flush()
            contents.append(Self.content("user", parts.isEmpty ? [Self.text("")] : parts))
        }
    }

    private static func text(_ text: String) -> JSONValue { .members([("text", .string(text))]) }

    /// An image that the model made, with the signature of the thought that led to it.
    private func made(_ image: JSONValue, _ path: String) throws(APIError) -> JSONValue {
        guard let url = image["image_url"]?["url"]?.text else {
            throw .invalid("\(path).image_url.url", "\"\(path).image_url.url\" is required")
        }
        let lost: JSONValue? = needsSignatures ? .string(Self.lostSignature) : nil
        let signature = image["extra_content"]?["google"]?["thought_signature"] ?? lost
        let part = try Self.image(url, "\(path).image_url.url")
        return signature.map { .object((part.fields ?? []) + [.init("thoughtSignature", $0)]) } ?? part
    }

    /// Google's own word for a signature that was lost.
    private static let lostSignature = "skip_thought_signature_validator"

    private mutating func result(
        _ message: JSONValue, _ parts: [JSONValue], hasFailed: Bool, _ path: String
    ) throws(APIError) {
        guard let id = message["tool_call_id"]?.text, let name = names[id] else {
            throw .invalid("\(path).tool_call_id", "\"\(path).tool_call_id\" must be the id of a call that came before")
        }
        guard parts.allSatisfy({ $0["text"] != nil }) else {
            throw .invalid("\(path).content", "the result of a tool can be nothing but text for Google")
        }
        let text = parts.compactMap { $0["text"]?.text }.joined()
        // A result that is an object is given as one; any other is the output
        // (https://ai.google.dev/api/caching#FunctionResponse: "output" and "error").
        let object = (try? JSONValue(Array(text.utf8))).flatMap { $0.fields == nil ? nil : $0 }
        let output = object ?? .members([("output", .string(text))])
        let failure = JSONValue.members([("error", object ?? .string(text))])
        let response: [(String, JSONValue?)] = [
            ("id", .string(id)), ("name", .string(name)), ("response", hasFailed ? failure : output),
        ]
        results.append(.members([("functionResponse", .members(response))]))
    }

    private mutating func calls(
        _ calls: JSONValue?, _ signatures: [Int: String], _ path: String
    ) throws(APIError) -> [JSONValue] {
        var parts: [JSONValue] = []
        for (index, call) in (calls?.elements ?? []).enumerated() {
            let path = "\(path).tool_calls[\(index)]"
            guard let id = call["id"]?.text, let name = call["function"]?["name"]?.text else {
                throw .invalid(path, "a tool call needs an \"id\" and a function with a \"name\"")
            }
            names[id] = name
            let arguments = call["function"]?["arguments"]?.text ?? ""
            let object = arguments.isEmpty ? JSONValue.object([]) : try? JSONValue(Array(arguments.utf8))
            guard let object, object.fields != nil else {
                throw .invalid("\(path).function.arguments", "the arguments of a tool call must be a JSON object for Google")
            }
            // Of several calls at once only the first has a signature.
            let lost = needsSignatures && index == 0 ? Self.lostSignature : nil
            let kept = (signatures[index] ?? lost).map { JSONValue.string($0) }
            parts.append(
                .members([
                    ("functionCall", .members([("id", .string(id)), ("name", .string(name)), ("args", object)])),
                    ("thoughtSignature", call["extra_content"]?["google"]?["thought_signature"] ?? kept),
                ]))
        }
        return parts
    }

    private mutating func parts(_ content: JSONValue, _ path: String) throws(APIError) -> [JSONValue] {
        switch content {
        case .null: return []
        case .string(let text): return text.isEmpty ? [] : [Self.text(text)]
        case .array(let elements):
            var parts: [JSONValue] = []
            for (index, element) in elements.enumerated() { parts.append(try part(element, "\(path).content[\(index)]")) }
            return parts
        default: throw .invalid("\(path).content", "\"\(path).content\" must be a string or an array of parts")
        }
    }

    private mutating func part(_ part: JSONValue, _ path: String) throws(APIError) -> JSONValue {
        switch part["type"]?.text {
        case "text", "refusal":
            guard let text = (part["text"] ?? part["refusal"])?.text else {
                throw .invalid("\(path).text", "\"\(path).text\" must be a string")
            }
            return Self.text(text)
        case "image_url":
            guard let url = part["image_url"]?["url"]?.text else {
                throw .invalid("\(path).image_url.url", "\"\(path).image_url.url\" is required")
            }
            return try given(url, "\(path).image_url.url")
        case "file":
            guard let data = part["file"]?["file_data"]?.text else {
                throw .invalid("\(path).file.file_data", "a file for Google must come as a data URL in \"file_data\"")
            }
            return try Self.data(data, ["pdf": "application/pdf"], "\(path).file.file_data")
        case "input_audio":
            // https://ai.google.dev/gemini-api/docs/pricing
            throw .invalid(
                "\(path).type", "sound has a price of its own at Google, which is not known here: input_audio can't be sent there"
            )
        default:
            throw .invalid("\(path).type", "Google is given parts of the types text, image_url and file alone")
        }
    }

    /// An image of a message. Google fetches those itself whose type their address tells; others come as data, because Vertex AI
    /// must be told the type of each (https://cloud.google.com/vertex-ai/generative-ai/docs/reference/rest/v1/Content#FileData).
    private mutating func given(_ url: String, _ path: String) throws(APIError) -> JSONValue {
        if let data = images[url] { return try Self.image(data, path) }
        let isForGoogle = url.hasPrefix("https://") && Self.mediaType(of: url, Self.imageTypes) != nil
        guard !isForGoogle, url.hasPrefix("https://") || url.hasPrefix("http://") else { return try Self.image(url, path) }
        remoteImages.append(RemoteImage(url: url, path: path))
        // Stands for it only until it is fetched.
        return .members([("inlineData", .null)])
    }

    private static let imageTypes = [
        "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "webp": "image/webp", "heic": "image/heic",
        "heif": "image/heif",
    ]

    /// An image that a request gives by its address or as data.
    ///
    /// - Throws: 400 naming `path` for one that Google does not take.
    static func image(_ url: String, _ path: String) throws(APIError) -> JSONValue { try data(url, imageTypes, path) }

    /// The type that the end of an address tells, or the only one that there may be.
    private static func mediaType(of url: String, _ types: [String: String]) -> String? {
        let name = url.prefix { $0 != "?" && $0 != "#" }
        let told = name.lastIndex(of: ".").flatMap { types[name[name.index(after: $0)...].lowercased()] }
        return told ?? (types.count == 1 ? types.first?.value : nil)
    }

    private static func data(_ url: String, _ types: [String: String], _ path: String) throws(APIError) -> JSONValue {
        if url.hasPrefix("https://") {
            // Google fetches it itself (https://ai.google.dev/gemini-api/docs/file-input-methods).
            // A file is said to be what is taken, so that nothing comes in its place that has prices of its own.
            let type = mediaType(of: url, types)
            return .members([
                ("fileData", .members([("mimeType", type.map { .string($0) }), ("fileUri", .string(url))]))
            ])
        }
        guard let data = DataURL(url), data.isBase64, types.values.contains(data.mediaType) else {
            let known = Set(types.values).sorted().joined(separator: ", ")
            throw .invalid(path, "\"\(path)\" must be the URL of one, or a data URL in base64 of one of \(known)")
        }
        return inline(data.mediaType, String(data.data))
    }

    private static func inline(_ type: String, _ data: String) -> JSONValue {
        .members([("inlineData", .members([("mimeType", .string(type)), ("data", .string(data))]))])
    }
}
