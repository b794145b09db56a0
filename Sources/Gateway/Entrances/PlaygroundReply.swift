internal import Dialects
internal import JSON
internal import Money

/// A chat completion of which the playground shows the message: `{content, role, images?}`.
struct PlaygroundReply: AnswerScan {
    private let scan: ChatResponseScan

    init(_ scan: ChatResponseScan) { self.scan = scan }

    var usage: TokenUsage? { scan.usage }
    var finishReasons: [String] { scan.finishReasons }
    var estimatedCompletionTokens: Int64 { scan.estimatedCompletionTokens }
    var error: APIError? { scan.error }

    func answer(_ additions: ResponseAdditions, body: [UInt8]) -> [UInt8] {
        // It was scanned, so it is JSON.
        let message = (try? JSONValue(body))?["choices"]?.elements?.first?["message"]
        return JSONValue.members([
            ("content", message?["content"] ?? .null), ("role", message?["role"] ?? .string("assistant")),
            ("images", message?["images"]),
        ]).bytes
    }
}
