import Foundation
import Ledger
import Money
import TestSupport

/// Events that every projection folds, of an organization that has nothing to do with those that a gateway serves beside it.
struct SyntheticTrade: Sendable {
    let organization = OrganizationID.mint()
    private let project = ProjectID.mint()
    private let key = APIKeyID.mint()
    private var random: SeededGenerator
    private var places: Int64 = 0

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    func opening() throws -> [NewEvent] {
        [
            try event(OrganizationCreated(), .organization(organization), 0),
            try event(ProjectCreated(), .project(project), 0),
            try event(APIKeyCreated(project: project, tokenSHA256: Self.digest()), .apiKey(key), 0),
        ]
    }

    /// 32 events.
    mutating func batch() throws -> [NewEvent] {
        places += 1
        let other = ProjectID.mint()
        let amount = NanoDollars(Int64.random(in: 1...10_000_000_000, using: &random))
        var events = [
            try event(ProjectCreated(), .project(other), 0),
            try event(APIKeyCreated(project: other, tokenSHA256: Self.digest()), .apiKey(.mint()), 0),
            try event(ProviderKeyCreated(provider: "openai", place: places), .providerKey(.mint()), 0),
            try event(CreditToppedUp(amount: amount), .credit(organization), nil),
            try event(
                InvoiceIssued(payment: .mint(), lines: [.init(item: "credits", amount: amount)], total: amount), .invoices, nil),
        ]
        while events.count < 32 {
            let charge = NanoDollars(Int64.random(in: 1...1_000_000, using: &random))
            events.append(try event(RequestCompleted(outcome: outcome(charge)), .request(.mint()), 0))
        }
        return events
    }

    private func outcome(_ charge: NanoDollars) throws -> Outcome {
        let line = try PriceLine(component: "request", quantity: charge.rawValue, unit: "request", price: PicoDollars(1_000))
        return Outcome(
            instance: .mint(), project: project, apiKey: key, requestedModel: "m", model: "m", provider: "p",
            upstreamModel: "m", stream: false, cached: false, estimated: false, status: 200, error: nil, finishReason: "stop",
            unifiedFinishReason: "completed", attempts: [], usage: TokenUsage(), catalogueVersion: "test", credential: .house,
            price: try Bill(lines: [line]), cost: .none, held: charge, charged: charge, overrun: .zero, durationMS: 1,
            timeToFirstTokenMS: nil, admittedAt: .now)
    }

    private func event(_ data: some EventData, _ stream: StreamName, _ version: Int64?) throws -> NewEvent {
        try NewEvent(data, stream: stream, expectedVersion: version, organization: organization)
    }

    /// No two keys have one token.
    private static func digest() -> String { (UUID().lowercase + UUID().lowercase).replacing("-", with: "") }
}
