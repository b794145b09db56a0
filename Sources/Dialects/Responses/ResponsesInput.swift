internal import JSON

/// The messages of a chat completion request as items of the Responses API.
struct ResponsesInput {
    private(set) var items: [JSONValue] = []
    /// The calls of custom tools by their ids: their results are items of another kind.
    private var customCalls: Set<String> = []

    private static let provider = "the Responses API"

    init(_ messages: [JSONValue]) throws(APIError) {
        for (index, message) in messages.enumerated() { try add(message, "messages[\(index)]") }
    }

    private mutating func add(_ message: JSONValue, _ path: String) throws(APIError) {
        let role = try ChatMessage.role(of: message, path, provider: Self.provider)
        switch role {
        case "assistant": try answer(message, path)
        case "tool":
            guard let id = message["tool_call_id"]?.text else {
                throw .invalid("\(path).tool_call_id", "\"\(path).tool_call_id\" is required")
            }
            let output = try content(message["content"], path) ?? .string("")
            let type = customCalls.contains(id) ? "custom_tool_call_output" : "function_call_output"
            items.append(.members([("type", .string(type)), ("call_id", .string(id)), ("output", output)]))
        default:
            let content = try content(message["content"], path) ?? .string("")
            items.append(.members([("type", .string("message")), ("role", .string(role)), ("content", content)]))
        }
    }

    /// What the assistant thought, said and called, in the order in which it came.
    private mutating func answer(_ message: JSONValue, _ path: String) throws(APIError) {
        for detail in message["reasoning_details"]?.elements ?? [] {
            if let item = Self.reasoning(detail) { items.append(item) }
        }
        var parts: [JSONValue] = []
        switch message["content"] {
        case nil, .null?: break
        case .string(let text)?: if !text.isEmpty { parts.append(Self.said(text)) }
        case .array(let given)?:
            for (index, part) in given.enumerated() {
                switch (part["type"]?.text, part["text"]?.text, part["refusal"]?.text) {
                case ("text"?, let text?, _): parts.append(Self.said(text))
                case ("refusal"?, _, let text?): parts.append(ResponsesShape.refusal(text))
                default:
                    throw .invalid("\(path).content[\(index)].type", "an assistant says nothing but texts and refusals there")
                }
            }
        default: throw .invalid("\(path).content", "\"\(path).content\" must be a string or an array of parts")
        }
        if let refusal = message["refusal"]?.text, !refusal.isEmpty { parts.append(ResponsesShape.refusal(refusal)) }
        if !parts.isEmpty {
            items.append(
                .members([("type", .string("message")), ("role", .string("assistant")), ("content", .array(parts))]))
        }
        for (index, call) in (message["tool_calls"]?.elements ?? []).enumerated() {
            let path = "\(path).tool_calls[\(index)]"
            let isCustom = call["type"] == .string("custom")
            let called = call[isCustom ? "custom" : "function"]
            guard let id = call["id"]?.text, let name = called?["name"], name.text != nil else {
                throw .invalid(path, "a tool call needs an \"id\" and a function or custom tool with a \"name\"")
            }
            if isCustom { customCalls.insert(id) }
            let input = isCustom ? "input" : "arguments"
            items.append(
                .members([
                    ("type", .string(isCustom ? "custom_tool_call" : "function_call")), ("call_id", .string(id)), ("name", name),
                    (input, .string(called?[input]?.text ?? "")),
                ]))
        }
    }

    /// What the model wants to see again of its thoughts, as the item that it was; nil where it is another's.
    static func reasoning(_ detail: JSONValue) -> JSONValue? {
        guard detail["format"] == .string(ResponsesAnswer.reasoningFormat), let data = detail["data"], data.text != nil else {
            return nil
        }
        return .members([
            ("type", .string("reasoning")), ("id", detail["id"].flatMap { $0.text == nil ? nil : $0 }),
            ("summary", .array([])), ("encrypted_content", data),
        ])
    }

    private static func said(_ text: String) -> JSONValue {
        .members([("type", .string("output_text")), ("text", .string(text))])
    }

    private func content(_ content: JSONValue?, _ path: String) throws(APIError) -> JSONValue? {
        switch content {
        case nil, .null?: return nil
        case .string?: return content
        case .array(let parts)?:
            var given: [JSONValue] = []
            for (index, part) in parts.enumerated() { given.append(try Self.part(part, "\(path).content[\(index)]")) }
            return .array(given)
        default: throw .invalid("\(path).content", "\"\(path).content\" must be a string or an array of parts")
        }
    }

    private static func part(_ part: JSONValue, _ path: String) throws(APIError) -> JSONValue {
        switch part["type"]?.text {
        case "text":
            guard let text = part["text"], text.text != nil else {
                throw .invalid("\(path).text", "\"\(path).text\" must be a string")
            }
            return .members([("type", .string("input_text")), ("text", text)])
        case "image_url":
            guard let url = part["image_url"]?["url"], url.text != nil else {
                throw .invalid("\(path).image_url.url", "\"\(path).image_url.url\" is required")
            }
            let detail = part["image_url"]?["detail"].flatMap { $0 == .null ? nil : $0 }
            return .members([("type", .string("input_image")), ("image_url", url), ("detail", detail)])
        case "file":
            guard let file = part["file"], file["file_data"]?.text != nil || file["file_id"]?.text != nil else {
                throw .invalid("\(path).file.file_data", "\"\(path).file.file_data\" is required")
            }
            let members = (file.fields ?? []).filter { $0.value != .null }
            for member in members where !["file_data", "file_id", "filename"].contains(member.name) {
                throw .invalid("\(path).file.\(member.name.prefix(64))", "\"\(member.name.prefix(64))\" is not known")
            }
            return .object([.init("type", .string("input_file"))] + members)
        default: throw .invalid("\(path).type", "\(provider) takes parts of the types text, image_url and file alone")
        }
    }
}
