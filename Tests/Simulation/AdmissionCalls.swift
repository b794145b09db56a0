import Foundation
import Ledger
import Redis
import Simulation

@testable import Admission

/// A call of one of the functions.
struct AdmissionCall {
    let function: AdmissionFunction
    let keys: [String]
    let arguments: [RedisArgument]
}

/// Calls for one organization: events in slices that come in order, twice or not at all, requests, and losses of the state.
struct AdmissionCalls {
    private var random: SplitMix64
    let organization = OrganizationID.mint()
    let keys: OrganizationKeys
    private let projects = (0..<2).map { _ in ProjectID.mint().uuid.lowercase }
    private let apiKeys = (0..<3).map { _ in APIKeyID.mint().uuid.lowercase }
    private let digests = (0..<3).map { String(repeating: "0\($0 + 1)", count: 32) }
    private let instance = InstanceID.mint().uuid.lowercase
    private var requests: [String] = []
    private var position: Int64 = 10
    private var sent: [[RedisArgument]] = []
    private var epoch: Int64 = 10
    private let now: Int64
    private let isHuge: Bool

    init(seed: UInt64, now: Int64) {
        random = SplitMix64(seed: seed)
        self.now = now
        isHuge = random.once(in: 10)
        keys = OrganizationKeys(organization)
    }

    mutating func next(_ model: AdmissionModel) -> AdmissionCall {
        if sent.isEmpty { return opening(model) }
        switch random.below(20) {
        case 0..<7: return admit()
        case 7..<9:
            let amount = SignedAmount(random.within(0...80))
            return AdmissionCall(
                function: .lower, keys: [keys.state, keys.holds],
                arguments: [.string(request()), .string(amount.text), .string(amount.negated)])
        case 9: return AdmissionCall(function: .release, keys: [keys.state, keys.holds], arguments: [.string(request())])
        case 10..<15: return apply()
        case 15:
            return AdmissionCall(
                function: .claim, keys: keys.all,
                arguments: [
                    "name-\(random.below(2))", .integer(random.once(in: 2) ? 0 : epoch + Int64(random.below(2))), "60000",
                ])
        case 16: return AdmissionCall(function: .unclaim, keys: keys.all, arguments: [token(model)])
        case 17: return seed(model)
        case 18:
            return AdmissionCall(
                function: .available, keys: [keys.state],
                arguments: [.string(projects[random.below(2)]), .string(apiKeys[random.below(3)])])
        default:
            return AdmissionCall(
                function: .overdue, keys: [keys.holds], arguments: [.integer(random.once(in: 2) ? -10 : 60), "64"])
        }
    }

    /// That of the claim which stands, or at times another.
    private mutating func token(_ model: AdmissionModel) -> RedisArgument {
        let isWrong = !sent.isEmpty && random.once(in: 2)
        return .string(isWrong ? "name-0 1700000000 0" : model.token(ofClaimOn: keys.seeding) ?? "none")
    }

    private mutating func request() -> String {
        if requests.isEmpty || random.once(in: 3) { requests.append(RequestID.mint().uuid.lowercase) }
        return requests[random.below(requests.count)]
    }

    private func owner(_ key: Int) -> String { projects[key % 2] + apiKeys[key] + instance }

    private mutating func admit() -> AdmissionCall {
        let key = random.below(3)
        let hold = random.once(in: 6) ? "0" : isHuge && random.once(in: 3) ? "9223372036854775000" : String(random.within(1...90))
        var arguments: [RedisArgument] = [
            .string(request()), .string(owner(key)), .string(random.once(in: 20) ? digests[(key + 1) % 3] : digests[key]),
            .string(hold), .string(hold == "0" ? "0" : "-" + hold), .integer(random.within(0...40)),
            .integer(random.once(in: 10) ? 11 : .max),
        ]
        if random.once(in: 12) { arguments.append(random.once(in: 2) ? "refused" : "unbounded") }
        return AdmissionCall(function: .admit, keys: [keys.state, keys.holds], arguments: arguments)
    }

    // MARK: Slices

    /// The organization's first slice, as the mirror brings it: claimed, and then seeded.
    private mutating func opening(_ model: AdmissionModel) -> AdmissionCall {
        guard model.token(ofClaimOn: keys.seeding) != nil else {
            return AdmissionCall(function: .claim, keys: keys.all, arguments: ["name-0", "0", "60000"])
        }

        let events: [(String, UUID, [String])] =
            [
                ("organization.created", organization.uuid, ["active", random.once(in: 4) ? "false" : "true"]),
                ("project.created", UUID(uuidString: projects[0]) ?? .zero, ["active", ""]),
                ("project.created", UUID(uuidString: projects[1]) ?? .zero, ["active", "250"]),
                ("credit.topped_up", organization.uuid, [isHuge ? "9223372036854775000" : "400"]),
            ]
            + apiKeys.indices.map { index in
                (
                    "api_key.created", UUID(uuidString: apiKeys[index]) ?? .zero,
                    [
                        digests[index], "active", index == 1 ? "200" : "", "", index == 2 ? "4" : "", index == 2 ? "100" : "",
                        index == 1 ? "d1" : "", index == 1 ? "120" : "",
                    ]
                )
            }
        let slice = slice(events, previous: 0)
        sent.append(slice.arguments)
        return AdmissionCall(
            function: .seed, keys: keys.all, arguments: [token(model)] + Seed(first: slice, epoch: 10).arguments)
    }

