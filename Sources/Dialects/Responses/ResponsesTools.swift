internal import JSON

/// `tools`, `tool_choice` and `parallel_tool_calls` of a Responses request.
struct ResponsesTools {
    /// As the client gave them.
    private(set) var definitions: [JSONValue] = []
    private(set) var choice = JSONValue.string("auto")
    private(set) var areParallel = true
    /// As a chat completion request has them.
    private(set) var chat: [(String, JSONValue?)] = []

    /// The members of each type of tool that a client runs itself.
    private static let known: [String: Set<String>] = [
        "function": ["type", "name", "description", "parameters", "strict"],
        "custom": ["type", "name", "description", "format"],
    ]

    init(_ fields: inout RequestFields) throws(APIError) {
        let tools = try fields.take("tools")
        guard let given = tools?.elements ?? (tools == nil ? [] : nil) else {
            throw .invalid("tools", "\"tools\" must be an array")
        }
        definitions = given
        var own: [JSONValue] = []
        for (index, tool) in definitions.enumerated() {
            let path = "tools[\(index)]"
            guard let type = tool["type"]?.text, let known = Self.known[type] else {
                throw .invalid(
                    "\(path).type", "a tool must be a function of the client, or custom: what others cost has no bound")
            }
            for field in tool.fields ?? [] where !known.contains(field.name) {
                throw .invalid("\(path).\(field.name.prefix(64))", "\"\(field.name.prefix(64))\" is not known")
            }
            guard tool["name"]?.text != nil else { throw .invalid("\(path).name", "\"\(path).name\" is required") }
            guard type == "function" else {
                own.append(try CustomTool(responses: tool, path).chat)
                continue
            }
            let members = (tool.fields ?? []).filter { $0.name != "type" && $0.value != .null }
            own.append(.members([("type", .string(type)), (type, .object(members))]))
        }
        let asked = try fields.take("tool_choice")
        let parallel = try fields.flag("parallel_tool_calls")
        areParallel = parallel ?? true
        choice = asked ?? choice
        guard !own.isEmpty else { return }
        chat.append(("tools", .array(own)))
        if let parallel { chat.append(("parallel_tool_calls", .bool(parallel))) }
        switch asked {
        case nil: break
        case .string("auto"), .string("none"), .string("required"): chat.append(("tool_choice", asked))
        default:
            guard let choice = asked.flatMap(Self.choice) else {
                throw .invalid(
                    "tool_choice",
                    "\"tool_choice\" must be auto, none, required, a tool of the client or allowed_tools of such")
            }
            chat.append(("tool_choice", choice))
        }
    }

    /// The tool that is to be called, or those that may be; nil for anything else.
    private static func choice(_ choice: JSONValue) -> JSONValue? {
        guard choice["type"] == .string("allowed_tools") else { return named(choice) }
        let tools = (choice["tools"]?.elements ?? []).map(named)
        guard let mode = choice["mode"], mode == .string("auto") || mode == .string("required"), !tools.isEmpty,
            !tools.contains(nil)
        else { return nil }
        return .members([
            ("type", .string("allowed_tools")),
            ("allowed_tools", .members([("mode", mode), ("tools", .array(tools.compactMap(\.self)))])),
        ])
    }

    private static func named(_ tool: JSONValue) -> JSONValue? {
        guard let type = tool["type"]?.text, known[type] != nil, let name = tool["name"], name.text != nil else { return nil }
        return .members([("type", .string(type)), (type, .members([("name", name)]))])
    }
}
