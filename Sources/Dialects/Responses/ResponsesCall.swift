internal import JSON

/// A call of a tool in an answer, or a piece of one: of a function, or of a custom tool.
struct ResponsesCall: Sendable {
    /// nil where nobody gave it one.
    let id: String?
    let name: String
    /// What it is called with: the arguments of a function, or a custom tool's text.
    var input: String
    let isCustom: Bool

    /// Reads what a message or a delta of a chat completion has.
    init(_ call: JSONValue) {
        let custom = call["custom"].flatMap { $0.fields == nil ? nil : $0 }
        isCustom = custom != nil
        let called = custom ?? call["function"]
        id = call["id"]?.text
        name = called?["name"]?.text ?? ""
        input = called?[isCustom ? "input" : "arguments"]?.text ?? ""
    }

    /// The same call before anything is said of what it is called with.
    ///
    /// - Parameter id: For one that has none.
    func begun(id: String) -> ResponsesCall {
        ResponsesCall(id: self.id ?? id, name: name, input: "", isCustom: isCustom)
    }

    private init(id: String?, name: String, input: String, isCustom: Bool) {
        (self.id, self.name, self.input, self.isCustom) = (id, name, input, isCustom)
    }

    /// What the id of its item begins with.
    var prefix: String { isCustom ? "ctc" : "fc" }
    /// The type of its item.
    var type: String { isCustom ? "custom_tool_call" : "function_call" }
    /// The member of its item that says what it is called with.
    var inputName: String { isCustom ? "input" : "arguments" }
    /// The type of the event that says a piece of that, and of the one that says the whole.
    var delta: String { isCustom ? "response.custom_tool_call_input.delta" : "response.function_call_arguments.delta" }
    var done: String { isCustom ? "response.custom_tool_call_input.done" : "response.function_call_arguments.done" }
}
