internal import JSON

extension JSONValue {
    /// What a message or a delta says: its `content`, or the texts among the parts of one.
    var saidText: String? { self["content"]?.joined { $0["type"] == .string("text") ? $0["text"]?.text : nil } }

    /// What a message or a delta says of its thoughts, by whichever name: many services say `reasoning_content`, several of them
    /// with a `reasoning` that is null, and Mistral parts of the content
    /// (https://docs.mistral.ai/capabilities/reasoning, `{"type":"thinking","thinking":[{"type":"text","text"}]}`).
    var thoughtText: String? {
        for name in ["reasoning", "reasoning_content"] {
            if let text = self[name]?.text, !text.isEmpty { return text }
        }
        guard self["content"]?.elements != nil else { return nil }
        return self["content"]?.joined { part in
            guard part["type"] == .string("thinking") else { return nil }
            return part["thinking"]?.joined { $0["text"]?.text }
        }
    }

    /// A string, or what `text` finds in the elements of an array.
    private func joined(_ text: (JSONValue) -> String?) -> String? { self.text ?? elements?.compactMap(text).joined() }
}
