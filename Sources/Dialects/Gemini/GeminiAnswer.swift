internal import JSON
internal import Money

/// Reads what Google's Gemini API answers: one response, or several in a stream, the last without a mark of its own
/// (https://ai.google.dev/api/generate-content#v1beta.GenerateContentResponse).
///
/// Thoughts become `reasoning`, images `images` with their data in their URLs. Parts of kinds that are not known are passed over.
struct GeminiAnswer: EventAnswer {
    private(set) var error: APIError?
    var isMalformed = false
    private(set) var usage: TokenUsage?

    private let id: String
    private let created: Int64
    var reader = EventReader()
    private var writer: ChunkWriter?
    private var isOpen = false
    private var finishReason: String?
    private var calls: Int64 = 0
    private var images = 0

    init(id: String, created: Int64) {
        self.id = id
        self.created = created
    }

    func refusal(status: Int, body: [UInt8]) -> APIError { .gemini(status: status, try? JSONValue(body)) }

    func hiddenError(in body: [UInt8]) -> APIError? {
        guard let response = try? JSONValue(body) else { return nil }
        guard let error = response["error"], error != .null else { return Self.broken(response) }
        return .gemini(status: APIError.status(of: error), response)
    }

    mutating func end() -> [UInt8] {
        guard !isOver else { return [] }
        var output: [UInt8] = []
        takeRest(into: &output)
        guard let finishReason, error == nil else { return output }
        write([], finishReason: calls > 0 && finishReason == "stop" ? "tool_calls" : finishReason, into: &output)
        usage = usage?.drawing(images)
        if let usage { writer?.write(usage, into: &output) }
        return output + ChunkWriter.done
    }

    var isOver: Bool { isMalformed || error != nil }

    mutating func take(_ data: [UInt8], into output: inout [UInt8]) {
        guard let response = try? JSONValue(data), response.fields != nil else {
            isMalformed = true
            return
        }
        if let said = response["error"], said != .null {
            fail(.gemini(status: nil, response), into: &output)
            return
        }
        if writer == nil {
            writer = ChunkWriter(
                id: response["responseId"]?.text ?? id, created: created, model: response["modelVersion"]?.text ?? "")
        }
        if let told = Self.usage(response["usageMetadata"]) { usage = told }
        for part in Self.parts(response) { take(part: part, into: &output) }
        if let broken = Self.broken(response) {
            fail(broken, into: &output)
            return
        }
        if let reason = Self.finishReason(response) { finishReason = reason }
    }

    private mutating func fail(_ said: APIError, into output: inout [UInt8]) {
        error = said
        if isOpen { output += said.told.event }
    }

    private mutating func take(part: JSONValue, into output: inout [UInt8]) {
        if let text = part["text"]?.text {
            guard !text.isEmpty else { return }
            open(into: &output)
            writer?.write(text, as: part["thought"] == .bool(true) ? "reasoning" : "content", into: &output)
        } else if let call = part["functionCall"] {
            write([("tool_calls", .array([self.call(call, part, index: calls, isStreamed: true)]))], into: &output)
            calls += 1
        } else if let image = Self.image(part) {
            images += 1
            write([("images", .array([image]))], into: &output)
        }
    }

    /// Writes the role's chunk, once.
    private mutating func open(into output: inout [UInt8]) {
        guard !isOpen else { return }
        isOpen = true
        writer?.write([("role", .string("assistant")), ("content", .string(""))], into: &output)
    }

    private mutating func write(_ delta: [(String, JSONValue?)], finishReason: String? = nil, into output: inout [UInt8]) {
        open(into: &output)
        writer?.write(delta, finishReason: finishReason, into: &output)
    }

