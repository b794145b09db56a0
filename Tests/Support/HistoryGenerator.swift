import Foundation
public import Ledger
import Money

/// Random but valid histories: organizations with projects and keys, credit of every kind, payments and subscriptions, and requests
/// with every outcome, interleaved. The whole history follows from the seed, ids and times included.
public struct HistoryGenerator: Sendable {
    /// A key and what it belongs to.
    public struct Key: Sendable, Hashable {
        public let organization: OrganizationID
        public let project: ProjectID
        public let key: APIKeyID
    }

    /// A request that has an authorization and no outcome, or an abandonment and no late settlement.
    struct Open: Sendable {
        let request: RequestID
        let organization: OrganizationID
        let authorized: RequestAuthorized
    }

    /// The keys that were created, in order.
    public private(set) var keys: [Key] = []
    var random: SeededGenerator
    var organizations: [OrganizationID] = []
    var projects: [(ProjectID, OrganizationID)] = []
    var running: [Open] = []
    var abandoned: [Open] = []
    private var grants: [(grant: GrantID, organization: OrganizationID)] = []
    private var clock: Int64
    private var pending: [NewEvent] = []
    private let models = ["gpt-4o-mini", "claude-haiku", "llama-3.3", "größtes-modell"]
    private let providers = ["openai", "anthropic", "groq"]

    /// - Parameter start: The time of the first event, microseconds since 1970; the default is 2026-01-31 23:00 UTC, so that a
    ///   history crosses hours, a day and a month.
    public init(seed: UInt64, start: Int64 = 1_769_900_400_000_000) {
        random = SeededGenerator(seed: seed)
        clock = start
    }

    /// At least the next `count` events, and the whole of the last command: what a ledger may be asked about.
    public mutating func events(atLeast count: Int) throws -> [NewEvent] { try events(count) + rest() }

    /// The next `count` events, the last of which may be inside of a command.
    public mutating func events(_ count: Int) throws -> [NewEvent] {
        var events: [NewEvent] = []
        while events.count < count {
            if pending.isEmpty { try step() }
            let taken = min(pending.count, count - events.count)
            events += pending.prefix(taken)
            pending.removeFirst(taken)
        }
        return events
    }

    /// What is left of the command that the last event belongs to: a ledger never ends inside of one.
    public mutating func rest() -> [NewEvent] {
        defer { pending = [] }
        return pending
    }

    private mutating func step() throws {
        if keys.isEmpty {
            try createOrganization()
            try createProject()
            return try createKey()
        }
        switch chance(1000) {
        case ..<8: try createOrganization()
        case ..<20: try createProject()
        case ..<40: try createKey()
        case ..<85: try credit()
        case ..<97: try payment()
        case ..<100: try subscription()
        case ..<115: try deny()
        case ..<120: try void()
        case ..<200: try finishAtOnce()
        case ..<600 where running.count < 200: try authorize()
        case ..<630: try settleLate()
        default: try finish()
        }
    }

    private mutating func createOrganization() throws {
        let id = OrganizationID(uuid: uuid())
        organizations.append(id)
        try put(OrganizationCreated(strict: chance(4) > 0), .organization(id), 0, id)
        try grant(.promotional, upTo: 50, to: id)
        // A project and a key, or its credit is all that there is of it.
        let project = ProjectID(uuid: uuid())
        projects.append((project, id))
        try put(ProjectCreated(), .project(project), 0, id)
    }

    private mutating func createProject() throws {
        let organization = pick(organizations)
        let id = ProjectID(uuid: uuid())
        projects.append((id, organization))
        try put(ProjectCreated(usageLimit: chance(3) == 0 ? amount(upTo: 100) : nil), .project(id), 0, organization)
    }

    private mutating func createKey() throws {
        let (project, organization) = pick(projects)
        let id = APIKeyID(uuid: uuid())
        keys.append(Key(organization: organization, project: project, key: id))
        let digest = (0..<8).map { _ in String(format: "%08x", UInt32.random(in: 0 ... .max, using: &random)) }.joined()
        try put(APIKeyCreated(project: project, tokenSHA256: digest), .apiKey(id), 0, organization)
    }

    private mutating func credit() throws {
        let id = pick(organizations)
        switch chance(6) {
        case 0:
            let kinds: [GrantKind] = [.promotional, .paid, .referral, .adjustment]
            try grant(pick(kinds), upTo: 20, to: id)
        case 1: try put(CreditAdjusted(amount: signed(amount(upTo: 5)), reason: "test"), .credit(id), nil, id)
        case 2: try put(CreditRefunded(amount: amount(upTo: 3)), .credit(id), nil, id)
        case 3:
            let (grant, organization) = pick(grants)
            try put(CreditExpired(grant: grant, amount: amount(upTo: 2)), .credit(organization), nil, organization)
        default: try put(CreditToppedUp(amount: amount(upTo: 100), fee: amount(upTo: 5)), .credit(id), nil, id)
        }
    }

