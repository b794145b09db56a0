public import Catalogue
public import Money

/// The answer to a request for embeddings or a moderation. It has no completion, so its usage has no tokens of one.
public struct InputAnswerScan: AnswerScan {
    private var scan: ChatResponseScan

    /// Scans an answer of a model of `kind`.
    ///
    /// - Throws: also where neither what was asked for nor an error is in it: its client would have been charged for nothing.
    public init(_ body: [UInt8], of kind: ModelKind) throws(ChatResponseError) {
        scan = try ChatResponseScan(body)
        let (name, count) = kind == .moderation ? ("results", scan.results) : ("data", scan.data)
        guard count > 0 || scan.error != nil else { throw ChatResponseError(message: "the answer has no \"\(name)\"") }
        if scan.usage == nil, scan.hasMalformedUsage { scan.usage = scan.usageOfPrompt }
    }

    public var usage: TokenUsage? { scan.usage }
    public var finishReasons: [String] { [] }
    public var estimatedCompletionTokens: Int64 { 0 }
    public var error: APIError? { scan.error }

    public func answer(_ additions: ResponseAdditions, body: [UInt8]) -> [UInt8] { scan.adding(additions, to: body) }
}
