internal import JSON

/// Google's signature of the thought that led to a call, which newer models want to see again with it
/// (https://ai.google.dev/gemini-api/docs/thought-signatures), as a client of Anthropic's format keeps it: as the signature of a block
/// of thinking before the call. What it is stands before it, because Anthropic must not see it.
enum GoogleSignature {
    private static let mark = "google-gemini-v1:"

    /// The signature of the block before `call`, one of a chat completion; nil where it needs none.
    static func before(_ call: JSONValue) -> String? {
        guard let signature = call["extra_content"]?["google"]?["thought_signature"]?.text, !signature.isEmpty else { return nil }
        return mark + signature
    }

    /// Google's own signature in that of a block of thinking; nil where it is none of Google's.
    static func of(thought block: JSONValue) -> String? {
        guard let signature = block["signature"]?.text, signature.hasPrefix(mark) else { return nil }
        return String(signature.dropFirst(mark.count))
    }
}