    private mutating func grant(_ kind: GrantKind, upTo dollars: Int64, to organization: OrganizationID) throws {
        let grant = GrantID(uuid: uuid())
        grants.append((grant, organization))
        let expiry = chance(3) == 0 ? Timestamp(microseconds: clock + Int64(chance(90)) * 86_400_000_000) : nil
        try put(
            CreditGranted(
                grant: grant, kind: kind, amount: amount(upTo: dollars), expiresAt: expiry, priority: Int64(chance(3) - 1),
                referred: kind == .referral ? pick(organizations) : nil), .credit(organization), nil, organization)
    }

    private mutating func deny() throws {
        let key = pick(keys)
        let limits: [(reason: String, scope: String?, status: Int)] = [
            ("balance", "organization", 402), ("key_limit", "api_key", 402), ("requests_per_minute", "api_key", 429),
        ]
        let others: [(reason: String, scope: String?, status: Int)] = [
            ("model_not_found", nil, 400), ("invalid_parameters", nil, 400), ("request_too_large", nil, 413),
        ]
        let refusal = pick(chance(2) == 0 ? limits : others)
        try put(
            RequestDenied(
                project: key.project, apiKey: key.key, reason: refusal.reason, scope: refusal.scope,
                model: chance(2) == 0 ? pick(models) : nil, status: refusal.status, count: Int64(1 + chance(9))),
            .request(RequestID(uuid: uuid())), 0, key.organization)
    }

    private mutating func void() throws {
        let key = pick(keys)
        try put(
            RequestVoided(reason: "hold_without_event", project: key.project, apiKey: key.key, held: amount(upTo: 1)),
            .request(RequestID(uuid: uuid())), 0, key.organization)
    }

    private mutating func authorize() throws {
        let (open, metadata) = newRequest()
        running.append(open)
        try put(open.authorized, .request(open.request), 0, open.organization, metadata)
    }

    private mutating func finishAtOnce() throws {
        let (open, metadata) = newRequest()
        let outcome = try outcome(of: open.authorized, held: .zero)
        try putOutcome(outcome, of: open, expected: 0, metadata)
    }

    private mutating func finish() throws {
        guard !running.isEmpty else { return }
        let open = running.remove(at: chance(running.count))
        if chance(12) == 0 {
            abandoned.append(open)
            let event = RequestAbandoned(of: open.authorized, reason: "lease_expired", durationMS: Int64(60_000 + chance(1000)))
            return try put(event, .request(open.request), 1, open.organization, EventMetadata(source: "recovery"))
        }
        try putOutcome(try outcome(of: open.authorized, held: open.authorized.held), of: open, expected: 1, EventMetadata())
    }

    private mutating func settleLate() throws {
        guard !abandoned.isEmpty else { return }
        let open = abandoned.remove(at: chance(abandoned.count))
        let outcome = try outcome(of: open.authorized, held: open.authorized.held)
        try put(RequestSettledLate(outcome: outcome), .request(open.request), 2, open.organization)
    }

    private mutating func putOutcome(_ outcome: Outcome, of open: Open, expected: Int64, _ metadata: EventMetadata) throws {
        let (stream, organization) = (StreamName.request(open.request), open.organization)
        switch chance(10) {
        case 0: try put(RequestFailed(outcome: outcome), stream, expected, organization, metadata)
        case 1: try put(RequestCancelled(outcome: outcome), stream, expected, organization, metadata)
        default: try put(RequestCompleted(outcome: outcome), stream, expected, organization, metadata)
        }
    }

    private mutating func newRequest() -> (Open, EventMetadata) {
        let key = pick(keys)
        let model = pick(models)
        let authorized = RequestAuthorized(
            instance: InstanceID(uuid: uuid()), epoch: 1, admittedAt: Timestamp(microseconds: clock), project: key.project,
            apiKey: key.key, requestedModel: chance(3) == 0 ? "openai/\(model)" : model, model: model, provider: pick(providers),
            stream: chance(2) == 0, held: amount(upTo: 1), strict: chance(4) > 0)
        let metadata = EventMetadata(clientRequestID: chance(3) == 0 ? "client-\(chance(50))" : nil)
        return (Open(request: RequestID(uuid: uuid()), organization: key.organization, authorized: authorized), metadata)
    }

