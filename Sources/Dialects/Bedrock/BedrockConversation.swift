internal import JSON

/// The messages of a chat completion request as Converse wants them: the system's text apart, and turns of user and assistant
/// that alternate.
struct BedrockConversation {
    /// Blocks of text.
    private(set) var system: [JSONValue] = []
    private(set) var messages: [JSONValue] = []
    /// Whether a tool was called or answered.
    private(set) var hasCalls = false

    private var content: BedrockContent
    /// The turn that is not over yet.
    private var role = ""
    private var turn: [JSONValue] = []

    /// - Parameter mark: the `cache_control` of the whole request, which is for all of it so far.
    init(_ messages: [JSONValue], mark: JSONValue?, _ model: BedrockModel) throws(APIError) {
        content = BedrockContent(model)
        for (index, message) in messages.enumerated() { try add(message, "messages[\(index)]") }
        turn = content.marked(turn, mark)
        flush()
        guard !self.messages.isEmpty else {
            throw .invalid("messages", "AWS Bedrock needs a message beside those of the system")
        }
    }

    private mutating func flush() {
        if !turn.isEmpty { messages.append(.members([("role", .string(role)), ("content", .array(turn))])) }
        turn = []
    }

    private mutating func say(_ blocks: [JSONValue], as role: String) {
        if self.role != role { flush() }
        self.role = role
        turn += blocks
    }

    private static let fields: [String: Set<String>] = [
        "system": [], "developer": [], "user": [], "tool": ["tool_call_id"],
        "assistant": ["tool_calls", "refusal", "reasoning", "reasoning_content", "reasoning_details", "annotations"],
    ]

    private mutating func add(_ message: JSONValue, _ path: String) throws(APIError) {
        let role = message["role"]?.text ?? ""
        guard let known = Self.fields[role] else {
            throw .invalid("\(path).role", "AWS Bedrock knows no messages of the role \"\(role.prefix(64))\"")
        }
        for field in message.fields ?? [] where field.value != .null && !known.contains(field.name) {
            guard ["role", "content", "cache_control"].contains(field.name) else {
                throw .invalid("\(path).\(field.name.prefix(64))", "this field can't be expressed to AWS Bedrock")
            }
        }
        let mark = message["cache_control"]
        var blocks = try content.blocks(message["content"] ?? .null, path)
        switch role {
        case "system", "developer":
            for (index, block) in blocks.filter({ $0["cachePoint"] == nil }).enumerated() where block["text"] == nil {
                throw .invalid("\(path).content[\(index)]", "the system says nothing but text to AWS Bedrock")
            }
            system += content.marked(blocks, mark)
        case "tool": try result(message, blocks, path)
        case "assistant":
            blocks = try content.thoughts(message["reasoning_details"], path) + blocks
            if let refusal = message["refusal"]?.text, !refusal.isEmpty { blocks.append(BedrockContent.text(refusal)) }
            let calls = try content.calls(message["tool_calls"], path)
            hasCalls = hasCalls || !calls.isEmpty
            say(content.marked(blocks + calls, mark), as: role)
        default: say(content.marked(blocks, mark), as: role)
        }
    }

    private mutating func result(_ message: JSONValue, _ blocks: [JSONValue], _ path: String) throws(APIError) {
        guard let id = message["tool_call_id"]?.text else {
            throw .invalid("\(path).tool_call_id", "\"\(path).tool_call_id\" is required")
        }
        hasCalls = true
        let result: [(String, JSONValue?)] = [
            ("toolUseId", .string(id)), ("content", .array(blocks.filter { $0["cachePoint"] == nil })),
        ]
        // Inside of a result nothing can be marked: a mark there is one of the whole.
        let marked = content.marked([.members([("toolResult", .members(result))])], message["cache_control"])
        say(marked + (marked.count == 1 ? blocks.filter { $0["cachePoint"] != nil }.suffix(1) : []), as: "user")
    }
}
