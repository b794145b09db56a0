import Ledger
import Money
import Simulation

/// Commands of one organization: new ones, the same again, changed ones, and ones that expect what is not.
struct CommandSequence {
    let organization = OrganizationID.mint()
    private var random: SplitMix64
    private let project = ProjectID.mint()
    private let key = APIKeyID.mint()
    private let requests = (0..<4).map { _ in RequestID.mint() }
    private var sent: [Command] = []
    private let ledger: StreamName

    init(seed: UInt64, model: LedgerModel) {
        random = SplitMix64(seed: seed)
        ledger = model.events[0].event.stream
    }

    mutating func batch(_ model: LedgerModel) throws -> [Command] {
        try (0...random.below(5)).map { _ in try command(model) }
    }

    private mutating func command(_ model: LedgerModel) throws -> Command {
        let command: Command
        switch random.below(12) {
        case 0 where !sent.isEmpty: return sent[random.below(sent.count)]
        case 1 where !sent.isEmpty: command = try changed(sent[random.below(sent.count)])
        case 2:
            command = Command(
                try NewEvent(
                    AdmissionEpochStarted(reason: "a \"größer\" loss,\n\\ and a tab\t"), stream: ledger, expectedVersion: nil,
                    organization: random.once(in: 3) ? nil : organization))
        case 3...7: command = Command(try request(model))
        case 8: command = try several(model)
        default:
            let expected: Int64? = random.once(in: 2) ? nil : Int64(random.below(4))
            command = Command(try credit(expecting: expected))
        }
        sent.append(command)
        return command
    }

    private mutating func credit(expecting version: Int64?) throws -> NewEvent {
        try NewEvent(
            CreditToppedUp(amount: NanoDollars(random.within(0...100))), stream: .credit(organization),
            expectedVersion: version, organization: organization)
    }

    /// An event of a request as the product appends it: version 1 begins it, version 2 ends it, and version 3 comes only after it was
    /// abandoned. Whether it is that version's turn is left to chance.
    private mutating func request(_ model: LedgerModel) throws -> NewEvent {
        let request = requests[random.below(requests.count)]
        var expected = Int64(random.below(4))
        let second = model.stream(.request(request)).first { $0.version == 2 }?.event.type
        if expected == 2, let second, second != RequestAbandoned.type { expected = 1 }
        let newest = model.epoch(of: organization) ?? 0
        let epochs: [Int64?] = [nil, newest, newest - 1, newest + 5]
        let (epoch, kind) = (epochs[random.below(4)], random.below(4))
        let (held, charged) = (random.within(0...90), random.within(0...90))
        let outcome = Outcome.of(project, key, held: held, charged: charged)
        let organization = organization
        func new(_ data: some EventData) throws -> NewEvent {
            try NewEvent(
                data, stream: .request(request), expectedVersion: expected, organization: organization, epoch: epoch)
        }
        switch (expected, kind) {
        case (0, 0): return try new(voided("test"))
        case (0, 1): return try new(RequestCompleted(outcome: outcome))
        case (0, _): return try new(RequestAuthorized.of(project, key, held: held))
        case (1, 0): return try new(RequestAbandoned(outcome: outcome, reason: "lease_expired", bound: NanoDollars(held)))
        case (1, 1): return try new(RequestFailed(outcome: outcome))
        case (1, 2): return try new(RequestCancelled(outcome: outcome))
        case (1, _): return try new(RequestCompleted(outcome: outcome))
        default: return try new(RequestSettledLate(outcome: outcome))
        }
    }

    private func voided(_ reason: String) -> RequestVoided {
        RequestVoided(reason: reason, project: project, apiKey: key, held: NanoDollars(5))
    }

    /// A command of several events, of the same streams at times.
    private mutating func several(_ model: LedgerModel) throws -> Command {
        var events: [NewEvent] = []
        for _ in 0..<(2 + random.below(3)) {
            if random.once(in: 2) {
                events.append(try credit(expecting: nil))
            } else {
                events.append(try request(model))
            }
        }
        return try Command(events)
    }

    /// The same ids, with other content in one event, or with one event that is new.
    private mutating func changed(_ command: Command) throws -> Command {
        var events = command.events
        let index = random.below(events.count)
        let old = events[index]
        let id = random.once(in: 2) ? old.id : nil
        let organization = organization
        func new(_ data: some EventData) throws -> NewEvent {
            try NewEvent(
                data, id: id, stream: old.stream, expectedVersion: old.expectedVersion, organization: organization,
                epoch: old.epoch)
        }
        if old.stream.kind == .request {
            events[index] = try new(voided("changed"))
        } else {
            events[index] = try new(CreditToppedUp(amount: NanoDollars(random.within(101...200))))
        }
        return try Command(events)
    }
}