    private mutating func slice(_ events: [(String, UUID, [String])], previous: Int64) -> Slice {
        var slice = Slice(organization: organization, previous: previous)
        for (type, stream, fields) in events {
            position += 1 + Int64(random.below(2))
            slice.add(
                AdmissionEvent(
                    position: position, organization: organization.uuid, stream: stream, type: type, fields: fields))
        }
        return slice
    }

    private mutating func send(_ slice: Slice) -> AdmissionCall {
        sent.append(slice.arguments)
        return AdmissionCall(function: .apply, keys: keys.all, arguments: slice.arguments)
    }

    private mutating func apply() -> AdmissionCall {
        if random.once(in: 6) {
            return AdmissionCall(function: .apply, keys: keys.all, arguments: sent[random.below(sent.count)])
        }
        let previous = random.once(in: 15) ? position + 1 : position
        if previous > position { position += 1 }
        let events = (0...random.below(3)).map { _ in event() }
        return send(slice(events, previous: previous))
    }

    private mutating func event() -> (String, UUID, [String]) {
        let key = random.below(3)
        let (project, apiKey) = (projects[key % 2], apiKeys[key])
        // At times of a period that is over, or of one that a clock which went back has not reached again.
        let admitted = String(now - (random.once(in: 4) ? random.within(-100_000...200_000) * 1_000_000 : 0))
        let id = UUID(uuidString: request()) ?? .zero
        let keyID = UUID(uuidString: apiKey) ?? .zero
        switch random.below(16) {
        case 0..<4:
            return ("request.authorized", id, [project, apiKey, instance, admitted, String(random.within(0...90))])
        case 4..<8: return ("request.completed", id, [project, apiKey, String(random.within(0...90)), admitted])
        case 8: return ("request.voided", id, ["", "", "0", ""])
        case 9: return ("credit.topped_up", organization.uuid, [String(random.within(0...200))])
        case 10: return ("credit.refunded", organization.uuid, [String(random.within(0...100))])
        case 11:
            return (
                "project.updated", UUID(uuidString: project) ?? .zero,
                [["=", "inactive", "active"][random.below(3)], ["=", "", "150", "300"][random.below(4)]]
            )
        case 12:
            if random.once(in: 4) { return ("api_key.deleted", keyID, []) }
            return ("api_key.status_changed", keyID, [random.once(in: 3) ? "inactive" : "active"])
        case 13:
            let period = ["=", "", "h1", "d1", "w2", "m1", "m5"][random.below(7)]
            return (
                "api_key.limit_changed", keyID,
                [
                    ["=", "", "90", "180"][random.below(4)], ["=", "", "2", "50"][random.below(4)],
                    ["=", "", "60"][random.below(3)],
                    period, period == "=" || period.isEmpty ? "" : String(random.within(50...150)),
                ]
            )
        case 14:
            if random.once(in: 3) {
                epoch = position
                return ("admission.epoch_started", organization.uuid, [])
            }
            return (
                "organization.updated", organization.uuid,
                [
                    ["=", "inactive", "active"][random.below(3)], ["=", "true", "false"][random.below(3)],
                    ["=", "retain", "none"][random.below(3)],
                ]
            )
        default:
            if random.once(in: 8) { return ("something.unheard_of", organization.uuid, []) }
            return (
                "api_key.expiry_changed", keyID,
                [random.once(in: 2) ? "" : String(now + random.within(-1...1) * 3_600_000_000)]
            )
        }
    }

    /// A whole new state, of a newer epoch at times.
    private mutating func seed(_ model: AdmissionModel) -> AdmissionCall {
        epoch += Int64(random.below(3))
        position += 1
        var seed = Seed(organization: organization, epoch: epoch, position: position)
        seed.set(organization: "active", strict: true, isRetained: random.once(in: 3), policy: 12, available: "300")
        for (index, project) in projects.enumerated() {
            guard let limit = LimitChange(index == 1 ? "250" : "") else { continue }
            seed.set(
                project: UUID(uuidString: project) ?? .zero, status: "active", limit: limit, available: index == 1 ? "200" : "-10"
            )
        }
        for (index, key) in apiKeys.enumerated() {
            guard let limit = LimitChange(index == 1 ? "200" : ""), let amount = LimitChange(index == 1 ? "120" : "") else {
                continue
            }
            seed.set(
                key: UUID(uuidString: key) ?? .zero, status: "active", digest: digests[index], limit: limit, expires: "",
                requests: index == 2 ? "4" : "", tokens: index == 2 ? "100" : "", available: index == 1 ? "190" : "-5",
                period: SeededPeriod(
                    name: index == 1 ? "d1" : "", limit: amount,
                    begins: index == 1 && random.once(in: 2) ? String(now / 86_400_000_000 * 86_400) : "", available: "70"))
        }
        if random.once(in: 2) {
            seed.add(
                hold: UUID(uuidString: request()) ?? .zero, project: UUID(uuidString: projects[1]) ?? .zero,
                key: UUID(uuidString: apiKeys[1]) ?? .zero, instance: UUID(uuidString: instance) ?? .zero, admittedAt: now,
                amount: String(random.within(1...50)))
        }
        if random.once(in: 2) {
            position += 1
            let (type, stream, fields) = event()
            seed.add(
                AdmissionEvent(
                    position: position, organization: organization.uuid, stream: stream, type: type, fields: fields))
        }
        return AdmissionCall(function: .seed, keys: keys.all, arguments: [token(model)] + seed.arguments)
    }
}
