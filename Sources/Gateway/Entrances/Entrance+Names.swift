internal import Dialects

extension Entrance {
    /// An error of the chat completion request that the client's was made into, with the names that the client's format has.
    ///
    /// Which message it is about is left out where messages are not what the client sent.
    func named(_ error: APIError) -> APIError {
        guard let param = error.param else { return error }
        let member = String(param.prefix { $0 != "." && $0 != "[" })
        guard let own = names[member] else { return error }
        return APIError(
            status: error.status, message: error.message.replacing("\"\(param)\"", with: "\"\(own)\""), param: own,
            code: error.code, type: error.type)
    }

    /// The client's own names by those of a chat completion request.
    private var names: [String: String] {
        switch self {
        case .messages:
            ["reasoning_effort": "thinking", "response_format": "output_config.format", "stop": "stop_sequences"]
        case .responses:
            [
                "reasoning_effort": "reasoning.effort", "response_format": "text.format", "max_tokens": "max_output_tokens",
                "messages": "input",
            ]
        case .completions: ["messages": "prompt"]
        case .chat, .playground, .embeddings, .moderations, .images, .imageEdits: [:]
        }
    }
}
