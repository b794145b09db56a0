internal import JSON
public import Money

/// Anthropic's own stream on its way to a client that speaks Messages: the data of its events goes through as it came, but for
/// `message_delta`, which is told what the usage costs, and `message_stop`, which is held back.
public struct MessagesTap: StreamTap {
    public private(set) var usage: TokenUsage?
    public private(set) var finishReasons: [String] = []
    public private(set) var error: APIError?
    public private(set) var failure: SSETap.Failure?
    public private(set) var isDone = false
    public private(set) var estimatedCompletionTokens: Int64 = 0
    public var usageSoFar: TokenUsage? { counts.tokens }

    private var reader = EventReader()
    private var counts = MessagesUsage()
    /// How the message ended, as it was told last.
    private var ending = JSONValue.members([("stop_reason", .null), ("stop_sequence", .null)])
    private let additions: @Sendable (TokenUsage) -> ResponseAdditions?

    /// A tap of one stream.
    ///
    /// - Parameter additions: what is added to an event with this usage.
    public init(additions: @escaping @Sendable (TokenUsage) -> ResponseAdditions? = { _ in nil }) { self.additions = additions }

    public var isComplete: Bool { error == nil && failure == nil && (isDone || !finishReasons.isEmpty) }

    public mutating func feed(_ bytes: [UInt8]) -> [UInt8] {
        guard !isDone, failure == nil else { return [] }
        var output: [UInt8] = []
        // Moved out, not copied: its bytes would be, with each chunk.
        var reader = self.reader
        self.reader = EventReader()
        reader.feed(bytes) { data in pass(data, into: &output) }
        self.reader = reader
        if reader.isTooLong { failure = .eventTooLong }
        return output
    }

    public mutating func end() -> [UInt8] {
        guard !isDone, failure == nil else { return [] }
        var output: [UInt8] = []
        var reader = self.reader
        reader.end { data in pass(data, into: &output) }
        // Half an event at the very end is a broken connection, not a broken provider.
        if failure == .malformedEvent { failure = nil }
        return output
    }

    public mutating func finish(estimated: TokenUsage?, additions: ResponseAdditions) -> [UInt8] {
        let stop = MessagesEvents.event("message_stop", .members([("type", .string("message_stop"))]))
        guard let estimated, usage == nil else { return stop }
        // Nobody told the usage, so no event could say what it costs.
        let delta: [(String, JSONValue?)] = [
            ("type", .string("message_delta")), ("delta", ending), ("usage", estimated.messagesValue(additions)),
            ("metadata", additions.metadata?.json),
        ]
        return MessagesEvents.event("message_delta", .members(delta)) + stop
    }

    public func event(_ error: APIError) -> [UInt8] { error.messagesEvent }

    private static func adding(_ additions: ResponseAdditions, to event: JSONValue) -> JSONValue {
        let members: [JSONValue.Member] = (event.fields ?? []).map { member in
            guard member.name == "usage", let counts = member.value.fields else { return member }
            return .init("usage", .object(additions.priced(counts)))
        }
        guard let metadata = additions.metadata else { return .object(members) }
        let others = members.filter { $0.name != "metadata" }
        return .object(others + [.init("metadata", metadata.joined(with: event["metadata"]))])
    }

    /// Returns whether the stream goes on.
    private mutating func pass(_ data: [UInt8], into output: inout [UInt8]) -> Bool {
        guard let event = try? JSONValue(data), let type = event["type"]?.text else {
            failure = .malformedEvent
            return false
        }
        switch type {
        case "message_start": counts.merge(event["message"]?["usage"])
        case "content_block_delta":
            let delta = event["delta"]
            let said = (delta?["text"] ?? delta?["thinking"] ?? delta?["partial_json"])?.text ?? ""
            estimatedCompletionTokens += TokenBound.estimate(deltaBytes: Int64(said.utf8.count))
        case "message_delta":
            counts.merge(event["usage"])
            // Only now the output is counted to its end.
            if event["usage"] != nil { usage = counts.whole }
            if let reason = event["delta"]?["stop_reason"]?.text { finishReasons.append(reason) }
            if let delta = event["delta"] { ending = delta }
            if event["usage"] != nil, let additions = usage.flatMap(additions) {
                output += MessagesEvents.event(type, Self.adding(additions, to: event))
                return true
            }
        case "message_stop":
            isDone = true
            return false
        case "error" where error == nil:
            let said = APIError.messages(status: nil, event)
            error = said
            if said.isOfAccount {
                output += said.concealed().messagesEvent
                return true
            }
        default: break
        }
        output += "event: ".utf8
        output += type.utf8.filter { $0 != 0x0A && $0 != 0x0D }
        output += "\ndata: ".utf8
        // Line feeds of JSON's own are between tokens, so they can become spaces.
        output += data.map { $0 == 0x0A ? 0x20 : $0 }
        output += "\n\n".utf8
        return true
    }
}
