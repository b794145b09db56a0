internal import JSON

/// What a chat completion request says of its tools, for dialects that say it in other words.
enum ChatTools {
    /// Whether `choice` leaves at most one tool to call: then `parallel_tool_calls` of false, which some clients always send with such
    /// a choice, asks for nothing that a dialect without a word for it would have to be told.
    static func isOneAtMost(of tools: [JSONValue], _ choice: JSONValue?) -> Bool {
        choice?["type"] == .string("function") || choice == .string("none")
            || (choice == .string("required") && tools.count == 1)
    }
}
