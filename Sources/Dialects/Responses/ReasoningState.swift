internal import JSON

/// What a model wants to see again of its own reasoning, as the `encrypted_content` of an item: a text that clients hand back as it
/// came. It is what `reasoning_details` say of a chat completion, with the model that they mean something to.
struct ReasoningState: Sendable {
    private var details: [JSONValue] = []

    var isEmpty: Bool { details.isEmpty }

    /// Takes the details of a message, or of a piece of one: a text that comes in pieces is joined to one.
    mutating func add(_ value: JSONValue?) {
        for detail in value?.elements ?? [] {
            guard let last = details.last, let joined = Self.joined(last, detail) else {
                details.append(detail)
                continue
            }
            details[details.count - 1] = joined
        }
    }

    private static func joined(_ first: JSONValue, _ second: JSONValue) -> JSONValue? {
        let type = JSONValue.string("reasoning.text")
        guard first["type"] == type, second["type"] == type, first["index"] == second["index"],
            first["format"] == second["format"], (first["signature"] ?? .null) == .null
        else { return nil }
        let text = (first["text"]?.text ?? "") + (second["text"]?.text ?? "")
        return .members([
            ("type", type), ("text", .string(text)), ("signature", second["signature"]), ("format", first["format"]),
            ("index", first["index"]),
        ])
    }

    /// The text for clients; nil where there is nothing to be kept.
    func text(of model: String) -> JSONValue? {
        guard !details.isEmpty else { return nil }
        let state = JSONValue.members([("model", .string(model)), ("reasoning_details", .array(details))])
        return .string(String(decoding: state.bytes, as: UTF8.self))
    }

    /// The details in a text of `model`; nil where it is another's.
    static func details(_ text: String?, of model: String) -> [JSONValue]? {
        guard let text, let state = try? JSONValue(Array(text.utf8)), state["model"]?.text == model else { return nil }
        return state["reasoning_details"]?.elements
    }
}