    /// A call; one without an id gets one that no other call of the conversation has. Of the answer's id only the part that makes
    /// it unique goes in: OpenAI takes 40 characters, and a conversation may go on there.
    private func call(_ call: JSONValue, _ part: JSONValue, index: Int64, isStreamed: Bool) -> JSONValue {
        let signature = part["thoughtSignature"]?.asText.map { signature in
            JSONValue.members([("google", .members([("thought_signature", signature)]))])
        }
        let function: [(String, JSONValue?)] = [
            ("name", call["name"]?.asText ?? .string("")), ("arguments", .string(MessagesAnswer.arguments(call["args"]))),
        ]
        let made = "call_\(id.split(separator: "_").last ?? "")_\(index)"
        return .members([
            ("index", isStreamed ? .integer(index) : nil), ("id", call["id"]?.asText ?? .string(made)),
            ("type", .string("function")), ("function", .members(function)), ("extra_content", signature),
        ])
    }

    func completion(_ body: [UInt8]) throws(ChatResponseError) -> [UInt8] {
        let response: JSONValue
        do { response = try JSONValue(body) } catch { throw ChatResponseError(message: "the answer holds \(error)") }
        // A prompt that is refused has no candidate but a reason.
        guard response["candidates"]?.elements?.first != nil || Self.finishReason(response) != nil else {
            throw ChatResponseError(message: "the answer is no response of Gemini")
        }
        guard Self.broken(response) == nil else { throw ChatResponseError(message: "the answer was broken off") }
        var text = ""
        var reasoning = ""
        var calls: [JSONValue] = []
        var images: [JSONValue] = []
        for part in Self.parts(response) {
            if let said = part["text"]?.text {
                if part["thought"] == .bool(true) { reasoning += said } else { text += said }
            } else if let call = part["functionCall"] {
                calls.append(self.call(call, part, index: Int64(calls.count), isStreamed: false))
            } else if let image = Self.image(part) {
                images.append(image)
            }
        }
        let reason = Self.finishReason(response) ?? "stop"
        let message: [(String, JSONValue?)] = [
            ("role", .string("assistant")), ("content", text.isEmpty && !calls.isEmpty ? .null : .string(text)),
            ("refusal", .null), ("reasoning", reasoning.isEmpty ? nil : .string(reasoning)),
            ("images", images.isEmpty ? nil : .array(images)), ("tool_calls", calls.isEmpty ? nil : .array(calls)),
        ]
        let choice: [(String, JSONValue?)] = [
            ("index", .number("0")), ("message", .members(message)), ("logprobs", .null),
            ("finish_reason", .string(!calls.isEmpty && reason == "stop" ? "tool_calls" : reason)),
        ]
        return JSONValue.members([
            ("id", .string(response["responseId"]?.text ?? id)), ("object", .string("chat.completion")),
            ("created", .integer(created)), ("model", .string(response["modelVersion"]?.text ?? "")),
            ("choices", .array([.members(choice)])),
            ("usage", Self.usage(response["usageMetadata"])?.drawing(images.count).chatValue),
        ]).bytes
    }
}

extension GeminiAnswer {
    /// An image of an answer; those of its thoughts are drafts.
    private static func image(_ part: JSONValue) -> JSONValue? {
        guard part["thought"] != .bool(true), let (type, data) = imageData(part) else { return nil }
        let signature = part["thoughtSignature"]?.asText.map { signature in
            JSONValue.members([("google", .members([("thought_signature", signature)]))])
        }
        return .members([
            ("type", .string("image_url")), ("image_url", .members([("url", .string("data:\(type);base64,\(data)"))])),
            ("extra_content", signature),
        ])
    }

    /// The type and the Base64 of an image.
    static func imageData(_ part: JSONValue) -> (type: String, data: String)? {
        guard let inline = part["inlineData"], let type = inline["mimeType"]?.text, type.hasPrefix("image/"),
            let data = inline["data"]?.text, !data.isEmpty
        else { return nil }
        return (type, data)
    }

    static func parts(_ response: JSONValue) -> [JSONValue] {
        response["candidates"]?.elements?.first?["content"]?["parts"]?.elements ?? []
    }

