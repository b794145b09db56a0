public import Money

/// The answer to a request for embeddings or a moderation. It has no completion, so its usage has no tokens of one.
public struct InputAnswerScan: AnswerScan {
    private var scan: ChatResponseScan

    public init(_ body: [UInt8]) throws(ChatResponseError) {
        scan = try ChatResponseScan(body)
        if scan.usage == nil, scan.hasMalformedUsage { scan.usage = scan.usageOfPrompt }
    }

    public var usage: TokenUsage? { scan.usage }
    public var finishReasons: [String] { [] }
    public var estimatedCompletionTokens: Int64 { 0 }
    public var error: APIError? { scan.error }

    public func answer(_ additions: ResponseAdditions, body: [UInt8]) -> [UInt8] { scan.adding(additions, to: body) }
}
