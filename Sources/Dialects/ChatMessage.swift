internal import JSON

/// What the translations of a conversation have in common.
enum ChatMessage {
    /// The members of each role beside `role`, `content` and `cache_control`. Those of an answer may come back with it; what SDKs
    /// add to it for their own use (`parsed` of OpenAI's, `provider_specific_fields` of LiteLLM's) says nothing, nor does the name
    /// of a tool, which its call has.
    private static let fields: [String: Set<String>] = [
        "system": [], "developer": [], "user": [], "tool": ["tool_call_id", "name"],
        "assistant": [
            "tool_calls", "refusal", "reasoning", "reasoning_content", "reasoning_details", "annotations", "parsed",
            "provider_specific_fields",
        ],
    ]
    private static let common: Set<String> = ["role", "content", "cache_control"]

    /// The role of `message`, none of whose members is beyond what `provider` can be told.
    ///
    /// - Parameter further: What else it can be told of an answer.
    /// - Throws: 400 naming the field.
    static func role(
        of message: JSONValue, _ path: String, provider: String, further: Set<String> = []
    ) throws(APIError) -> String {
        let role = message["role"]?.text ?? ""
        guard let known = fields[role] else {
            throw .invalid("\(path).role", "\(provider) knows no messages of the role \"\(role.prefix(64))\"")
        }
        for field in message.fields ?? [] where field.value != .null {
            let isFurther = role == "assistant" && further.contains(field.name)
            guard known.contains(field.name) || common.contains(field.name) || isFurther else {
                throw .invalid("\(path).\(field.name.prefix(64))", "this field can't be expressed to \(provider)")
            }
        }
        return role
    }
}
