public import Catalogue
internal import JSON
internal import Money

/// A request of the Responses API for a provider that speaks it: the client's own members, byte for byte, but for what is the
/// gateway's affair: the model's name, the bound of the answer, that nothing is stored there, and the conversation that
/// `previous_response_id` names, which is kept here.
public struct NativeResponses: ForeignRequest {
    private let translation: ResponsesTranslation
    private let provider: String
    private let reasons: Bool
    private let isAzure: Bool
    public let addedPromptTokens: Int64

    /// What is written here, or is nobody's but the gateway's.
    private static let own: Set<String> = [
        "model", "max_output_tokens", "store", "include", "previous_response_id", "routing", "free_models_only", "no_reasoning",
    ]

    /// - Parameters:
    ///   - translation: The request as it was read; its original goes on.
    ///   - mapping: The model's mapping, which says whether it reasons and who answers.
    public init(_ translation: ResponsesTranslation, mapping: Mapping, isAzure: Bool) {
        self.translation = translation
        self.isAzure = isAzure
        provider = mapping.provider
        reasons = mapping.capabilities.reasoning
        // What was thought before is read again, and is no part of the chat completion that was counted.
        addedPromptTokens = translation.items.reduce(0) { sum, item in
            item["type"] == .string("reasoning") ? sum + Int64(item.bytes.count) : sum
        }
    }

    public func path(model: String, at account: Provider.Account) -> String { ResponsesRequest.path(isAzure: isAzure) }

    public func headers(of call: ProviderCall) -> [(String, String)] {
        ResponsesRequest.headers(of: call, isAzure: isAzure)
    }

    public func body(model: String, maximumTokens: Int64) throws(APIError) -> [UInt8] {
        var body = Array("{\"model\":".utf8)
        body.appendJSON(string: model)
        body += ",\"max_output_tokens\":\(maximumTokens),\"store\":false".utf8
        let included =
            (reasons ? ["reasoning.encrypted_content"] : [])
            + (translation.wantsLogprobs ? [ResponsesTranslation.logprobs] : [])
        if !included.isEmpty { body += ",\"include\":[\"\(included.joined(separator: "\",\""))\"]".utf8 }
        let input = rewrittenInput
        for (name, range) in translation.ranges.sorted(by: { $0.value.lowerBound < $1.value.lowerBound })
        where !Self.own.contains(name) {
            body += ",".utf8
            body.appendJSON(string: name)
            body += ":".utf8
            if name == "input", let input { body += input.bytes } else { body += translation.original[range] }
        }
        return body + "}".utf8
    }

    /// The items of the conversation where they can't go as the client sent them: with what came before, or with thoughts that lie in
    /// the gateway's own wrapping. Ids mean nothing where nothing is stored.
    private var rewrittenInput: JSONValue? {
        let isOurs = { (item: JSONValue) in
            item["type"] == .string("reasoning") && item["encrypted_content"]?.text?.hasPrefix("{") ?? true
        }
        guard translation.hasHistory || translation.items.contains(where: isOurs) else { return nil }
        return .array(
            translation.items.flatMap { item -> [JSONValue] in
                guard isOurs(item) else {
                    return [.object((item.fields ?? []).filter { $0.name != "id" || Self.isReasoning(item) })]
                }
                let details = ReasoningState.details(item["encrypted_content"]?.text, of: translation.model) ?? []
                return details.compactMap(ResponsesInput.reasoning)
            })
    }

    private static func isReasoning(_ item: JSONValue) -> Bool { item["type"] == .string("reasoning") }

    public func answer(id: String, created: Int64) -> any ForeignAnswer { PassedAnswer.responses(of: provider) }
}

extension PassedAnswer {
    /// Of the Responses API of a provider.
    static func responses(of provider: String) -> PassedAnswer {
        let failures = ["error", "response.failed", "response.cancelled"]
        return PassedAnswer(
            silent: ["response.created", "response.in_progress", "response.queued"],
            failure: { failures.contains($0["type"]?.text ?? "") ? ResponsesAnswer.error($0) : nil },
            refused: { status, body in .upstream(status: status, body: body, provider: provider) })
    }
}