    /// A random outcome; in strict mode it is charged at most `held`.
    private mutating func outcome(of authorized: RequestAuthorized, held: NanoDollars) throws -> Outcome {
        let usage = TokenUsage(
            promptTokens: Int64(chance(5000)), completionTokens: Int64(chance(8000)), cachedTokens: Int64(chance(500)),
            cacheWriteTokens: Int64(chance(100)), reasoningTokens: Int64(chance(300)))
        let credential: CredentialOwner = chance(10) == 0 ? .organization : .house
        let isFree = held == .zero
        let price = isFree ? Bill.none : try bill(usage, price: Int64(chance(40)) * 100_000)
        let cost = credential == .organization || isFree ? Bill.none : try bill(usage, price: Int64(chance(30)) * 100_000)
        let charged = authorized.strict ? min(price.total, held) : price.total
        let failed = chance(8) == 0
        return Outcome(
            instance: authorized.instance, project: authorized.project, apiKey: authorized.apiKey,
            requestedModel: authorized.requestedModel, model: authorized.model, provider: isFree ? nil : pick(providers),
            upstreamModel: isFree ? nil : authorized.model + "-2026", stream: authorized.stream, cached: isFree && chance(2) == 0,
            estimated: chance(5) == 0, status: failed ? 502 : 200,
            error: failed
                ? OutcomeError(type: "upstream_error", code: "bad_gateway", upstreamStatus: chance(2) == 0 ? 500 : nil) : nil,
            finishReason: failed ? nil : "stop", unifiedFinishReason: failed ? "upstream_error" : "completed",
            attempts: (0..<chance(3)).map { _ in
                Attempt(provider: "openai", model: authorized.model, status: 200, error: nil, durationMS: 12)
            },
            usage: usage, catalogueVersion: "test", credential: credential, price: price, cost: cost, held: held,
            charged: charged, overrun: try price.total.subtracting(charged), durationMS: Int64(chance(30_000)),
            timeToFirstTokenMS: chance(2) == 0 ? Int64(chance(900)) : nil, admittedAt: authorized.admittedAt)
    }

    private mutating func bill(_ usage: TokenUsage, price: Int64) throws -> Bill {
        var lines = [try line("input", usage.promptTokens, price), try line("output", usage.completionTokens, price * 3)]
        if chance(2) == 0 { lines.append(try line("cached_input", usage.cachedTokens, price / 2)) }
        if chance(4) == 0 { lines.append(try line("cache_write", usage.cacheWriteTokens, price + 1)) }
        if chance(5) == 0 { lines.append(try line("reasoning", usage.reasoningTokens, price * 2)) }
        if chance(6) == 0 { lines.append(try line("request", 1, 1_000_000_000, unit: "request")) }
        if chance(9) == 0 {
            lines.append(try line("image", Int64(chance(4)), 2_000_000_000, unit: "image"))
            lines.append(try line("image_input", usage.promptTokens, price * 2))
        }
        if chance(20) == 0 { lines.append(try line("search", 1, 5_000_000_000, unit: "request")) }
        return try Bill(lines: lines)
    }

    private func line(_ component: String, _ quantity: Int64, _ price: Int64, unit: String = "token") throws -> PriceLine {
        try PriceLine(component: component, quantity: quantity, unit: unit, price: PicoDollars(price))
    }
}

extension HistoryGenerator {
    /// A number below `bound`.
    public mutating func chance(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &random) }

    public mutating func pick<Element>(_ elements: [Element]) -> Element { elements[chance(elements.count)] }

    mutating func uuid() -> UUID {
        let (high, low) = (random.next(), random.next())
        let bytes =
            (0..<8).map { UInt8(truncatingIfNeeded: high >> (8 * $0)) }
            + (0..<8).map { UInt8(truncatingIfNeeded: low >> (8 * $0)) }
        return UUID(
            uuid: (
                bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7], bytes[8], bytes[9], bytes[10],
                bytes[11], bytes[12], bytes[13], bytes[14], bytes[15]
            ))
    }

    /// Up to so many dollars, to the nano-dollar, never zero.
    mutating func amount(upTo dollars: Int64) -> NanoDollars {
        NanoDollars(Int64.random(in: 1...(dollars * 1_000_000_000), using: &random))
    }

    private mutating func signed(_ amount: NanoDollars) -> NanoDollars {
        chance(2) == 0 ? amount : NanoDollars(-amount.rawValue)
    }

    mutating func put(
        _ data: some EventData, _ stream: StreamName, _ expected: Int64?, _ organization: OrganizationID?,
        _ metadata: EventMetadata = EventMetadata()
    ) throws {
        clock += Int64(chance(4_000_000))
        // What is made of a payment is appended by whoever is first, and clocks differ.
        let behind = stream.kind == .payment ? Int64(chance(60_000_000)) : 0
        pending.append(
            try NewEvent(
                data, id: EventID(uuid: uuid()), stream: stream, expectedVersion: expected, organization: organization,
                metadata: metadata, occurredAt: Timestamp(microseconds: clock - behind)))
    }
}
