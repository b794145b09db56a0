internal import Catalogue
internal import Dialects

extension ChatRequestScan {
    /// - Throws: 400 naming the field that `mapping` can't serve, so that a provider is not asked in vain.
    func check(_ mapping: Mapping) throws(APIError) {
        let can = mapping.capabilities
        let name = mapping.model
        if stream, !can.streaming { throw .invalid("stream", "The model \(name) does not stream.") }
        if images > 0, !can.vision { throw .invalid("messages", "The model \(name) does not take images.") }
        if wantsImages, !can.imageOutput { throw .invalid("modalities", "The model \(name) makes no images.") }
        if hasTools, !can.tools { throw .invalid("tools", "The model \(name) does not call tools.") }
        if responseFormat == .jsonObject, !can.jsonOutput {
            throw .invalid("response_format", "The model \(name) does not support JSON output.")
        }
        if responseFormat == .jsonSchema, !can.jsonSchema {
            throw .invalid("response_format", "The model \(name) does not support JSON schema output.")
        }
        if hasReasoningEffort, !can.reasoning {
            throw .invalid("reasoning_effort", "The model \(name) does not reason.")
        }
        if let outputLimit, let maximum = mapping.maximumOutput, outputLimit > maximum {
            throw .invalid(
                maximumCompletionTokens == nil ? "max_tokens" : "max_completion_tokens",
                "The model \(name) writes at most \(maximum) tokens.")
        }
    }
}
