internal import JSON
public import Money

/// A chat completion for a client of the Responses API.
public struct ResponsesReply: AnswerScan {
    private let scan: ChatResponseScan
    private let shape: ResponsesShape

    /// Scans a chat completion.
    public init(_ body: [UInt8], for request: ResponsesTranslation) throws(ChatResponseError) {
        scan = try ChatResponseScan(completion: body)
        shape = request.shape
    }

    public var usage: TokenUsage? { scan.usage }
    public var finishReasons: [String] { scan.finishReasons }
    public var estimatedCompletionTokens: Int64 { scan.estimatedCompletionTokens }
    public var error: APIError? { scan.error }

    public func answer(_ additions: ResponseAdditions, body: [UInt8]) -> [UInt8] {
        let message = (try? JSONValue(body))?["choices"]?.elements?.first?["message"]
        let incomplete = ResponsesShape.incomplete(scan.finishReasons.first)
        let calls = message?["tool_calls"]?.elements ?? []
        // What was cut off is the last of it.
        let ending = incomplete == nil ? "completed" : "incomplete"
        var output: [JSONValue] = []
        let thought = message?.thoughtText ?? ""
        var state = ReasoningState()
        state.add(message?["reasoning_details"])
        if !thought.isEmpty || !state.isEmpty { output.append(shape.reasoning(thought, state, at: output.count)) }
        var parts: [JSONValue] = []
        if let text = message?.saidText, !text.isEmpty { parts.append(ResponsesShape.text(text)) }
        if let text = message?["refusal"]?.text, !text.isEmpty { parts.append(ResponsesShape.refusal(text)) }
        if !parts.isEmpty {
            output.append(shape.message(parts, at: output.count, status: calls.isEmpty ? ending : "completed"))
        }
        for (index, call) in calls.enumerated() {
            output.append(
                shape.call(
                    ResponsesCall(call), at: output.count, status: index == calls.count - 1 ? ending : "completed"))
        }
        return shape.response(
            status: ending, output: output, model: scan.model, incomplete: incomplete,
            usage: scan.usage ?? additions.estimatedUsage ?? TokenUsage(), additions: additions
        ).bytes
    }
}

extension ResponsesTranslation {
    /// The conversation with an answer, a JSON array of items, for whoever goes on from it.
    ///
    /// - Parameter response: The answer as the client gets it.
    public func conversation(with response: [UInt8]) -> [UInt8] {
        let output = (try? JSONValue(response))?["output"]?.elements ?? []
        return JSONValue.array(items + output).bytes
    }

    /// The answer's id, `resp_…`.
    public var id: String { shape.id }
}
