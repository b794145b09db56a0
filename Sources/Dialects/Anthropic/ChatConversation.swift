internal import JSON

/// The messages of a Messages request as those of a chat completion request.
struct ChatConversation {
    private(set) var chat: [JSONValue] = []
    /// See ``MessagesTranslation``.
    private(set) var exclusive: APIError?
    private(set) var leftBytes: Int64 = 0
    /// Whether something of another model's answer stands in it that Anthropic refuses, see ``MendedMessages``.
    private(set) var isForeign = false
    private(set) var asides = MessagesAsides()
    /// What Claude thought, as `reasoning_details`, by the place in ``chat`` of the message that came of it.
    private(set) var thoughts: [Int: [JSONValue]] = [:]
    /// Images that are given by their addresses.
    private(set) var remoteImages: [RemoteImage] = []

    mutating func refuse(_ error: APIError) { if exclusive == nil { exclusive = error } }

    mutating func system(_ system: JSONValue?, _ path: String = "system") throws(APIError) {
        guard let system else { return }
        if system.text != nil {
            chat.append(Self.message("system", system))
            return
        }
        var parts: [JSONValue] = []
        for (index, block) in (try elements(system, path)).enumerated() {
            let path = "\(path)[\(index)]"
            guard block["type"] == .string("text") else { throw .invalid("\(path).type", "the system says nothing but text") }
            parts.append(try text(block, path))
        }
        if !parts.isEmpty { chat.append(Self.message("system", .array(parts))) }
    }

    mutating func messages(_ messages: JSONValue?) throws(APIError) {
        guard let messages else { throw .invalid("messages", "\"messages\" is required") }
        for (index, message) in (try elements(messages, "messages")).enumerated() {
            let path = "messages[\(index)]"
            for field in message.fields ?? [] where !["role", "content"].contains(field.name) {
                throw .invalid("\(path).\(field.name.prefix(64))", "\"\(field.name.prefix(64))\" is not known")
            }
            let content = message["content"] ?? .null
            let blocks =
                content.text == nil
                ? try elements(content, "\(path).content") : [.members([("type", .string("text")), ("text", content)])]
            switch message["role"]?.text {
            case "user": try user(blocks, path)
            case "assistant": try assistant(blocks, path)
            // https://platform.claude.com/docs: "Mid-conversation system messages"
            case "system": try system(content, "\(path).content")
            default: throw .invalid("\(path).role", "\"\(path).role\" must be user, assistant or system")
            }
        }
        guard chat.contains(where: { $0["role"] != .string("system") }) else {
            throw .invalid("messages", "\"messages\" must not be empty")
        }
    }

    private static func message(_ role: String, _ content: JSONValue) -> JSONValue {
        .members([("role", .string(role)), ("content", content)])
    }

    private func elements(_ value: JSONValue, _ path: String) throws(APIError) -> [JSONValue] {
        guard let elements = value.elements else { throw .invalid(path, "\"\(path)\" must be text or an array of blocks") }
        return elements
    }

    /// A turn of the user: results of tools first, each a message of its own, then the rest.
    private mutating func user(_ blocks: [JSONValue], _ path: String) throws(APIError) {
        var parts: [JSONValue] = []
        for (index, block) in blocks.enumerated() {
            let path = "\(path).content[\(index)]"
            guard block["type"] == .string("tool_result") else {
                parts.append(try part(block, path))
                continue
            }
            count(block, ["type", "tool_use_id", "content", "is_error", "cache_control"])
            guard let id = block["tool_use_id"]?.text else {
                throw .invalid("\(path).tool_use_id", "\"\(path).tool_use_id\" is required")
            }
            note(call: id)
            var content = try result(block["content"], path)
            if block["is_error"] == .bool(true) {
                asides.failures[chat.count] = content
                content = MessagesAsides.failure(content)
            }
            chat.append(.members([("role", .string("tool")), ("tool_call_id", .string(id)), ("content", content)]))
        }
        if parts.count == 1, parts[0]["type"] == .string("text"), let text = parts[0]["text"] {
            chat.append(Self.message("user", text))
        } else if !parts.isEmpty {
            chat.append(Self.message("user", .array(parts)))
        }
    }

    private mutating func result(_ content: JSONValue?, _ path: String) throws(APIError) -> JSONValue {
        guard let content, content != .null else { return .string("") }
        if content.text != nil { return content }
        var parts: [JSONValue] = []
        for (index, block) in (try elements(content, "\(path).content")).enumerated() {
            let path = "\(path).content[\(index)]"
            let part = try part(block, path)
            if part["type"] != .string("text") {
                refuse(.invalid(path, "the result of a tool can be nothing but text for others than Anthropic"))
            }
            parts.append(part)
        }
        return parts.isEmpty ? .string("") : .array(parts)
    }

