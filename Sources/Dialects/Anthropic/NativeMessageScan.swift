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
        /// Just inside the message, which has members.
        let start: Int
        var metadata: Range<Int>?
        var usage: Range<Int>?
        /// The members of its usage.
        var counts: [JSONValue.Member] = []
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
        var added: [UInt8] = []
        if let metadata = additions.metadata {
            if let range = places.metadata {
                let theirs = try? JSONValue(Array(body[range]))
                splices.append(Splice(range, metadata.joined(with: theirs).bytes))
            } else {
                added.append(contentsOf: "\"metadata\":".utf8)
                metadata.write(into: &added)
                added.append(UInt8(ascii: ","))
            }
        }
        if usage == nil, let estimated = additions.estimatedUsage {
            let value = estimated.messagesValue(additions).bytes
            if let range = places.usage {
                splices.append(Splice(range, value))
            } else {
                added.append(contentsOf: "\"usage\":".utf8 + value + ",".utf8)
            }
        } else if let range = places.usage, let splice = priced(range, by: additions) {
            splices.append(splice)
        }
        if !added.isEmpty { splices.append(Splice(places.start..<places.start, added)) }
        return splices.isEmpty ? body : Splice.apply(splices, to: body.span.bytes)
    }

    /// What the usage costs; an upstream's own word for it, as another gateway has one, gives way.
    private func priced(_ usage: Range<Int>, by additions: ResponseAdditions) -> Splice? {
        guard !places.counts.isEmpty, additions.bill != nil else { return nil }
        guard !places.counts.contains(where: ResponseAdditions.isCost) else {
            return Splice(usage, JSONValue.object(additions.priced(places.counts)).bytes)
        }
        let members = Array(JSONValue.object(additions.costs).bytes.dropFirst().dropLast())
        let inside = usage.lowerBound + 1
        return Splice(inside..<inside, members + [UInt8(ascii: ",")])
    }

    /// The message as a tree, and the places in its text.
    private static func read(_ body: [UInt8]) throws(JSONError) -> (message: JSONValue, places: Places) {
        let text = body.span.bytes
        var cursor = JSONCursor()
        guard try cursor.next(text) == UInt8(ascii: "{") else { throw JSONError(.unexpectedByte, at: cursor.offset) }
        var places = Places(start: cursor.offset + 1)
        var members: [JSONValue.Member] = []
        if try cursor.enter("{", "}", text) {
            repeat {
                let name = try cursor.name(text).decoded(text)
                _ = try cursor.next(text)
                let start = cursor.offset
                let value = try cursor.value(text, depth: 1)
                switch name {
                case "metadata": places.metadata = start..<cursor.offset
                case "usage": (places.usage, places.counts) = (start..<cursor.offset, value.fields ?? [])
                default: break
                }
                members.append(.init(name, value))
            } while try cursor.another(UInt8(ascii: "}"), text)
        }
        try cursor.end(text)
        return (.object(members), places)
    }
}
