public import Money

/// An event that ends a request: version 2 of an authorized one, version 1 of one that needed no hold.
public protocol OutcomeEvent: EventData {
    var outcome: Outcome { get }
    init(outcome: Outcome)
}

extension OutcomeEvent {
    public init(from decoder: any Decoder) throws { self.init(outcome: try Outcome(from: decoder)) }
    public func encode(to encoder: any Encoder) throws { try outcome.encode(to: encoder) }

    public func encodeJSON(into writer: inout JSONWriter) throws(EventError) {
        writer.beginObject()
        outcome.writeMembers(into: &writer)
        writer.endObject()
    }
}

/// `request.completed`: the client has its answer.
public struct RequestCompleted: OutcomeEvent, Hashable {
    public static let type = "request.completed"
    public var outcome: Outcome
    public init(outcome: Outcome) { self.outcome = outcome }
}

/// `request.failed`: no provider gave an answer.
public struct RequestFailed: OutcomeEvent, Hashable {
    public static let type = "request.failed"
    public var outcome: Outcome
    public init(outcome: Outcome) { self.outcome = outcome }
}

/// `request.cancelled`: the client left; what came until then is charged.
public struct RequestCancelled: OutcomeEvent, Hashable {
    public static let type = "request.cancelled"
    public var outcome: Outcome
    public init(outcome: Outcome) { self.outcome = outcome }
}

/// `request.settled_late`: the true outcome of a request that was abandoned before; only ever version 3.
///
/// Its `held` is the old hold, and what it says is charged is posted now.
public struct RequestSettledLate: OutcomeEvent, Hashable {
    public static let type = "request.settled_late"
    public var outcome: Outcome
    public init(outcome: Outcome) { self.outcome = outcome }
}

/// `request.abandoned`: the process that served the request is gone. Nothing is charged, the hold is released.
public struct RequestAbandoned: EventData, Hashable {
    public static let type = "request.abandoned"
    public var outcome: Outcome
    /// For example `lease_expired`.
    public var reason: String
    /// What the loss is at most: the hold.
    public var bound: NanoDollars

    public init(outcome: Outcome, reason: String, bound: NanoDollars) {
        self.outcome = outcome
        self.reason = reason
        self.bound = bound
    }

    /// The end of an authorized request whose process is dead: nothing used, nothing charged.
    public init(of authorized: RequestAuthorized, reason: String, durationMS: Int64) {
        let outcome = Outcome(
            instance: authorized.instance, project: authorized.project, apiKey: authorized.apiKey,
            requestedModel: authorized.requestedModel, model: authorized.model, provider: authorized.provider,
            upstreamModel: nil, stream: authorized.stream, cached: false, estimated: false, status: 0,
            error: OutcomeError(type: "gateway_error", code: reason), finishReason: nil, unifiedFinishReason: "gateway_error",
            attempts: [], usage: TokenUsage(), catalogueVersion: "", credential: .house, price: .none, cost: .none,
            held: authorized.held, charged: .zero, overrun: .zero, durationMS: durationMS, timeToFirstTokenMS: nil,
            admittedAt: authorized.admittedAt)
        self.init(outcome: outcome, reason: reason, bound: authorized.held)
    }

    private enum CodingKeys: String, CodingKey { case reason, bound }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        reason = try container.decode(String.self, forKey: .reason)
        bound = try container.decode(NanoDollars.self, forKey: .bound)
        outcome = try Outcome(from: decoder)
    }

    public func encode(to encoder: any Encoder) throws {
        try outcome.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(reason, forKey: .reason)
        try container.encode(bound, forKey: .bound)
    }

    public func encodeJSON(into writer: inout JSONWriter) throws(EventError) {
        writer.beginObject()
        outcome.writeMembers(into: &writer)
        writer.member("reason", reason)
        writer.member("bound", bound)
        writer.endObject()
    }
}
