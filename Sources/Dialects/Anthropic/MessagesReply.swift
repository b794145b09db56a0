internal import JSON
public import Money

/// A chat completion for a client that speaks Anthropic's Messages.
public struct MessagesReply: AnswerScan {
    private let scan: ChatResponseScan
    private let sequences: [String]

    /// Scans a chat completion that answers `request`.
    public init(_ body: [UInt8], for request: MessagesTranslation? = nil) throws(ChatResponseError) {
        scan = try ChatResponseScan(completion: body)
        sequences = request?.stops ?? []
    }

    public var usage: TokenUsage? { scan.usage }
    public var finishReasons: [String] { scan.finishReasons }
    public var estimatedCompletionTokens: Int64 { scan.estimatedCompletionTokens }
    public var error: APIError? { scan.error }

    public func answer(_ additions: ResponseAdditions, body: [UInt8]) -> [UInt8] {
        let completion = (try? JSONValue(body)) ?? .object([])
        let choice = completion["choices"]?.elements?.first
        let message = choice?["message"]
        var stop = MessagesStop(at: sequences)
        stop.note(choice)
        var content = Self.thoughts(message)
        for case let text? in [message?.saidText, message?["refusal"]?.text] where !text.isEmpty {
            content.append(MessagesContent.text(text))
        }
        for call in message?["tool_calls"]?.elements ?? [] {
            let function = call["function"]
            if let signature = GoogleSignature.before(call) { Self.sign(&content, signature) }
            content.append(
                .members([
                    ("type", .string("tool_use")), ("id", call["id"] ?? .string("")), ("name", function?["name"] ?? .string("")),
                    ("input", Self.input(function?["arguments"]?.text ?? "")),
                ]))
        }
        let used = scan.usage ?? additions.estimatedUsage ?? TokenUsage()
        let head: [(String, JSONValue?)] = [
            ("id", .string(scan.id ?? "")), ("type", .string("message")), ("role", .string("assistant")),
            ("model", .string(scan.model ?? "")), ("content", .array(content)),
        ]
        let end = stop.members(finishReason: scan.finishReasons.first)
        let tail: [(String, JSONValue?)] = [
            ("usage", used.messagesValue(additions)), ("metadata", additions.metadata?.json),
        ]
        return JSONValue.members(head + end + tail).bytes
    }

    /// What was thought: in Claude's own blocks where it said them, because it wants to see their signatures again; the thoughts
    /// of others are for people.
    private static func thoughts(_ message: JSONValue?) -> [JSONValue] {
        let details = (message?["reasoning_details"]?.elements ?? []).filter(MessagesAnswer.isThought)
        guard details.isEmpty else {
            return details.map { detail in
                guard detail["type"] == .string("reasoning.encrypted") else {
                    return Self.thought(detail["text"], detail["signature"])
                }
                return .members([("type", .string("redacted_thinking")), ("data", detail["data"] ?? .string(""))])
            }
        }
        guard let thought = message?.thoughtText, !thought.isEmpty else { return [] }
        return [Self.thought(.string(thought), nil)]
    }

    private static func thought(_ text: JSONValue?, _ signature: JSONValue?) -> JSONValue {
        .members([
            ("type", .string("thinking")), ("thinking", text ?? .string("")), ("signature", signature ?? .string("")),
        ])
    }

    /// Signs the thought that was said last, or one that nothing was said of.
    private static func sign(_ content: inout [JSONValue], _ signature: String) {
        let last = content.last.flatMap { $0["signature"] == .string("") ? $0 : nil }
        if last != nil { content.removeLast() }
        content.append(thought(last?["thinking"], .string(signature)))
    }

    /// The arguments of a call as the object that Anthropic's clients expect.
    private static func input(_ arguments: String) -> JSONValue {
        guard let value = try? JSONValue(Array(arguments.utf8)), value.fields != nil else { return .object([]) }
        return value
    }
}
