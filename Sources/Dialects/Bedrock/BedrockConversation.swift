internal import JSON

/// The messages of a chat completion request as Converse wants them: the system's text apart, and turns of user and assistant
/// that alternate.
struct BedrockConversation {
    /// Blocks of text.
    private(set) var system: [JSONValue] = []
    private(set) var messages: [JSONValue] = []
    /// Whether a tool was called or answered.
    private(set) var hasCalls = false
    private(set) var lost = LostThoughts()

    private var content: BedrockContent
    /// What tools said that failed, by the places of the messages.
    private let failures: [Int: JSONValue]
    /// Images that are not fetched yet.
    var remoteImages: [RemoteImage] { content.remoteImages }
    /// The turn that is not over yet.
    private var role = ""
    private var turn: [JSONValue] = []

    /// - Parameters:
    ///   - mark: the `cache_control` of the whole request, which is for all of it so far.
    ///   - images: data URLs of images that were fetched, by their addresses.
    init(
        _ messages: [JSONValue], mark: JSONValue?, _ model: BedrockModel, asides: MessagesAsides, images: [String: String]
    ) throws(APIError) {
        content = BedrockContent(model, images: images)
        failures = model.knowsFailures ? asides.failures : [:]
        for (index, message) in messages.enumerated() { try add(message, at: index) }
        turn = content.marked(turn, mark)
        flush()
        guard !self.messages.isEmpty else {
            throw .invalid("messages", "AWS Bedrock needs a message that says something beside those of the system")
        }
    }

    private mutating func flush() {
        if !turn.isEmpty { messages.append(.members([("role", .string(role)), ("content", .array(turn))])) }
        turn = []
    }

    /// Adds to the turn of `role`; who says nothing does not end the other's.
    private mutating func say(_ blocks: [JSONValue], as role: String) {
        guard !blocks.isEmpty else { return }
        if self.role != role { flush() }
        self.role = role
        turn += blocks
    }

    private mutating func add(_ message: JSONValue, at index: Int) throws(APIError) {
        let path = "messages[\(index)]"
        let role = try ChatMessage.role(of: message, path, provider: "AWS Bedrock")
        let mark = message["cache_control"]
        let failure = failures[index]
        var blocks = try content.blocks(failure ?? message["content"] ?? .null, path)
        let thoughts = role == "assistant" ? try content.thoughts(message["reasoning_details"], path) : []
        lost.note(role: role, thinks: !thoughts.isEmpty)
        switch role {
        case "system", "developer":
            for (index, block) in blocks.filter({ $0["cachePoint"] == nil }).enumerated() where block["text"] == nil {
                throw .invalid("\(path).content[\(index)]", "the system says nothing but text to AWS Bedrock")
            }
            system += content.marked(blocks, mark)
        case "tool": try result(message, blocks, hasFailed: failure != nil, path)
        case "assistant":
            blocks = thoughts + blocks
            if let refusal = message["refusal"]?.text, !refusal.isBlank { blocks.append(BedrockContent.text(refusal)) }
            let calls = try content.calls(message["tool_calls"], path)
            hasCalls = hasCalls || !calls.isEmpty
            say(content.marked(blocks + calls, mark), as: role)
        default: say(content.marked(blocks, mark), as: role)
        }
    }

    private mutating func result(
        _ message: JSONValue, _ blocks: [JSONValue], hasFailed: Bool, _ path: String
    ) throws(APIError) {
        guard let id = message["tool_call_id"]?.text else {
            throw .invalid("\(path).tool_call_id", "\"\(path).tool_call_id\" is required")
        }
        hasCalls = true
        let result: [(String, JSONValue?)] = [
            ("toolUseId", .string(id.asCallID)), ("content", .array(blocks.filter { $0["cachePoint"] == nil })),
            ("status", hasFailed ? .string("error") : nil),
        ]
        // Inside of a result nothing can be marked: a mark there is one of the whole.
        let marked = content.marked([.members([("toolResult", .members(result))])], message["cache_control"])
        say(marked + (marked.count == 1 ? blocks.filter { $0["cachePoint"] != nil }.suffix(1) : []), as: "user")
    }
}
