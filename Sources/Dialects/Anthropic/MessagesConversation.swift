internal import JSON

/// The messages of a chat completion request as Anthropic wants them: the system's text apart, and turns of user and assistant.
struct MessagesConversation {
    /// Blocks of text.
    private(set) var system: [JSONValue] = []
    private(set) var turns: [JSONValue] = []
    private(set) var lost = LostThoughts()
    /// The results of the tools that were called last; they belong into one turn.
    private var results: [JSONValue] = []

    init(_ messages: [JSONValue]) throws(APIError) {
        for (index, message) in messages.enumerated() { try add(message, "messages[\(index)]") }
        flush()
        guard !turns.isEmpty else {
            throw .invalid("messages", "Anthropic needs a message that says something beside those of the system")
        }
    }

    private mutating func flush() {
        if !results.isEmpty { turns.append(Self.turn("user", .array(results))) }
        results = []
    }

    /// Adds a turn; one that says nothing is none.
    private mutating func say(_ blocks: [JSONValue], _ mark: JSONValue?, as role: String) {
        if !blocks.isEmpty { turns.append(Self.turn(role, Self.short(Self.marked(blocks, mark)))) }
    }

    private static func turn(_ role: String, _ content: JSONValue) -> JSONValue {
        .members([("role", .string(role)), ("content", content)])
    }

    private mutating func add(_ message: JSONValue, _ path: String) throws(APIError) {
        let role = try ChatMessage.role(of: message, path, provider: "Anthropic")
        var blocks = try MessagesContent(path).blocks(message["content"] ?? .null)
        let thoughts = role == "assistant" ? try MessagesContent(path).thoughts(message["reasoning_details"]) : []
        lost.note(role: role, thinks: !thoughts.isEmpty)
        switch role {
        case "system", "developer":
            for (index, block) in blocks.enumerated() where block["type"] != .string("text") {
                throw .invalid("\(path).content[\(index)]", "the system says nothing but text to Anthropic")
            }
            system += Self.marked(blocks, message["cache_control"])
        case "tool": try result(message, Self.marked(blocks, nil), path)
        case "assistant":
            flush()
            blocks = thoughts + blocks
            if let refusal = message["refusal"]?.text, !refusal.isBlank { blocks.append(MessagesContent.text(refusal)) }
            blocks += try MessagesContent(path).calls(message["tool_calls"])
            say(blocks, message["cache_control"], as: role)
        default:
            flush()
            say(blocks, message["cache_control"], as: role)
        }
    }

    private mutating func result(_ message: JSONValue, _ blocks: [JSONValue], _ path: String) throws(APIError) {
        guard let id = message["tool_call_id"]?.text else {
            throw .invalid("\(path).tool_call_id", "\"\(path).tool_call_id\" is required")
        }
        results.append(
            .members([
                ("type", .string("tool_result")), ("tool_use_id", .string(id.asCallID)),
                ("content", blocks.isEmpty ? nil : Self.short(blocks)), ("cache_control", message["cache_control"]),
            ]))
    }

    /// A mark of the whole message is one of its last block.
    private static func marked(_ blocks: [JSONValue], _ mark: JSONValue?) -> [JSONValue] {
        guard let mark, mark != .null, let last = blocks.last?.fields, blocks.last?["cache_control"] == nil else { return blocks }
        return blocks.dropLast() + [.object(last + [.init("cache_control", mark)])]
    }

    /// One plain text is said as a string.
    private static func short(_ blocks: [JSONValue]) -> JSONValue {
        guard blocks.count == 1, let fields = blocks[0].fields, fields.count == 2, let text = blocks[0]["text"] else {
            return .array(blocks)
        }
        return text
    }
}
