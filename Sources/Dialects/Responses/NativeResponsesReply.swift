internal import JSON
public import Money

extension ResponsesShape {
    /// A provider's answer as the client's: under the id by which it is known here, with what was asked here and what it costs.
    func adopted(_ response: JSONValue, estimated: TokenUsage? = nil, additions: ResponseAdditions? = nil) -> JSONValue {
        let ours: Set<String> = ["store", "previous_response_id", "max_output_tokens", "metadata"]
        var members: [JSONValue.Member] = (response.fields ?? []).filter { $0.name != "gateway" }.map { member in
            switch member.name {
            case "id": .init("id", .string(id))
            case "usage": .init("usage", priced(member.value, estimated: estimated, additions))
            case let name where ours.contains(name):
                .init(name, repeated.first { $0.0 == name }?.1 ?? member.value)
            default: member
            }
        }
        if let metadata = additions?.metadata { members.append(.init("gateway", metadata.json)) }
        return .object(members)
    }

    private func priced(_ usage: JSONValue, estimated: TokenUsage?, _ additions: ResponseAdditions?) -> JSONValue {
        guard let additions else { return usage }
        guard let told = usage.fields else { return estimated.map { Self.usage($0, additions) } ?? usage }
        return .object(told.filter { !$0.name.hasPrefix("cost") }.map(Self.counted) + additions.costs)
    }

    /// A member of a usage, with the count that OpenAI's SDK says is always there (`types/responses/response_usage.py`) and that not
    /// every provider of the API tells.
    private static func counted(_ member: JSONValue.Member) -> JSONValue.Member {
        let name = "cache_write_tokens"
        guard member.name == "input_tokens_details", let details = member.value.fields, member.value[name] == nil else {
            return member
        }
        return .init(member.name, .object(details + [.init(name, .integer(0))]))
    }
}

/// A whole answer of a provider that speaks the Responses API, for a client that does.
public struct NativeResponsesReply: AnswerScan {
    public let usage: TokenUsage?
    public let finishReasons: [String]
    public let estimatedCompletionTokens: Int64
    public let error: APIError?
    private let response: JSONValue
    private let shape: ResponsesShape

    /// Scans an answer.
    public init(_ body: [UInt8], for request: ResponsesTranslation) throws(ChatResponseError) {
        do { response = try JSONValue(body) } catch { throw ChatResponseError(message: "the answer holds \(error)") }
        shape = request.shape
        if response["object"] == nil, let said = response["error"], said != .null {
            (usage, finishReasons, estimatedCompletionTokens) = (nil, [], 0)
            error = ResponsesAnswer.error(response)
            return
        }
        guard response["object"] == .string("response"), let output = response["output"]?.elements else {
            throw ChatResponseError(message: "the answer is no response")
        }
        usage = ResponsesAnswer.usage(response["usage"])
        finishReasons = [ResponsesAnswer.finishReason(of: response)]
        estimatedCompletionTokens = TokenBound.estimate(bytes: Int64(output.reduce(0) { $0 + $1.bytes.count }))
        let isWhole = ["completed", "incomplete"].contains(response["status"]?.text)
        error = isWhole ? nil : ResponsesAnswer.error(.members([("response", response)]))
    }

    public func answer(_ additions: ResponseAdditions, body: [UInt8]) -> [UInt8] {
        shape.adopted(response, estimated: additions.estimatedUsage, additions: additions).bytes
    }
}

/// The stream of a provider that speaks the Responses API on its way to a client that does: the data of its events goes through as it
/// came, but for those that hold the whole answer, and the last of these is held back.
public struct ResponsesTap: StreamTap {
    public private(set) var usage: TokenUsage?
    public private(set) var finishReasons: [String] = []
    public private(set) var error: APIError?
    public private(set) var failure: SSETap.Failure?
    public private(set) var isDone = false
    public private(set) var estimatedCompletionTokens: Int64 = 0
    public let usageSoFar: TokenUsage? = nil
    /// The whole answer, once it was written.
    public private(set) var response: [UInt8]?

    private let shape: ResponsesShape
    private var reader = EventReader()
    /// The event that ends the stream.
    private var last: JSONValue?
    private var number = 0

    /// A tap of one stream.
    public init(for request: ResponsesTranslation) { shape = request.shape }

    public var isComplete: Bool { error == nil && failure == nil && isDone }

    public mutating func feed(_ bytes: [UInt8]) -> [UInt8] {
        guard !isDone, failure == nil, error == nil else { return [] }
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
        guard !isDone, failure == nil, error == nil else { return [] }
        var output: [UInt8] = []
        var reader = self.reader
        reader.end { data in pass(data, into: &output) }
        // Half an event at the very end is a broken connection, not a broken provider.
        if failure == .malformedEvent { failure = nil }
        return output
    }

    public mutating func finish(estimated: TokenUsage?, additions: ResponseAdditions) -> [UInt8] {
        guard let last else { return [] }
        let whole = shape.adopted(last["response"] ?? .null, estimated: estimated, additions: additions)
        response = whole.bytes
        return Self.event(last, response: whole)
    }

    public func event(_ error: APIError) -> [UInt8] {
        let event: [(String, JSONValue?)] = [
            ("type", .string("error")), ("sequence_number", .integer(number)), ("code", .string(error.code)),
            ("message", .string(error.message)), ("param", error.param.map { .string($0) } ?? .null),
        ]
        return Self.event(named: "error", JSONValue.members(event).bytes)
    }

    /// Returns whether the stream goes on.
    private mutating func pass(_ data: [UInt8], into output: inout [UInt8]) -> Bool {
        if data == Array("[DONE]".utf8) { return true }
        guard let event = try? JSONValue(data), let type = event["type"]?.text else {
            failure = .malformedEvent
            return false
        }
        if let number = event["sequence_number"]?.int64 { self.number = Int(clamping: number) &+ 1 }
        switch type {
        case "response.completed", "response.incomplete":
            // Clients read the whole answer out of it.
            guard let response = event["response"], response.fields != nil else {
                failure = .malformedEvent
                return false
            }
            usage = ResponsesAnswer.usage(response["usage"])
            finishReasons.append(ResponsesAnswer.finishReason(of: response))
            (last, isDone) = (event, true)
            return false
        case "response.failed", "response.cancelled", "error":
            let said = ResponsesAnswer.error(event)
            error = said
            if said.isOfAccount {
                output += self.event(said.concealed())
                return false
            }
        default:
            if let said = event["delta"]?.text {
                estimatedCompletionTokens += TokenBound.estimate(deltaBytes: Int64(said.utf8.count))
            }
        }
        if let response = event["response"], response.fields != nil {
            output += Self.event(event, response: shape.adopted(response))
        } else {
            // Line feeds of JSON's own are between tokens, so they can become spaces.
            output += Self.event(named: type, data.map { $0 == 0x0A ? 0x20 : $0 })
        }
        return error == nil
    }

    private static func event(_ event: JSONValue, response: JSONValue) -> [UInt8] {
        let members = (event.fields ?? []).map { $0.name == "response" ? .init("response", response) : $0 }
        return self.event(named: event["type"]?.text ?? "", JSONValue.object(members).bytes)
    }

    private static func event(named type: String, _ data: [UInt8]) -> [UInt8] {
        Array("event: ".utf8) + type.utf8.filter { $0 != 0x0A && $0 != 0x0D } + Array("\ndata: ".utf8) + data
            + Array("\n\n".utf8)
    }
}
