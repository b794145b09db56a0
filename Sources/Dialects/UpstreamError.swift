internal import JSON

extension APIError {
    /// The error that a provider answered with: its status, and what its body says in any of the shapes that are known.
    ///
    /// What a provider says about the gateway's own account there is never passed on, whatever status it says it with.
    public static func upstream(status: Int, body: [UInt8], provider: String) -> APIError {
        let status = (400...599).contains(status) ? status : 502
        let isClients = (400..<500).contains(status)
        let said =
            (try? JSONValue(body)).flatMap { upstream(status: status, refusal: $0) }
            ?? APIError(
                status: status, message: "\(provider) answered with status \(status)",
                code: isClients ? nil : "upstream_error", type: isClients ? nil : "upstream_error")
        return said.isOfAccount ? said.concealed(by: provider) : said
    }

    /// Whether a provider says it about the gateway's own account there: it may quote a part of its credentials or name whose it is,
    /// and the client can do nothing about it, least of all by paying for credits here.
    ///
    /// OpenAI says of an account without credits that it asks too often, and others of a wrong key that the request is bad: the code
    /// is what tells (https://platform.openai.com/docs/guides/error-codes).
    public var isOfAccount: Bool { Self.accountStatuses.contains(status) || Self.accountCodes.contains(code) }

    private static let accountStatuses: Set<Int> = [401, 402, 403, 405, 407]
    private static let accountCodes: Set<String> = ["invalid_api_key", "account_deactivated", "insufficient_quota"]

    /// What a client is told of it.
    public var told: APIError { isOfAccount ? concealed() : self }

    /// What is told in the place of an error of the gateway's account.
    public func concealed(by provider: String = "The provider") -> APIError {
        let status = Self.accountStatuses.contains(status) ? status : 401
        return APIError(
            status: status, message: "\(provider) refused the gateway's request (\(status))", code: "gateway_error",
            type: "gateway_error")
    }

    /// A model stopped at what is no answer, such as a call of a tool that can't be read. OpenAI's reasons to finish have no word
    /// for it, and whoever heard that it simply stopped would take what there is for the whole.
    ///
    /// - Parameter reason: the provider's word.
    public static func broken(_ reason: String) -> APIError {
        APIError(
            status: 502, message: "The model broke its answer off (\(reason.prefix(64)))", code: brokenCode,
            type: "upstream_error")
    }

    /// Whether a model broke its answer off: another may do better, and yet its provider serves.
    public var isBrokenOff: Bool { code == Self.brokenCode }

    private static let brokenCode = "answer_broken_off"

    /// The HTTP status that an error names, as services do that had answered 200 before they knew of it; nil if it names none.
    static func status(of error: JSONValue) -> Int? {
        for name in ["code", "status", "status_code"] {
            guard let value = error[name], let status = value.int64 ?? value.text.flatMap({ Int64($0) }) else { continue }
            if (400...599).contains(status) { return Int(status) }
        }
        return nil
    }

    /// What the body of a refusal says: OpenAI's `error`, alone or in an array as Google has it; the error itself, which is Mistral's
    /// (https://docs.mistral.ai/api); `detail`, a sentence or a list, of services that are made with FastAPI
    /// (https://fastapi.tiangolo.com/tutorial/handling-errors). nil if it says nothing.
    private static func upstream(status: Int, refusal body: JSONValue) -> APIError? {
        let body = body.elements?.first ?? body
        if let said = upstream(status: status, body["error"] ?? .null) ?? upstream(status: status, body) { return said }
        guard let detail = body["detail"] ?? body["message"]?["detail"] else { return nil }
        return upstream(status: status, detail.elements?.first?["msg"] ?? detail)
    }

    /// What the `error` member of a body says; nil if it says nothing.
    static func upstream(status: Int, _ error: JSONValue) -> APIError? {
        guard let message = error["message"]?.text ?? error.text, !message.isEmpty else { return nil }
        let said = APIError(
            status: status, message: String(message.prefix(4096)), param: error["param"]?.text,
            code: error["code"]?.text ?? error["code"]?.int64.map { String($0) }, type: error["type"]?.text)
        return said.told
    }
}

/// Why a request ended, one word for all providers; the words of the outcome event.
public enum UnifiedFinishReason: String, Sendable, Hashable, CaseIterable {
    case completed
    case lengthLimit = "length_limit"
    case contentFilter = "content_filter"
    case toolCalls = "tool_calls"
    case gatewayError = "gateway_error"
    case upstreamError = "upstream_error"
    case clientError = "client_error"
    case canceled
    case unknown

    /// The word for a provider's `finish_reason`.
    public init(finishReason: String?) {
        self =
            switch finishReason {
            case "stop", "end_turn", "stop_sequence", "eos": .completed
            case "length", "max_tokens", "model_length", "incomplete", "model_context_window_exceeded": .lengthLimit
            case "content_filter", "refusal", "sensitive", "llmgateway_content_filter": .contentFilter
            case "tool_calls", "function_call", "tool_use": .toolCalls
            case "abort", "network_error", "error": .upstreamError
            default: .unknown
            }
    }
}
