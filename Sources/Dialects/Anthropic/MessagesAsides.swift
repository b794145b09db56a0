internal import JSON

/// What a Messages request says of its conversation and a chat completion request can't, by the places of the messages there: for
/// the dialects that have a word for it.
struct MessagesAsides: Sendable {
    /// What tools said that failed. In the chat completion request it is told by its text alone.
    var failures: [Int: JSONValue] = [:]
    /// Google's signatures of the thoughts that led to calls, by the places of these in their messages.
    var signatures: [Int: [Int: String]] = [:]

    /// How long the signatures are together.
    var signatureBytes: Int { signatures.values.reduce(0) { $0 + $1.values.reduce(0) { $0 + $1.utf8.count } } }

    /// What a tool said that failed, for whoever knows nothing but its text.
    static func failure(_ content: JSONValue) -> JSONValue {
        func named(_ text: String) -> String { text.hasPrefix("Error") ? text : "Error: \(text)" }
        guard var parts = content.elements else { return .string(named(content.text ?? "")) }
        if let place = parts.firstIndex(where: { $0["type"] == .string("text") }) {
            parts[place] = MessagesContent.text(named(parts[place]["text"]?.text ?? ""))
        } else {
            parts.insert(MessagesContent.text("Error"), at: 0)
        }
        return .array(parts)
    }
}
