internal import JSON
public import Money

/// A message of Anthropic that goes on as it came, but for what it costs and where it was answered.
public struct NativeMessageScan: AnswerScan {
    public let usage: TokenUsage?
    public let finishReasons: [String]
    public let estimatedCompletionTokens: Int64
    public let error: APIError?
    private let places: Places

    /// Where something is put in.
    private struct Places {
        /// Just inside the message, which has members; nil where it says `metadata` itself.
        var start: Int?
        /// Just inside its usage; nil where that has no members.
        var usage: Int?
    }

    /// Scans a message.
    public init(_ body: [UInt8]) throws(ChatResponseError) {
        let message: JSONValue
        do { (message, places) = try Self.read(body) } catch { throw ChatResponseError(message: "the answer holds \(error)") }
        if let said = message["error"], said != .null {
            (usage, finishReasons, estimatedCompletionTokens) = (nil, [], 0)
            error = .messages(status: APIError.status(of: said), message)
            return
        }
        guard message["type"] == .string("message"), let content = message["content"] else {
            throw ChatResponseError(message: "the answer is no message of Anthropic")
        }
        var counts = MessagesUsage()
        counts.merge(message["usage"])
        usage = counts.whole
        finishReasons = message["stop_reason"]?.text.map { [$0] } ?? []
        estimatedCompletionTokens = TokenBound.estimate(bytes: Int64(content.bytes.count))
        error = nil
    }

    public func answer(_ additions: ResponseAdditions, body: [UInt8]) -> [UInt8] {
        var splices: [Splice] = []
        if let start = places.start, let metadata = additions.metadata {
            var member = Array("\"metadata\":".utf8)
            metadata.write(into: &member)
            splices.append(Splice(start..<start, member + [UInt8(ascii: ",")]))
        }
        let costs = additions.costs
        if let usage = places.usage, !costs.isEmpty {
            let members = Array(JSONValue.object(costs).bytes.dropFirst().dropLast())
            splices.append(Splice(usage..<usage, members + [UInt8(ascii: ",")]))
        }
        return splices.isEmpty ? body : Splice.apply(splices, to: body.span.bytes)
    }

    /// The message as a tree, and the places in its text.
    private static func read(_ body: [UInt8]) throws(JSONError) -> (message: JSONValue, places: Places) {
        let text = body.span.bytes
        var cursor = JSONCursor()
        guard try cursor.next(text) == UInt8(ascii: "{") else { throw JSONError(.unexpectedByte, at: cursor.offset) }
        let start = cursor.offset + 1
        var members: [JSONValue.Member] = []
        var usage: Int?
        if try cursor.enter("{", "}", text) {
            repeat {
                let name = try cursor.name(text).decoded(text)
                _ = try cursor.next(text)
                let place = cursor.offset + 1
                let value = try cursor.value(text, depth: 1)
                if name == "usage" { usage = value.fields?.isEmpty == false ? place : nil }
                members.append(.init(name, value))
            } while try cursor.another(UInt8(ascii: "}"), text)
        }
        try cursor.end(text)
        let isFree = !members.isEmpty && !members.contains { $0.name == "metadata" }
        return (.object(members), Places(start: isFree ? start : nil, usage: usage))
    }
}
