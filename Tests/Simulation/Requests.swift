import Ledger
import Money

extension RequestAuthorized {
    /// The hold of a request of which nothing but who pays and how much matters.
    static func of(_ project: ProjectID, _ apiKey: APIKeyID, held: Int64) -> RequestAuthorized {
        RequestAuthorized(
            instance: .mint(), epoch: 1, admittedAt: .now, project: project, apiKey: apiKey, requestedModel: "m", model: "m",
            provider: "p", stream: false, held: NanoDollars(held), strict: true)
    }
}

extension Outcome {
    /// What such a request ended with.
    static func of(_ project: ProjectID, _ apiKey: APIKeyID, held: Int64, charged: Int64) -> Outcome {
        Outcome(
            instance: .mint(), project: project, apiKey: apiKey, requestedModel: "m", model: "m", provider: "p",
            upstreamModel: "m", stream: false, cached: false, estimated: false, status: 200, error: nil, finishReason: nil,
            unifiedFinishReason: "completed", attempts: [], usage: TokenUsage(), catalogueVersion: "1", credential: .house,
            price: Bill(lines: [], total: NanoDollars(charged)), cost: .none, held: NanoDollars(held),
            charged: NanoDollars(charged), overrun: .zero, durationMS: 1, timeToFirstTokenMS: nil, admittedAt: .now)
    }
}
