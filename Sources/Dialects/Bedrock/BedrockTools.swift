internal import JSON

/// `tools`, `tool_choice` and `parallel_tool_calls` of a chat completion request as Converse wants them.
struct BedrockTools {
    /// nil without tools.
    private(set) var configuration: JSONValue?
    /// Whether a tool must be called.
    private(set) var isForced = false

    /// - Parameter hasCalls: whether a tool was called in the conversation; Bedrock wants to know the tools then.
    init(_ fields: inout ChatFields, hasCalls: Bool, _ model: BedrockModel) throws(APIError) {
        let tools = try fields.take("tools")?.elements ?? []
        let choice = try fields.take("tool_choice")
        let isParallel = try fields.take("parallel_tool_calls") != .bool(false)
        guard !tools.isEmpty else {
            guard choice == nil || choice == .string("none") || choice == .string("auto") else {
                throw .invalid("tool_choice", "\"tool_choice\" names a tool, and there are no \"tools\"")
            }
            guard !hasCalls else {
                throw .invalid("tools", "AWS Bedrock needs the \"tools\" of a conversation in which tools were called")
            }
            return
        }
        var definitions: [JSONValue] = []
        for (index, tool) in tools.enumerated() {
            let definition = try Self.definition(tool, "tools[\(index)]", model)
            definitions += BedrockContent(model).marked([definition], tool["cache_control"] ?? tool["function"]?["cache_control"])
        }
        guard choice != .string("none") else {
            // There is no such choice: no tool is called only where none is known.
            guard !hasCalls else {
                throw .invalid(
                    "tool_choice", "AWS Bedrock can't be kept from calling tools in a conversation in which tools were called")
            }
            return
        }
        let named = try Self.choice(choice)
        guard isParallel || ChatTools.isOneAtMost(of: tools, choice) else {
            throw .invalid("parallel_tool_calls", "AWS Bedrock can't be told to call one tool alone")
        }
        isForced = named != nil
        configuration = .members([("tools", .array(definitions)), ("toolChoice", named)])
    }

    private static func definition(_ tool: JSONValue, _ path: String, _ model: BedrockModel) throws(APIError) -> JSONValue {
        guard tool["type"] == .string("function"), let function = tool["function"], function.fields != nil else {
            throw .invalid("\(path).type", "AWS Bedrock takes tools of the type function alone")
        }
        guard let name = function["name"]?.text else {
            throw .invalid("\(path).function.name", "\"\(path).function.name\" is required")
        }
        let description = function["description"].flatMap { $0 == .null || $0 == .string("") ? nil : $0 }
        let parameters = function["parameters"].flatMap { $0 == .null ? nil : $0 }
        let schema = parameters ?? .members([("type", .string("object")), ("properties", .object([]))])
        let isStrict = model.keepsSchemas && function["strict"] == .bool(true)
        let specification: [(String, JSONValue?)] = [
            ("name", .string(name)), ("description", description), ("inputSchema", .members([("json", schema)])),
            ("strict", isStrict ? .bool(true) : nil),
        ]
        return .members([("toolSpec", .members(specification))])
    }

    /// The choice of a tool that must be called; nil where the model is free, because not every model takes a choice.
    private static func choice(_ choice: JSONValue?) throws(APIError) -> JSONValue? {
        switch choice {
        case nil, .string("auto")?: return nil
        case .string("required")?: return .members([("any", .object([]))])
        case let choice?:
            guard choice["type"] == .string("function"), let name = choice["function"]?["name"]?.text else {
                throw .invalid("tool_choice", "\"tool_choice\" must be auto, none, required or a function for AWS Bedrock")
            }
            return .members([("tool", .members([("name", .string(name))]))])
        }
    }
}
