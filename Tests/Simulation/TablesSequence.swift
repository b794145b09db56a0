import Foundation
import Ledger
import Money
import Simulation

/// Events of two organizations, as gateways and people append them: every type that admission folds, without limits of a period.
struct TablesSequence {
    private struct Owner {
        let organization: OrganizationID
        let project: ProjectID
        let key: APIKeyID
    }

    private struct Request {
        let owner: Owner
        let id: RequestID
        let held: Int64
    }

    let organizations = (0..<2).map { _ in OrganizationID.mint() }
    private let ledger: StreamName
    private var random: SplitMix64
    private var owners: [Owner] = []
    private var running: [Request] = []
    private var abandoned: [Request] = []
    private var events: [NewEvent] = []

    init(seed: UInt64, ledger: StreamName) {
        random = SplitMix64(seed: seed)
        self.ledger = ledger
    }

    /// Each is a command of its own.
    mutating func batch() throws -> [NewEvent] {
        events = []
        if owners.isEmpty { for organization in organizations { try open(organization) } }
        for _ in 0..<(4 + random.below(16)) { try step() }
        return events
    }

    private mutating func open(_ organization: OrganizationID) throws {
        try put(OrganizationCreated(strict: !random.once(in: 3)), .organization(organization), 0, organization)
        for _ in 0..<2 { try addProject(organization) }
        try put(CreditToppedUp(amount: amount()), .credit(organization), nil, organization)
    }

    private mutating func addProject(_ organization: OrganizationID) throws {
        let project = ProjectID.mint()
        try put(
            ProjectCreated(usageLimit: random.once(in: 2) ? amount() : nil), .project(project), 0, organization)
        for _ in 0...random.below(2) { try addKey(of: project, organization) }
    }

    private mutating func addKey(of project: ProjectID, _ organization: OrganizationID) throws {
        let key = APIKeyID.mint()
        owners.append(Owner(organization: organization, project: project, key: key))
        try put(
            APIKeyCreated(
                project: project, tokenSHA256: digest(), usageLimit: random.once(in: 2) ? amount() : nil,
                requestsPerMinute: random.once(in: 3) ? random.within(0...50) : nil,
                tokensPerMinute: random.once(in: 3) ? random.within(0...500) : nil,
                expiresAt: random.once(in: 3) ? Timestamp.now : nil,
                status: random.once(in: 5) ? .inactive : .active), .apiKey(key), 0, organization)
    }

    private mutating func step() throws {
        let owner = owners[random.below(owners.count)]
        switch random.below(24) {
        case 0..<6: try authorize(owner)
        case 6..<11: try finish()
        case 11: try settleLate()
        case 12:
            let request = Request(owner: owner, id: .mint(), held: 0)
            try put(RequestCompleted(outcome: outcome(of: request)), .request(request.id), 0, owner.organization)
        case 13: try putWithoutCharge(owner)
        case 14..<17: try credit(owner.organization)
        case 17: try changeOrganization(owner.organization)
        case 18: try changeProject(owner)
        case 19..<22: try changeKey(owner)
        case 22: try putRule(owner)
        default:
            if random.once(in: 2) { return try addProject(owner.organization) }
            try addKey(of: owner.project, owner.organization)
        }
    }

    // MARK: Requests

    private mutating func authorize(_ owner: Owner) throws {
        let request = Request(owner: owner, id: .mint(), held: random.within(0...90))
        running.append(request)
        try put(
            RequestAuthorized.of(owner.project, owner.key, held: request.held), .request(request.id), 0, owner.organization)
    }

    private mutating func finish() throws {
        guard !running.isEmpty else { return }
        let request = running.remove(at: random.below(running.count))
        let (stream, organization) = (StreamName.request(request.id), request.owner.organization)
        switch random.below(5) {
        case 0:
            abandoned.append(request)
            let outcome = Outcome.of(request.owner.project, request.owner.key, held: request.held, charged: 0)
            let event = RequestAbandoned(outcome: outcome, reason: "lease_expired", bound: NanoDollars(request.held))
            try put(event, stream, 1, organization)
        case 1: try put(RequestFailed(outcome: outcome(of: request)), stream, 1, organization)
        case 2: try put(RequestCancelled(outcome: outcome(of: request)), stream, 1, organization)
        default: try put(RequestCompleted(outcome: outcome(of: request)), stream, 1, organization)
        }
    }

    private mutating func settleLate() throws {
        guard !abandoned.isEmpty else { return }
        let request = abandoned.remove(at: random.below(abandoned.count))
        try put(RequestSettledLate(outcome: outcome(of: request)), .request(request.id), 2, request.owner.organization)
    }

