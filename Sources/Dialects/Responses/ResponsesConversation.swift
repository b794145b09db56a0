internal import JSON

/// The items of a Responses conversation as messages of a chat completion request.
struct ResponsesConversation {
    private(set) var messages: [JSONValue] = []
    /// See ``ResponsesTranslation``.
    private(set) var exclusive: APIError?
    /// How many items come from earlier answers: an error names an item as the client counts its own.
    private let first: Int
    /// What the assistant said and called since somebody else spoke; calls of one turn belong to one message.
    private var turn: [JSONValue.Member] = []
    private var calls: [JSONValue] = []
    /// What the model wants to see again of what it thought before it said that.
    private var thoughts: [JSONValue] = []
    private let model: String

    /// - Parameter model: Whose thoughts mean something to it.
    init(first: Int, model: String) {
        self.first = first
        self.model = model
    }

    mutating func instruct(_ text: String) {
        messages.append(.members([("role", .string("system")), ("content", .string(text))]))
    }

    /// What each kind of item says; the id and the status of one that was an answer's mean nothing to whoever reads it again.
    private static let members: [String: Set<String>] = [
        "message": ["role", "content", "phase"], "function_call": ["call_id", "name", "arguments"],
        "function_call_output": ["call_id", "output"], "custom_tool_call": ["call_id", "name", "input"],
        "custom_tool_call_output": ["call_id", "output"], "reasoning": ["summary", "content", "encrypted_content"],
    ]
    /// The same of the parts of a message.
    private static let partMembers: [String: Set<String>] = [
        "input_text": ["text"], "output_text": ["text", "annotations", "logprobs"], "refusal": ["refusal"],
        "input_image": ["image_url", "detail"], "input_file": ["file_data", "filename"],
    ]
    private static let common: Set<String> = ["type", "id", "status"]

    /// - Throws: 400 naming a member that nobody would be told of.
    private static func check(_ value: JSONValue, _ path: String, _ known: Set<String>?) throws(APIError) {
        guard let known else { return }
        for member in value.fields ?? [] where member.value != .null {
            guard known.contains(member.name) || common.contains(member.name) else {
                throw .invalid(
                    "\(path).\(member.name.prefix(64))", "\"\(path).\(member.name.prefix(64))\" is not known or not served")
            }
        }
    }

    mutating func read(_ items: [JSONValue]) throws(APIError) {
        for (index, item) in items.enumerated() {
            let path = "input[\(index - first)]"
            let type = item["type"]?.text ?? (item["role"] == nil ? nil : "message")
            try Self.check(item, path, type.flatMap { Self.members[$0] })
            switch type {
            case "message": try message(item, path)
            case "function_call": try call(item, path, type: "function", input: "arguments")
            case "custom_tool_call": try call(item, path, type: "custom", input: "input")
            case "function_call_output", "custom_tool_call_output":
                let isText = try result(item, path)
                if !isText { keep(index < first ? "previous_response_id" : "\(path).output") }
            case "reasoning":
                if calls.isEmpty { endTurn() }
                thoughts += ReasoningState.details(item["encrypted_content"]?.text, of: model) ?? []
            default:
                throw .invalid(
                    "\(path).type", "an item must be a message, a call of a function or custom tool, its output, or reasoning")
            }
        }
        endTurn()
    }

    /// Keeps the request from all who can't be told.
    private mutating func keep(_ param: String) {
        guard exclusive == nil else { return }
        exclusive = .invalid(
            param, "images that a tool answers with are for models alone whose provider has the Responses API")
    }

    private mutating func endTurn() {
        guard !turn.isEmpty || !calls.isEmpty else { return }
        var members: [JSONValue.Member] = [.init("role", .string("assistant"))]
        members += turn.isEmpty ? [.init("content", .null)] : turn
        if !thoughts.isEmpty { members.append(.init("reasoning_details", .array(thoughts))) }
        if !calls.isEmpty { members.append(.init("tool_calls", .array(calls))) }
        messages.append(.object(members))
        (turn, calls, thoughts) = ([], [], [])
    }

    /// Ends the turn because somebody else speaks: thoughts that led to nothing are over.
    private mutating func interrupt() {
        endTurn()
        thoughts = []
    }

