import ArgumentParser
import Foundation
import Ledger
import Logging
import Money
import Postgres
import TestSupport

/// A busy day of a gateway as events: organizations with projects, keys and credit, then requests, most of them authorized and
/// completed, some failed, cancelled, abandoned, settled late or denied.
///
/// Ids are time-ordered as live ones are, so that indexes grow as they do live; all else follows from the seed.
struct BusyDay {
    private struct Key {
        let organization: OrganizationID
        let project: ProjectID
        let key: APIKeyID
    }

    private struct Open {
        let request: RequestID
        let organization: OrganizationID
        let authorized: RequestAuthorized
    }

    private var random: SeededGenerator
    private var keys: [Key] = []
    private var running: [Open] = []
    private var abandoned: [Open] = []
    private var pending: [NewEvent] = []
    private var clock = Timestamp(microseconds: 1_769_900_400_000_000)
    private let instance = InstanceID.mint()
    private let step: Int64
    private let shops: Int
    private static let models = [
        "gpt-4o", "gpt-4o-mini", "o4-mini", "claude-sonnet", "claude-haiku", "llama-3.3", "qwen3", "gemma",
    ]
    private static let providers = ["openai", "anthropic", "groq", "together"]

    /// - Parameters:
    ///   - organizations: Each with two projects and ten keys.
    ///   - day: How many events make 24 hours of occurrences.
    init(seed: UInt64 = 1, organizations: Int = 50, day: Int = 1_000_000) {
        random = SeededGenerator(seed: seed)
        shops = organizations
        step = 2 * 86_400_000_000 / Int64(day)
    }

    /// The next `count` events.
    mutating func events(_ count: Int) throws -> [NewEvent] {
        if keys.isEmpty { for _ in 0..<shops { try open() } }
        var events: [NewEvent] = []
        events.reserveCapacity(count)
        while events.count < count {
            if pending.isEmpty { try happen() }
            let taken = min(pending.count, count - events.count)
            events += pending.prefix(taken)
            pending.removeFirst(taken)
        }
        return events
    }

    private mutating func open() throws {
        let organization = OrganizationID.mint()
        try put(OrganizationCreated(strict: true), .organization(organization), 0, organization)
        try topUp(organization)
        for _ in 0..<2 {
            let project = ProjectID.mint()
            try put(ProjectCreated(usageLimit: NanoDollars(1_000_000_000_000)), .project(project), 0, organization)
            for _ in 0..<5 {
                let key = APIKeyID.mint()
                keys.append(Key(organization: organization, project: project, key: key))
                let digest = (0..<8).map { _ in String(format: "%08x", UInt32.random(in: 0 ... .max, using: &random)) }.joined()
                try put(APIKeyCreated(project: project, tokenSHA256: digest), .apiKey(key), 0, organization)
            }
        }
    }

    private mutating func topUp(_ organization: OrganizationID) throws {
        try put(
            CreditToppedUp(amount: NanoDollars(100_000_000_000), fee: NanoDollars(5_000_000_000)), .credit(organization), nil,
            organization)
    }

    /// Some hundred requests run at any time, and of a hundred steps one or two are something else than a request.
    private mutating func happen() throws {
        switch chance(1000) {
        case ..<4: try topUp(keys[chance(keys.count)].organization)
        case ..<14: try deny()
        case ..<16 where !abandoned.isEmpty:
            let open = abandoned.removeFirst()
            try put(RequestSettledLate(outcome: try outcome(of: open)), .request(open.request), 2, open.organization)
        default: try running.count < 300 || chance(2) == 0 ? authorize() : finish()
        }
    }

    private mutating func deny() throws {
        let key = keys[chance(keys.count)]
        try put(
            RequestDenied(
                project: key.project, apiKey: key.key, reason: "balance", scope: "organization", model: Self.models[0],
                status: 402,
                count: Int64(1 + chance(20))),
            .request(.mint()), 0, key.organization)
    }

    private mutating func authorize() throws {
        // Every key uses two models, as most do.
        let index = chance(keys.count)
        let model = (index + chance(2) * 3) % Self.models.count
        let key = keys[index]
        let authorized = RequestAuthorized(
            instance: instance, epoch: 2, admittedAt: clock, project: key.project, apiKey: key.key,
            requestedModel: Self.models[model], model: Self.models[model], provider: Self.providers[model % Self.providers.count],
            stream: chance(2) == 0, held: NanoDollars(Int64(20_000_000 + chance(20_000_000))), strict: true)
        let open = Open(request: .mint(), organization: key.organization, authorized: authorized)
        running.append(open)
        let metadata = EventMetadata(clientRequestID: chance(4) == 0 ? "client-\(chance(1_000_000))" : nil)
        try put(authorized, .request(open.request), 0, open.organization, metadata)
    }

    private mutating func finish() throws {
        let place = chance(running.count)
        let open = running[place]
        running[place] = running[running.count - 1]
        running.removeLast()
        let stream = StreamName.request(open.request)
        switch chance(100) {
        case 0:
            abandoned.append(open)
            let event = RequestAbandoned(of: open.authorized, reason: "lease_expired", durationMS: 60_000)
            try put(event, stream, 1, open.organization, EventMetadata(source: "recovery"))
        case 1..<3: try put(RequestCancelled(outcome: try outcome(of: open)), stream, 1, open.organization)
        case 3..<6: try put(RequestFailed(outcome: try outcome(of: open, failed: true)), stream, 1, open.organization)
        default: try put(RequestCompleted(outcome: try outcome(of: open)), stream, 1, open.organization)
        }
    }

