internal import JSON

/// `response_format` of `json_object` for providers that keep to JSON only with a schema: the model is told to. A tool that is forced
/// would answer a call where the client waits for text, and a schema must name all that it allows.
enum JSONMode {
    private static let text =
        "Answer with a single JSON object and nothing else: no text before or behind it, and no code fence around it."

    /// What the model is told behind all else that the system says; nil where the client asks for no JSON mode.
    static func instruction(_ format: JSONValue?) -> String? { format?["type"] == .string("json_object") ? text : nil }
}
