internal import JSON

/// What the built-in provider reads of a request.
struct EchoRequest {
    /// A tool that may be called.
    struct Tool {
        let name: String
        /// The schema of the arguments; nil for a custom tool, which takes any text.
        let parameters: JSONValue?
        let isCustom: Bool
    }

    /// What kind of text the answer is.
    enum Format {
        case text
        case jsonObject
        case jsonSchema(JSONValue)
    }

    let model: String
    let stream: Bool
    let includeUsage: Bool
    let choices: Int64
    let promptTokens: Int64
    /// The most tokens of each choice.
    let limit: Int64?
    let stop: [String]
    /// The text that is echoed, and the images that came with it.
    let text: String
    let images: Int
    let format: Format
    /// The tools that the answer calls; empty for an answer in text.
    let calls: [Tool]

    init(_ body: [UInt8]) throws(APIError) {
        let scan = try ChatRequestScan(body)
        let root: JSONValue
        do {
            root = try JSONValue(request: body)
        } catch {
            throw APIError(status: 400, message: "the body is not valid JSON: \(error)", code: "invalid_json")
        }
        for field in ["logprobs", "top_logprobs", "functions", "function_call"] {
            guard let value = root[field], value != .null, value != .bool(false), value != .number("0") else { continue }
            throw APIError.invalid(field, "the echo provider does not serve \"\(field)\"")
        }
        if let part = scan.audioPart ?? scan.filePart {
            throw APIError.invalid(part, "the echo provider reads text and images only")
        }
        model = scan.model
        stream = scan.stream
        includeUsage = scan.includeUsage
        choices = scan.choices
        promptTokens = scan.estimatedPromptTokens
        limit = scan.outputLimit
        stop = try Self.stop(root["stop"])
        (text, images) = Self.echoed(root["messages"]?.elements ?? [])
        format = try Self.format(root["response_format"])
        calls = try Self.calls(root, text: text)
    }

    private static func stop(_ value: JSONValue?) throws(APIError) -> [String] {
        switch value {
        case nil, .null: return []
        case .string(let text): return text.isEmpty ? [] : [text]
        case .array(let elements):
            let texts = elements.compactMap(\.text)
            // As many as OpenAI takes; each is looked for in the whole text.
            guard texts.count <= 4 else { throw APIError.invalid("stop", "\"stop\" takes at most 4 sequences") }
            if texts.count == elements.count { return texts.filter { !$0.isEmpty } }
            fallthrough
        default: throw APIError.invalid("stop", "\"stop\" must be a string or an array of strings")
        }
    }

    /// The text of the last message if it is a tool's, else of the last message of a user, else of the last one.
    private static func echoed(_ messages: [JSONValue]) -> (String, Int) {
        let last = messages.last
        let isTool = last?["role"]?.text == "tool"
        let message = isTool ? last : messages.last { $0["role"]?.text == "user" } ?? last
        switch message?["content"] {
        case .string(let text): return (text, 0)
        case .array(let parts):
            let texts = parts.compactMap { $0["text"]?.text ?? $0["refusal"]?.text }
            let images = parts.filter { $0["image_url"].map { $0 != .null } ?? false }.count
            return (texts.joined(separator: "\n"), images)
        default: return ("", 0)
        }
    }

    private static func format(_ value: JSONValue?) throws(APIError) -> Format {
        switch value?["type"]?.text {
        case "json_object": return .jsonObject
        case "json_schema":
            guard let definition = value?["json_schema"], let schema = definition["schema"] else {
                throw APIError.invalid("response_format.json_schema.schema", "a json_schema format needs a schema")
            }
            return .jsonSchema(schema)
        default: return .text
        }
    }

    /// The tools to call: those that the request demands, or those that the text asks for with "call NAME".
    private static func calls(_ root: JSONValue, text: String) throws(APIError) -> [Tool] {
        var tools: [Tool] = []
        let named = root["tools"]?.elements ?? []
        // As many as OpenAI takes; each is looked for in the whole text.
        guard named.count <= 128 else { throw APIError.invalid("tools", "\"tools\" takes at most 128 tools") }
        for (index, value) in named.enumerated() {
            let isCustom = value["type"]?.text == "custom"
            let definition = value[isCustom ? "custom" : "function"]
            guard let name = definition?["name"]?.text, !name.isEmpty else {
                throw APIError.invalid(
                    "tools[\(index)].\(isCustom ? "custom" : "function").name", "a tool needs a name")
            }
            tools.append(Tool(name: name, parameters: definition?["parameters"], isCustom: isCustom))
        }
        let choice = root["tool_choice"] ?? .null
        if let mode = choice.text {
            guard ["none", "auto", "required"].contains(mode) else {
                throw APIError.invalid("tool_choice", "\"tool_choice\" must be none, auto, required or a tool")
            }
        }
        if choice.text == "none" || tools.isEmpty { return [] }
        if let name = choice["function"]?["name"]?.text ?? choice["custom"]?["name"]?.text {
            guard let tool = tools.first(where: { $0.name == name }) else {
                throw APIError.invalid("tool_choice", "\"tool_choice\" names no tool of the request")
            }
            return [tool]
        }
        let bytes = Array(text.utf8)
        let asked = tools.filter { asks(bytes, for: $0.name) }
        let wanted = asked.isEmpty && choice.text == "required" ? [tools[0]] : asked
        return root["parallel_tool_calls"]?.flag == false ? Array(wanted.prefix(1)) : wanted
    }

    /// Whether `text` says "call NAME" with nothing of a name right after it.
    private static func asks(_ text: [UInt8], for name: String) -> Bool {
        let words = Array("call \(name)".utf8)
        var start = 0
        while let found = text.firstPlace(of: words, from: start) {
            let end = found + words.count
            guard end < text.count else { return true }
            let next = text[end]
            let isName = next == UInt8(ascii: "_") || next == UInt8(ascii: "-") || next &- 0x30 < 10 || (next | 0x20) &- 0x61 < 26
            if !isName { return true }
            start = found + 1
        }
        return false
    }
}
