internal import JSON
internal import Money

/// Reads an answer that comes whole and never as a stream.
protocol WholeAnswer: ForeignAnswer {
    /// The answer as OpenAI gives it.
    func completion(of response: JSONValue) throws(ChatResponseError) -> [UInt8]
}

extension WholeAnswer {
    var error: APIError? { nil }
    /// Whatever comes as a stream is none.
    var isMalformed: Bool { true }
    var usage: TokenUsage? { nil }

    mutating func feed(_ bytes: [UInt8]) -> [UInt8] { [] }

    mutating func end() -> [UInt8] { [] }

    func completion(_ body: [UInt8]) throws(ChatResponseError) -> [UInt8] {
        let response: JSONValue
        do { response = try JSONValue(body) } catch { throw ChatResponseError(message: "the answer holds \(error)") }
        return try completion(of: response)
    }
}
