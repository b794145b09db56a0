internal import JSON

/// `tools`, `tool_choice` and `parallel_tool_calls` of a Responses request.
struct ResponsesTools {
    /// As the client gave them.
    private(set) var definitions: [JSONValue] = []
    private(set) var choice = JSONValue.string("auto")
    private(set) var areParallel = true
    /// As a chat completion request has them.
    private(set) var chat: [(String, JSONValue?)] = []

    private static let known: Set<String> = ["type", "name", "description", "parameters", "strict"]

    init(_ fields: inout RequestFields) throws(APIError) {
        let tools = try fields.take("tools")
        guard let given = tools?.elements ?? (tools == nil ? [] : nil) else {
            throw .invalid("tools", "\"tools\" must be an array")
        }
        definitions = given
        var functions: [JSONValue] = []
        for (index, tool) in definitions.enumerated() {
            let path = "tools[\(index)]"
            guard tool["type"] == .string("function") else {
                throw .invalid("\(path).type", "a tool must be a function of the client: what others cost has no bound")
            }
            for field in tool.fields ?? [] where !Self.known.contains(field.name) {
                throw .invalid("\(path).\(field.name.prefix(64))", "\"\(field.name.prefix(64))\" is not known")
            }
            guard tool["name"]?.text != nil else { throw .invalid("\(path).name", "\"\(path).name\" is required") }
            let function = (tool.fields ?? []).filter { $0.name != "type" && $0.value != .null }
            functions.append(.members([("type", .string("function")), ("function", .object(function))]))
        }
        let asked = try fields.take("tool_choice")
        let parallel = try fields.flag("parallel_tool_calls")
        areParallel = parallel ?? true
        choice = asked ?? choice
        guard !functions.isEmpty else { return }
        chat.append(("tools", .array(functions)))
        if let parallel { chat.append(("parallel_tool_calls", .bool(parallel))) }
        switch asked {
        case nil: break
        case .string("auto"), .string("none"), .string("required"): chat.append(("tool_choice", asked))
        default:
            guard let choice = asked.flatMap(Self.choice) else {
                throw .invalid(
                    "tool_choice", "\"tool_choice\" must be auto, none, required, a function or allowed_tools of functions")
            }
            chat.append(("tool_choice", choice))
        }
    }

    /// The function that is to be called, or those that may be; nil for anything else.
    private static func choice(_ choice: JSONValue) -> JSONValue? {
        guard choice["type"] == .string("allowed_tools") else { return named(choice) }
        let functions = (choice["tools"]?.elements ?? []).map(named)
        guard let mode = choice["mode"], mode == .string("auto") || mode == .string("required"), !functions.isEmpty,
            !functions.contains(nil)
        else { return nil }
        return .members([
            ("type", .string("allowed_tools")),
            ("allowed_tools", .members([("mode", mode), ("tools", .array(functions.compactMap(\.self)))])),
        ])
    }

    private static func named(_ tool: JSONValue) -> JSONValue? {
        guard tool["type"] == .string("function"), let name = tool["name"], name.text != nil else { return nil }
        return .members([("type", .string("function")), ("function", .members([("name", name)]))])
    }
}
