internal import JSON

/// The members of a chat completion request while they are translated: what nobody took is refused at the end, so that nothing
/// is dropped silently.
struct ChatFields {
    private var fields: [JSONValue.Member]
    private let provider: String

    /// - Parameter provider: whose dialect it is translated to, for errors.
    init(_ chat: JSONValue, provider: String) {
        // The gateway reads these itself, or they say nothing.
        let handled = [
            "model", "max_tokens", "max_completion_tokens", "stream_options", "service_tier", "modalities", "routing",
            "free_models_only", "no_reasoning", "prompt_cache_key",
        ]
        fields = (chat.fields ?? []).filter { $0.value != .null && !handled.contains($0.name) }
        self.provider = provider
    }

    /// The value of a member that is there and not null; it counts as expressed from now on.
    mutating func take(_ name: String) throws(APIError) -> JSONValue? {
        guard let index = fields.firstIndex(where: { $0.name == name }) else { return nil }
        let value = fields.remove(at: index).value
        guard !fields.contains(where: { $0.name == name }) else { throw .invalid(name, "\"\(name)\" stands twice") }
        return value
    }

    /// A string.
    mutating func text(_ name: String) throws(APIError) -> String? {
        guard let value = try take(name) else { return nil }
        guard let text = value.text else { throw .invalid(name, "\"\(name)\" must be a string") }
        return text
    }

    /// A number from 0 to `most`, as it stands in the text.
    mutating func fraction(_ name: String, most: Double = 1) throws(APIError) -> JSONValue? {
        guard let value = try take(name) else { return nil }
        guard case .number(let text) = value, let number = Double(text), (0...most).contains(number) else {
            throw .invalid(name, "\"\(name)\" must be a number from 0 to \(Int(most)) for \(provider)")
        }
        return value
    }

    /// `stop`: a string or several.
    mutating func stop() throws(APIError) -> [String]? {
        guard let value = try take("stop") else { return nil }
        if let text = value.text { return [text] }
        guard let elements = value.elements, elements.allSatisfy({ $0.text != nil }) else {
            throw .invalid("stop", "\"stop\" must be a string or an array of strings")
        }
        return elements.isEmpty ? nil : elements.compactMap(\.text)
    }

    /// - Throws: 400 naming the first member that was not taken and asks for something.
    func end() throws(APIError) {
        for field in fields where !asksForNothing(field) {
            let name = String(field.name.prefix(64))
            throw .invalid(name, "\"\(name)\" can't be expressed to \(provider), who answers this model")
        }
    }

    private func asksForNothing(_ field: JSONValue.Member) -> Bool {
        switch field.name {
        case "n", "best_of": field.value == .number("1")
        case "frequency_penalty", "presence_penalty": [.number("0"), .number("0.0")].contains(field.value)
        case "top_logprobs": field.value == .number("0")
        case "logprobs", "store": field.value == .bool(false)
        case "logit_bias", "metadata": field.value == .object([])
        default: false
        }
    }
}
