internal import JSON

/// The messages of a Messages request as Anthropic itself takes them, where the client hands back what another model answered:
/// without thoughts that Claude did not have and without blank texts, and with ids of calls that are some there.
struct MendedMessages {
    private(set) var messages: [JSONValue] = []
    /// Whether Claude may not be asked to think with a budget, because a thought went that Anthropic would want to see.
    var endsThinking: Bool { isThoughtless && lost.areMissed }

    private var isThoughtless = false
    private var lost = LostThoughts()

    init(_ original: JSONValue) {
        for message in original.elements ?? [] { add(message) }
    }

    /// Whether a block of thinking is none of Claude's, which are signed: Anthropic refuses it ("Invalid `signature` in `thinking`
    /// block").
    static func isForeign(thought block: JSONValue) -> Bool {
        guard block["type"] == .string("thinking") else { return false }
        return block["signature"]?.text?.isEmpty != false || GoogleSignature.of(thought: block) != nil
    }

    /// Whether a block of an answer is a text that Anthropic refuses.
    static func isForeign(text block: JSONValue) -> Bool {
        block["type"] == .string("text") && block["text"]?.text?.isBlank == true
    }

    private mutating func add(_ message: JSONValue) {
        guard let blocks = message["content"]?.elements else {
            note(message, [])
            messages.append(message)
            return
        }
        let isAnswer = message["role"] == .string("assistant")
        let kept = isAnswer ? blocks.filter { !Self.isForeign(thought: $0) && !Self.isForeign(text: $0) } : blocks
        if isAnswer, blocks.contains(where: Self.isForeign(thought:)) { isThoughtless = true }
        note(message, kept)
        // A turn of nothing but such blocks says nothing there.
        guard !kept.isEmpty || blocks.isEmpty else { return }
        messages.append(message.replacing("content", with: .array(kept.map { Self.taken($0) })))
    }

    private mutating func note(_ message: JSONValue, _ blocks: [JSONValue]) {
        let types = blocks.compactMap { $0["type"]?.text }
        let role = message["role"]?.text ?? ""
        guard role == "user" else {
            lost.note(role: role, thinks: types.contains("thinking") || types.contains("redacted_thinking"))
            return
        }
        if types.contains("tool_result") { lost.note(role: "tool", thinks: false) }
        if types.isEmpty || types.contains(where: { $0 != "tool_result" }) { lost.note(role: role, thinks: false) }
    }

    private static func taken(_ block: JSONValue) -> JSONValue {
        switch block["type"]?.text {
        case "tool_use": block.naming("id")
        case "tool_result": block.naming("tool_use_id")
        default: block
        }
    }
}

extension JSONValue {
    fileprivate func replacing(_ name: String, with value: JSONValue) -> JSONValue {
        .object((fields ?? []).map { $0.name == name ? Member(name, value) : $0 })
    }

    /// The block with an id of a call that Anthropic takes.
    fileprivate func naming(_ name: String) -> JSONValue {
        guard let id = self[name]?.text, !id.isCallID else { return self }
        return replacing(name, with: .string(id.asCallID))
    }
}
