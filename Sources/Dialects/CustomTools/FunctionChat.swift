public import Catalogue
internal import JSON

extension Dialect {
    /// Whether custom tools go to the provider as they are; where not, a ``FunctionChat`` does.
    public func takesCustomTools(_ mapping: Mapping) -> Bool {
        switch self {
        case .openai, .azure: mapping.api == .responses || mapping.takesCustomTools
        case .echo: true
        case .anthropic, .vertexAnthropic, .gemini, .vertex, .bedrock: false
        }
    }
}

/// A chat completion request for whoever knows functions alone: one that is called with a text stands for each custom tool, and their
/// calls in earlier messages are calls of it.
public struct FunctionChat: Sendable {
    /// The request.
    public let body: [UInt8]
    /// What is read of it.
    public let scan: ChatRequestScan
    /// The functions that stand for custom tools.
    private let names: Set<String>

    /// Rewrites a chat completion request.
    ///
    /// - Throws: 400 naming what is wrong with a custom tool.
    public init(_ chat: [UInt8]) throws(APIError) {
        let request: JSONValue
        do { request = try JSONValue(request: chat) } catch { throw .invalid(nil, "the body is not valid JSON: \(error)") }
        var names: Set<String> = []
        var tools: [JSONValue] = []
        for (index, tool) in (request["tools"]?.elements ?? []).enumerated() {
            guard tool["type"] == .string("custom") else {
                tools.append(tool)
                continue
            }
            let custom = try CustomTool(chat: tool, "tools[\(index)]")
            names.insert(custom.name)
            tools.append(tool.replacing("custom", with: "function", custom.function))
        }
        for (index, tool) in (request["tools"]?.elements ?? []).enumerated() {
            // Whose call it is could not be told.
            guard let name = tool["function"]?["name"]?.text, names.contains(name) else { continue }
            throw .invalid("tools[\(index)].function.name", "a custom tool has the same name")
        }
        body =
            request.with("tools") { $0.elements == nil ? $0 : .array(tools) }
            .with("tool_choice", Self.choice)
            .with("messages") { $0.eachElement { $0.with("tool_calls") { $0.eachElement(Self.call) } } }
            .bytes
        scan = try ChatRequestScan(body)
        self.names = names
    }

    /// The reader of an answer to it, as `answer` reads it, that makes calls of custom tools of those of their functions again.
    public func answer(_ answer: any ForeignAnswer) -> any ForeignAnswer { CustomToolAnswer(answer, names: names) }

    /// The same of an answer in OpenAI's own format.
    public func answer(of provider: String) -> any ForeignAnswer { answer(PassedAnswer.chat(of: provider)) }

    /// The tool that is to be called, or those that may be.
    private static func choice(_ choice: JSONValue) -> JSONValue {
        named(choice).with("allowed_tools") { $0.with("tools") { $0.eachElement(named) } }
    }

    private static func named(_ tool: JSONValue) -> JSONValue {
        guard tool["type"] == .string("custom"), let named = tool["custom"] else { return tool }
        return tool.replacing("custom", with: "function", named)
    }

    private static func call(_ call: JSONValue) -> JSONValue {
        guard call["type"] == .string("custom"), let custom = call["custom"] else { return call }
        let input = JSONValue.members([(CustomToolInput.name, .string(custom["input"]?.text ?? ""))])
        let arguments = JSONValue.string(String(decoding: input.bytes, as: UTF8.self))
        return call.replacing("custom", with: "function", .members([("name", custom["name"]), ("arguments", arguments)]))
    }
}

extension PassedAnswer {
    /// Of the chat completions of a provider; whoever relays it finds the errors in it.
    fileprivate static func chat(of provider: String) -> PassedAnswer {
        PassedAnswer(
            silent: [], failure: { _ in nil },
            refused: { status, body in .upstream(status: status, body: body, provider: provider) })
    }
}

extension JSONValue {
    /// The object with its type, and the member that is named after it, changed to another. One of that name, which some clients
    /// send as null, gives way.
    func replacing(_ type: String, with other: String, _ value: JSONValue) -> JSONValue {
        .object(
            (fields ?? []).compactMap { member -> Member? in
                switch member.name {
                case "type": Member("type", .string(other))
                case type: Member(other, value)
                case other: nil
                default: member
                }
            })
    }

    /// The object with another value of the member `name`, if this is an object that has it.
    func with(_ name: String, _ change: (JSONValue) -> JSONValue) -> JSONValue {
        guard let fields, fields.contains(where: { $0.name == name }) else { return self }
        return .object(fields.map { $0.name == name ? Member(name, change($0.value)) : $0 })
    }

    /// The array with every element changed, if this is one.
    func eachElement(_ change: (JSONValue) -> JSONValue) -> JSONValue {
        elements.map { .array($0.map(change)) } ?? self
    }
}
