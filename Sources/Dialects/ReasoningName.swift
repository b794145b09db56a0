/// The name of what was thought: `reasoning` for clients, and with the rest of it for providers that call it `reasoning_content`.
enum ReasoningName {
    static let short = Array("reasoning".utf8)
    static let rest = Array("_content".utf8)
}
