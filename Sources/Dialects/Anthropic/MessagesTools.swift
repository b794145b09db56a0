internal import JSON

/// `tools`, `tool_choice` and `parallel_tool_calls` of a chat completion request as Anthropic wants them.
struct MessagesTools {
    /// nil without tools.
    private(set) var definitions: JSONValue?
    private(set) var choice: JSONValue?
    /// Whether a tool must be called.
    private(set) var isForced = false

    init(_ fields: inout ChatFields) throws(APIError) {
        let tools = try fields.take("tools")?.elements ?? []
        let choice = try fields.take("tool_choice")
        let isParallel = try fields.take("parallel_tool_calls") != .bool(false)
        guard !tools.isEmpty else {
            guard choice == nil || choice == .string("none") || choice == .string("auto") else {
                throw .invalid("tool_choice", "\"tool_choice\" names a tool, and there are no \"tools\"")
            }
            return
        }
        var definitions: [JSONValue] = []
        for (index, tool) in tools.enumerated() { definitions.append(try Self.definition(tool, "tools[\(index)]")) }
        self.definitions = .array(definitions)
        let named = try Self.choice(choice)
        isForced = named == .string("any") || named?.fields != nil
        var members: [(String, JSONValue?)]
        switch named {
        case nil where isParallel: return
        case nil: members = [("type", .string("auto"))]
        case .object(let tool)?: members = [("type", .string("tool")), ("name", tool.first?.value)]
        case let type?: members = [("type", type)]
        }
        if !isParallel, named != .string("none") { members.append(("disable_parallel_tool_use", .bool(true))) }
        self.choice = .members(members)
    }

    private static func definition(_ tool: JSONValue, _ path: String) throws(APIError) -> JSONValue {
        guard tool["type"] == .string("function"), let function = tool["function"], function.fields != nil else {
            throw .invalid("\(path).type", "Anthropic takes tools of the type function alone")
        }
        guard let name = function["name"]?.text else {
            throw .invalid("\(path).function.name", "\"\(path).function.name\" is required")
        }
        let parameters = function["parameters"].flatMap { $0 == .null ? nil : $0 }
        return .members([
            ("name", .string(name)), ("description", function["description"].flatMap { $0 == .null ? nil : $0 }),
            ("input_schema", parameters ?? .members([("type", .string("object"))])),
            ("strict", function["strict"] == .bool(true) ? .bool(true) : nil),
            ("cache_control", tool["cache_control"] ?? function["cache_control"]),
        ])
    }

    /// The type of the choice, or an object with the name of the tool.
    private static func choice(_ choice: JSONValue?) throws(APIError) -> JSONValue? {
        switch choice {
        case nil: return nil
        case .string("auto")?, .string("none")?: return choice
        case .string("required")?: return .string("any")
        case let choice?:
            guard choice["type"] == .string("function"), let name = choice["function"]?["name"]?.text else {
                throw .invalid("tool_choice", "\"tool_choice\" must be auto, none, required or a function for Anthropic")
            }
            return .members([("name", .string(name))])
        }
    }
}