    private mutating func outcome(of open: Open, failed: Bool = false) throws -> Outcome {
        let of = open.authorized
        let usage =
            failed
            ? TokenUsage()
            : TokenUsage(
                promptTokens: Int64(100 + chance(5000)), completionTokens: Int64(20 + chance(1500)),
                cachedTokens: Int64(chance(100)))
        let price = failed ? Bill.none : try bill(usage, 2_500_000)
        let cost = failed ? Bill.none : try bill(usage, 2_000_000)
        let charged = min(price.total, of.held)
        return Outcome(
            instance: instance, project: of.project, apiKey: of.apiKey, requestedModel: of.requestedModel, model: of.model,
            provider: of.provider, upstreamModel: of.model + "-2026-01-01", stream: of.stream, cached: false, estimated: false,
            status: failed ? 502 : 200,
            error: failed ? OutcomeError(type: "upstream_error", code: "bad_gateway", upstreamStatus: 500) : nil,
            finishReason: failed ? nil : "stop", unifiedFinishReason: failed ? "upstream_error" : "completed",
            attempts: [Attempt(provider: of.provider, model: of.model, status: failed ? 500 : 200, error: nil, durationMS: 700)],
            usage: usage, catalogueVersion: "5c4d0b8c1f3a", credential: .house, price: price, cost: cost, held: of.held,
            charged: charged, overrun: try price.total.subtracting(charged), durationMS: Int64(200 + chance(3000)),
            timeToFirstTokenMS: of.stream ? Int64(chance(900)) : nil, admittedAt: of.admittedAt)
    }

    private func bill(_ usage: TokenUsage, _ price: Int64) throws -> Bill {
        func line(_ component: String, _ quantity: Int64, _ price: Int64) throws -> PriceLine {
            try PriceLine(component: component, quantity: quantity, unit: "token", price: PicoDollars(price))
        }
        return try Bill(lines: [
            try line("input", usage.promptTokens - usage.cachedTokens, price),
            try line("cached_input", usage.cachedTokens, price / 2), try line("output", usage.completionTokens, price * 4),
        ])
    }

    private mutating func put(
        _ data: some EventData, _ stream: StreamName, _ expected: Int64?, _ organization: OrganizationID,
        _ metadata: EventMetadata = EventMetadata()
    ) throws {
        clock = Timestamp(microseconds: clock.microseconds + Int64.random(in: 0..<max(1, step), using: &random))
        pending.append(
            try NewEvent(
                data, stream: stream, expectedVersion: expected, organization: organization, metadata: metadata,
                occurredAt: clock))
    }

    private mutating func chance(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &random) }
}

extension BusyDay {
    /// Appends the next `count` events by `ledger.append`, thousands a commit.
    ///
    /// - Returns: The position of the last.
    @discardableResult
    mutating func append(_ count: Int, to connection: PostgresConnection) async throws -> Int64 {
        var last: Int64 = 0
        var left = count
        while left > 0 {
            let taken = min(left, Self.eventsOfCommit)
            left -= taken
            last = try await Self.append(try events(taken), to: connection)
        }
        return last
    }

    private static let eventsOfCommit = 32 * 128

    /// Appends events, each a command of its own.
    ///
    /// - Returns: The position of the last.
    @discardableResult
    static func append(_ events: [NewEvent], to connection: PostgresConnection) async throws -> Int64 {
        var last: Int64 = 0
        for start in stride(from: 0, to: events.count, by: eventsOfCommit) {
            let part = events[start..<min(start + eventsOfCommit, events.count)]
            let statements = stride(from: part.startIndex, to: part.endIndex, by: 128).map {
                call(Array(part[$0..<min($0 + 128, part.endIndex)]))
            }
            for result in try await connection.pipeline(statements, deadline: .seconds(120)) {
                for row in try result.get() {
                    let result = try row.decode(1, as: String.self)
                    guard result == "appended" else { throw ValidationError("an event of the fill was answered \(result)") }
                    last = max(last, try row.decode(2))
                }
            }
        }
        return last
    }

    private static func call(_ events: [NewEvent]) -> PostgresStatement {
        PostgresStatement(
            """
            SELECT command, result, last_position
            FROM ledger.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
            """,
            [
                .int4Array(events.indices.map { Int32($0 + 1) }), .uuidArray(events.map(\.id.uuid)),
                .textArray(events.map(\.stream.kind.rawValue)), .uuidArray(events.map(\.stream.id)),
                .int8Array(events.map(\.expectedVersion)), .textArray(events.map(\.type)),
                .int4Array(events.map(\.schemaVersion)), .uuidArray(events.map { $0.organization?.uuid }),
                .jsonbArray(events.map(\.data)), .jsonbArray(events.map(\.metadata)),
                .timestamptzArray(events.map(\.occurredAt.microseconds)), .int8Array(events.map(\.epoch)),
            ])
    }
}
