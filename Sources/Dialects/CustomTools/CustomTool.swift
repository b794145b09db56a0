internal import JSON

/// A tool that a model calls with a text instead of arguments, as chat completions and the Responses API have it
/// (https://platform.openai.com/docs/guides/function-calling#custom-tools).
struct CustomTool {
    /// What the text must match.
    struct Grammar {
        let syntax: JSONValue
        let definition: JSONValue
    }

    let name: String
    let description: JSONValue?
    /// nil where any text will do.
    let grammar: Grammar?

    private static let known: Set<String> = ["name", "description", "format"]
    private static let syntaxes: Set<JSONValue> = [.string("lark"), .string("regex")]

    /// A tool of a chat completion request.
    ///
    /// - Throws: 400 naming what is not known or missing.
    init(chat tool: JSONValue, _ path: String) throws(APIError) {
        let custom = tool["custom"] ?? .null
        let path = "\(path).custom"
        for field in custom.fields ?? [] where !Self.known.contains(field.name) {
            throw .invalid("\(path).\(field.name.prefix(64))", "\"\(field.name.prefix(64))\" is not known")
        }
        try self.init(custom, path) { $0["grammar"] }
    }

    /// A tool of a request to the Responses API, whose members are known.
    ///
    /// - Throws: 400 naming what is missing.
    init(responses tool: JSONValue, _ path: String) throws(APIError) { try self.init(tool, path) { $0 } }

    /// - Parameter grammar: Where a format has it.
    private init(_ tool: JSONValue, _ path: String, grammar: (JSONValue) -> JSONValue?) throws(APIError) {
        guard let name = tool["name"]?.text else { throw .invalid("\(path).name", "\"\(path).name\" is required") }
        self.name = name
        description = tool["description"].flatMap { $0 == .null ? nil : $0 }
        let format = tool["format"] ?? .null
        guard format != .null, format["type"] != .string("text") else {
            self.grammar = nil
            return
        }
        guard format["type"] == .string("grammar") else {
            throw .invalid("\(path).format.type", "\"\(path).format.type\" must be text or grammar")
        }
        let said = grammar(format)
        guard let syntax = said?["syntax"], Self.syntaxes.contains(syntax), let definition = said?["definition"],
            definition.text != nil
        else {
            throw .invalid("\(path).format", "a grammar needs a \"syntax\", lark or regex, and a \"definition\"")
        }
        self.grammar = Grammar(syntax: syntax, definition: definition)
    }

    /// As a chat completion request has it.
    var chat: JSONValue {
        let format = grammar.map { grammar in
            JSONValue.members([
                ("type", .string("grammar")),
                ("grammar", .members([("syntax", grammar.syntax), ("definition", grammar.definition)])),
            ])
        }
        return .members([("type", .string("custom")), ("custom", .members(members(format)))])
    }

    /// As a request to the Responses API has it.
    var responses: JSONValue {
        let format = grammar.map { grammar in
            JSONValue.members([
                ("type", .string("grammar")), ("syntax", grammar.syntax), ("definition", grammar.definition),
            ])
        }
        return .members([("type", .string("custom"))] + members(format))
    }

    /// The function that stands for it where only functions are known, which is called with the text alone. Nobody there keeps to a
    /// grammar, but the model is told of it: with the argument, because a function's own description may have 1,024 characters
    /// (https://learn.microsoft.com/azure/ai-foundry/openai/how-to/function-calling).
    var function: JSONValue {
        let argument = JSONValue.members([("type", .string("string")), ("description", .string(inputDescription))])
        let parameters: [(String, JSONValue?)] = [
            ("type", .string("object")), ("properties", .members([(CustomToolInput.name, argument)])),
            ("required", .array([.string(CustomToolInput.name)])), ("additionalProperties", .bool(false)),
        ]
        return .members([("name", .string(name)), ("description", description), ("parameters", .members(parameters))])
    }

    private var inputDescription: String {
        guard let grammar else { return "All that the tool is called with, as plain text." }
        let kind = grammar.syntax == .string("regex") ? "regular expression" : "Lark grammar"
        return "All that the tool is called with, as plain text that this \(kind) matches:\n\(grammar.definition.text ?? "")"
    }

    private func members(_ format: JSONValue?) -> [(String, JSONValue?)] {
        [("name", .string(name)), ("description", description), ("format", format)]
    }
}

extension CustomTool {
    /// A call of a custom tool, as a message or a delta of a chat completion has it.
    static func call(index: Int64?, id: String, name: String, input: String) -> JSONValue {
        .members([
            ("index", index.map { .integer($0) }), ("id", .string(id)), ("type", .string("custom")),
            ("custom", .members([("name", .string(name)), ("input", .string(input))])),
        ])
    }

    /// More of what it is called with.
    static func more(index: Int64, _ fragment: String) -> JSONValue {
        .members([("index", .integer(index)), ("custom", .members([("input", .string(fragment))]))])
    }
}