    private mutating func putWithoutCharge(_ owner: Owner) throws {
        let stream = StreamName.request(.mint())
        if random.once(in: 2) {
            let event = RequestVoided(reason: "test", project: owner.project, apiKey: owner.key, held: amount())
            try put(event, stream, 0, owner.organization)
        } else {
            let event = RequestDenied(
                project: owner.project, apiKey: owner.key, reason: "balance", scope: "organization", model: nil, status: 402)
            try put(event, stream, 0, owner.organization)
        }
    }

    private mutating func outcome(of request: Request) -> Outcome {
        .of(request.owner.project, request.owner.key, held: request.held, charged: random.within(0...90))
    }

    // MARK: What people change

    private mutating func credit(_ organization: OrganizationID) throws {
        let (amount, stream) = (amount(), StreamName.credit(organization))
        switch random.below(8) {
        case 0: try put(CreditGranted(grant: .mint(), kind: .paid, amount: amount), stream, nil, organization)
        case 1: try put(CreditToppedUp(amount: amount), stream, nil, organization)
        case 2:
            let signed = NanoDollars(amount.rawValue - 450)
            try put(CreditAdjusted(amount: signed, reason: "test"), stream, nil, organization)
        case 3: try put(CreditRefunded(amount: amount), stream, nil, organization)
        case 4: try put(CreditExpired(grant: .mint(), amount: amount), stream, nil, organization)
        case 5: try put(CreditVoided(grant: .mint(), amount: amount), stream, nil, organization)
        case 6: try put(CreditFrozen(amount: amount, payment: .mint()), stream, nil, organization)
        default: try put(CreditUnfrozen(amount: amount, payment: .mint()), stream, nil, organization)
        }
    }

    private mutating func changeOrganization(_ organization: OrganizationID) throws {
        let stream = StreamName.organization(organization)
        if random.once(in: 8) { return try put(OrganizationDeleted(), stream, nil, organization) }
        let (strict, retention): ([Bool?], [String?]) = ([nil, true, false], [nil, "retain", "none"])
        let event = OrganizationUpdated(
            strict: strict[random.below(3)], status: status(), retention: retention[random.below(3)])
        try put(event, stream, nil, organization)
    }

    private mutating func changeProject(_ owner: Owner) throws {
        let stream = StreamName.project(owner.project)
        if random.once(in: 8) { return try put(ProjectDeleted(), stream, nil, owner.organization) }
        try put(ProjectUpdated(usageLimit: change(to: amount()), status: status()), stream, nil, owner.organization)
    }

    private mutating func changeKey(_ owner: Owner) throws {
        let (stream, organization) = (StreamName.apiKey(owner.key), owner.organization)
        switch random.below(6) {
        case 0: try put(APIKeyStatusChanged(status: status() ?? .active), stream, nil, organization)
        case 1, 2:
            let event = APIKeyLimitChanged(
                usageLimit: change(to: amount()), requestsPerMinute: change(to: random.within(0...50)),
                tokensPerMinute: change(to: random.within(0...500)))
            try put(event, stream, nil, organization)
        case 3: try put(APIKeyExpiryChanged(expiresAt: random.once(in: 2) ? Timestamp.now : nil), stream, nil, organization)
        case 4: try put(APIKeyRolled(tokenSHA256: digest(), hint: nil), stream, nil, organization)
        default: try put(APIKeyDeleted(), stream, nil, organization)
        }
    }

    private mutating func putRule(_ owner: Owner) throws {
        if random.once(in: 2) {
            let event = IAMRuleCreated(rule: .mint(), kind: .denyModels, value: IAMRuleValue(models: ["m"]))
            try put(event, .apiKey(owner.key), nil, owner.organization)
        } else {
            try put(AdmissionEpochStarted(reason: "test"), ledger, nil, owner.organization)
        }
    }

    // MARK: Chance

    private mutating func amount() -> NanoDollars { NanoDollars(random.within(0...900)) }

    private mutating func status() -> EntityStatus? {
        let all: [EntityStatus?] = [nil, .active, .inactive]
        return all[random.below(3)]
    }

    private mutating func change<Value: Codable & Sendable & Hashable>(to value: Value) -> FieldChange<Value> {
        switch random.below(3) {
        case 0: .unchanged
        case 1: .cleared
        default: .set(value)
        }
    }

    /// Nobody else's, and no part of what a seed repeats: two keys never have one token.
    private func digest() -> String { (UUID().lowercase + UUID().lowercase).replacing("-", with: "") }

    private mutating func put(
        _ data: some EventData, _ stream: StreamName, _ version: Int64?, _ organization: OrganizationID
    ) throws {
        events.append(try NewEvent(data, stream: stream, expectedVersion: version, organization: organization))
    }
}