    private mutating func message(_ item: JSONValue, _ path: String) throws(APIError) {
        guard let role = item["role"]?.text, ["user", "assistant", "system", "developer"].contains(role) else {
            throw .invalid("\(path).role", "\"\(path).role\" must be user, assistant, system or developer")
        }
        guard role == "assistant" else {
            interrupt()
            let content = try content(item["content"], path)
            // The same to OpenAI's models, and no other service knows developers.
            let speaker = role == "developer" ? "system" : role
            messages.append(.members([("role", .string(speaker)), ("content", content)]))
            return
        }
        // Two things that the assistant said are two messages, but what it said between its calls and their results belongs to
        // them: a result must follow the message with the call.
        if calls.isEmpty { endTurn() }
        var text = turn.first?.value.text ?? ""
        var refusal = ""
        switch item["content"] {
        case .string(let said)?: text += said
        case .array(let parts)?:
            for (index, part) in parts.enumerated() {
                let type = part["type"]?.text
                try Self.check(part, "\(path).content[\(index)]", type.flatMap { Self.partMembers[$0] })
                switch type {
                case "output_text" where part["text"]?.text != nil, "input_text" where part["text"]?.text != nil:
                    text += part["text"]?.text ?? ""
                case "refusal" where part["refusal"]?.text != nil: refusal += part["refusal"]?.text ?? ""
                default:
                    throw .invalid("\(path).content[\(index)].type", "what an assistant said is output_text or refusal")
                }
            }
        default: throw .invalid("\(path).content", "\"\(path).content\" must be a string or an array of parts")
        }
        turn = [.init("content", refusal.isEmpty || !text.isEmpty ? .string(text) : .null)]
        if !refusal.isEmpty { turn.append(.init("refusal", .string(refusal))) }
    }

    private func content(_ value: JSONValue?, _ path: String) throws(APIError) -> JSONValue {
        if let text = value?.text { return .string(text) }
        return try parts(value, "\(path).content")
    }

    private func parts(_ value: JSONValue?, _ path: String) throws(APIError) -> JSONValue {
        guard let parts = value?.elements else {
            throw .invalid(path, "\"\(path)\" must be a string or an array of parts")
        }
        var content: [JSONValue] = []
        for (index, part) in parts.enumerated() { content.append(try Self.part(part, "\(path)[\(index)]")) }
        return .array(content)
    }

    private static func part(_ part: JSONValue, _ path: String) throws(APIError) -> JSONValue {
        let type = part["type"]?.text
        // A file by its id or its address is told of below, by the name of what is missing.
        try check(part, path, type.flatMap { partMembers[$0] }?.union(["file_id", "file_url"]))
        switch type {
        case "input_text", "output_text":
            guard let text = part["text"], text.text != nil else {
                throw .invalid("\(path).text", "\"\(path).text\" is required")
            }
            return .members([("type", .string("text")), ("text", text)])
        case "input_image":
            guard let url = part["image_url"], url.text != nil, part["file_id"] ?? .null == .null else {
                throw .invalid("\(path).image_url", "an image must be given by its URL or its data")
            }
            let image: [(String, JSONValue?)] = [("url", url), ("detail", part["detail"].flatMap { $0 == .null ? nil : $0 })]
            return .members([("type", .string("image_url")), ("image_url", .members(image))])
        case "input_file":
            let elsewhere = [part["file_id"], part["file_url"]].compactMap(\.self).contains { $0 != .null }
            guard let data = part["file_data"], data.text != nil, !elsewhere else {
                throw .invalid("\(path).file_data", "a file must be given by its data")
            }
            let file: [(String, JSONValue?)] = [("file_data", data), ("filename", part["filename"])]
            return .members([("type", .string("file")), ("file", .members(file))])
        default: throw .invalid("\(path).type", "a part must be input_text, input_image or input_file")
        }
    }

    /// - Parameter input: The member that says with what it is called.
    private mutating func call(_ item: JSONValue, _ path: String, type: String, input: String) throws(APIError) {
        for name in ["call_id", "name", input] where item[name]?.text == nil {
            throw .invalid("\(path).\(name)", "\"\(path).\(name)\" must be a string")
        }
        calls.append(
            .members([
                ("id", item["call_id"]), ("type", .string(type)),
                (type, .members([("name", item["name"]), (input, item[input])])),
            ]))
    }

    /// - Returns: Whether it is text alone.
    private mutating func result(_ item: JSONValue, _ path: String) throws(APIError) -> Bool {
        interrupt()
        guard item["call_id"]?.text != nil else {
            throw .invalid("\(path).call_id", "\"\(path).call_id\" must be a string")
        }
        let output = item["output"]
        let texts = output?.elements?.map { $0["type"] == .string("input_text") ? $0["text"]?.text : nil }
        let text = output?.text ?? (texts?.contains(nil) == false ? texts?.compactMap(\.self).joined() : nil)
        let content: JSONValue
        if let text { content = .string(text) } else { content = try parts(output, "\(path).output") }
        messages.append(.members([("role", .string("tool")), ("tool_call_id", item["call_id"]), ("content", content)]))
        return text != nil
    }
}