    private mutating func assistant(_ blocks: [JSONValue], _ path: String) throws(APIError) {
        var parts: [JSONValue] = []
        var calls: [JSONValue] = []
        var details: [JSONValue] = []
        // Google's, of the call that comes next.
        var signature: String?
        for (index, block) in blocks.enumerated() {
            let path = "\(path).content[\(index)]"
            switch block["type"]?.text {
            case "thinking", "redacted_thinking":
                leftBytes += Int64(block.bytes.count)
                if MendedMessages.isForeign(thought: block) {
                    isForeign = true
                    signature = GoogleSignature.of(thought: block) ?? signature
                } else if let detail = Self.detail(block, index) {
                    details.append(detail)
                }
            case "tool_use":
                count(block, ["type", "id", "name", "input", "cache_control"])
                guard let id = block["id"]?.text, let name = block["name"]?.text, let input = block["input"] else {
                    throw .invalid(path, "a tool_use block needs an \"id\", a \"name\" and an \"input\"")
                }
                note(call: id)
                if let signature { asides.signatures[chat.count, default: [:]][calls.count] = signature }
                signature = nil
                calls.append(MessagesAnswer.call(index: nil, id: id, name: name, arguments: MessagesAnswer.arguments(input)))
            default:
                parts.append(try part(block, path))
                if MendedMessages.isForeign(text: block) { isForeign = true }
            }
        }
        guard parts.allSatisfy({ $0["type"] == .string("text") }) else {
            throw .invalid("\(path).content", "the assistant says nothing but text and calls of tools")
        }
        let texts = parts.compactMap { $0["text"]?.text }
        // A turn of nothing but thoughts would say nothing to anybody else.
        guard !texts.isEmpty || !calls.isEmpty else { return }
        if !details.isEmpty { thoughts[chat.count] = details }
        chat.append(
            .members([
                ("role", .string("assistant")), ("content", texts.isEmpty ? .null : .string(texts.joined())),
                ("tool_calls", calls.isEmpty ? nil : .array(calls)),
            ]))
    }

    /// A thought of Claude, which can be shown to it again.
    private static func detail(_ block: JSONValue, _ index: Int) -> JSONValue? {
        if block["type"] == .string("redacted_thinking") {
            return block["data"].map { MessagesAnswer.redacted($0, Int64(index)) }
        }
        return MessagesAnswer.thought(Int64(index), text: block["thinking"], signature: block["signature"])
    }

    private mutating func text(_ block: JSONValue, _ path: String) throws(APIError) -> JSONValue {
        count(block, ["type", "text", "cache_control"])
        guard let text = block["text"]?.text else { throw .invalid("\(path).text", "\"\(path).text\" must be a string") }
        return MessagesContent.text(text)
    }

    private mutating func part(_ block: JSONValue, _ path: String) throws(APIError) -> JSONValue {
        switch block["type"]?.text {
        case "text": return try text(block, path)
        case "image":
            count(block, ["type", "source", "cache_control"])
            let url = try url(block["source"], path)
            if ImagesAsData.isRemote(url) { remoteImages.append(RemoteImage(url: url, path: "\(path).source.url")) }
            return .members([("type", .string("image_url")), ("image_url", .members([("url", .string(url))]))])
        case "document":
            count(block, ["type", "source", "title", "cache_control"])
            if block["source"]?["type"] == .string("text"), let text = block["source"]?["data"]?.text {
                return MessagesContent.text(text)
            }
            if block["source"]?["type"] != .string("base64") {
                refuse(.invalid("\(path).source", "a document must lie in the request for others than Anthropic"))
            }
            let file: [(String, JSONValue?)] = [
                ("filename", block["title"].flatMap { $0.text == nil ? nil : $0 } ?? .string("document.pdf")),
                ("file_data", .string(try url(block["source"], path))),
            ]
            return .members([("type", .string("file")), ("file", .members(file))])
        default:
            throw .invalid("\(path).type", "\"\(path).type\" is no kind of block that is known or has a price here")
        }
    }

    private func url(_ source: JSONValue?, _ path: String) throws(APIError) -> String {
        switch source?["type"]?.text {
        case "base64":
            guard let type = source?["media_type"]?.text, let data = source?["data"]?.text else { break }
            return "data:\(type);base64,\(data)"
        case "url":
            guard let url = source?["url"]?.text else { break }
            return url
        default: break
        }
        throw .invalid("\(path).source", "\"\(path).source\" must be base64 with a \"media_type\" and \"data\", or a \"url\"")
    }

    private mutating func note(call id: String) { if !isForeign { isForeign = !id.isCallID } }

    /// Counts what a block says beyond `known`: Anthropic may read it.
    private mutating func count(_ block: JSONValue, _ known: Set<String>) {
        for field in block.fields ?? [] where !known.contains(field.name) { leftBytes += Int64(field.value.bytes.count) }
    }
}