    /// The reasons to finish of an answer that is none (https://ai.google.dev/api/generate-content#FinishReason).
    private static let breaks: Set<String> = [
        "MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "MISSING_THOUGHT_SIGNATURE",
        "MALFORMED_RESPONSE",
    ]

    private static func broken(_ response: JSONValue) -> APIError? {
        guard let reason = response["candidates"]?.elements?.first?["finishReason"]?.text, breaks.contains(reason) else {
            return nil
        }
        return .broken(reason)
    }

    /// OpenAI's word for why the answer ended; nil while it has not.
    static func finishReason(_ response: JSONValue) -> String? {
        if let blocked = response["promptFeedback"]?["blockReason"], blocked != .null { return "content_filter" }
        guard let reason = response["candidates"]?.elements?.first?["finishReason"]?.text else { return nil }
        switch reason {
        case "FINISH_REASON_UNSPECIFIED": return nil
        case "MAX_TOKENS": return "length"
        case "SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT",
            "IMAGE_RECITATION":
            return "content_filter"
        default: return "stop"
        }
    }

    /// Thoughts are counted beside the candidates, and what was cached is a part of the prompt.
    static func usage(_ usage: JSONValue?) -> TokenUsage? {
        func count(_ name: String) -> Int64? {
            guard let count = usage?[name]?.int64, (0...UsageCounts.most).contains(count) else { return nil }
            return count
        }
        guard let prompt = count("promptTokenCount") else { return nil }
        let thoughts = count("thoughtsTokenCount") ?? 0
        let said = count("candidatesTokenCount") ?? 0
        func images(_ details: String) -> Int64 {
            let counted = (usage?[details]?.elements ?? []).first { $0["modality"] == .string("IMAGE") }
            return min(max(0, counted?["tokenCount"]?.int64 ?? 0), UsageCounts.most)
        }
        // Those that came from the cache are charged as all that did.
        let pictured = max(0, images("promptTokensDetails") - images("cacheTokensDetails"))
        return TokenUsage(
            promptTokens: prompt + (count("toolUsePromptTokenCount") ?? 0),
            completionTokens: said + thoughts, cachedTokens: count("cachedContentTokenCount") ?? 0, reasoningTokens: thoughts,
            imageOutputTokens: min(said, images("candidatesTokensDetails")), imageInputTokens: min(prompt, pictured))
    }
}

extension TokenUsage {
    /// The usage where `images` were made: where nothing says of how many tokens, of as many as such images usually need.
    func drawing(_ images: Int) -> TokenUsage {
        guard images > 0, imageOutputTokens == 0 else { return self }
        var usage = self
        usage.imageOutputTokens = min(completionTokens - reasoningTokens, Int64(images) * TokenBound.perGeneratedImage)
        return usage
    }
}

extension APIError {
    /// What Google's error says, `{"error":{"code","message","status","details"}}`, with OpenAI's types and codes
    /// (https://ai.google.dev/gemini-api/docs/troubleshooting).
    ///
    /// - Parameters:
    ///   - status: the status that came with it; nil in a stream, where the error itself tells it.
    ///   - body: the error, or an array that begins with it.
    static func gemini(status: Int?, _ body: JSONValue?) -> APIError {
        let error = (body?.elements?.first ?? body)?["error"]
        let message = error?["message"]?.text ?? ""
        var status = status ?? error?["code"]?.int64.map { Int(clamping: $0) } ?? 502
        if !(400...599).contains(status) { status = 502 }
        let reasons = (error?["details"]?.elements ?? []).compactMap { $0["reason"]?.text }
        // What is wrong with the gateway's own account is nothing that a client could do anything about.
        if reasons.contains(where: { $0.hasPrefix("API_KEY_") }) || message.hasPrefix("API key not valid") { status = 401 }
        if status == 400, error?["status"] == .string("FAILED_PRECONDITION") { status = 403 }
        return APIError(status: status, message: message.isEmpty ? "Google answered with status \(status)" : message)
    }
}
