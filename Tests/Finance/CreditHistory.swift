import Foundation
import Ledger
import TestSupport

/// A random life of one organization's credit, as steps for the reference and as events for the ledger.
struct CreditHistory {
    let organization: OrganizationID
    /// Of each grant, in order of age: what the projection knows it by.
    private(set) var grants: [UUID] = []
    private(set) var reference = ReferenceCredit()
    private var random: SeededGenerator
    private var frozen: [Int: Int64] = [:]
    private var isPayment: [Bool] = []
    private var held: UUID?
    private var clock: Int64 = 1_769_900_400_000_000

    init(seed: UInt64) {
        random = SeededGenerator(seed: seed)
        organization = OrganizationID(uuid: Self.uuid(&random))
    }

    /// What makes the organization.
    func opening() throws -> NewEvent {
        try NewEvent(
            OrganizationCreated(strict: true), stream: .organization(organization), expectedVersion: 0,
            organization: organization,
            occurredAt: Timestamp(microseconds: clock))
    }

    /// The next step's events, already applied to the reference.
    mutating func next() throws -> [NewEvent] {
        let amount = Int64.random(in: 0...40, using: &random)
        switch chance(20) {
        case 0..<5: return try grant(amount)
        case 5..<7: return try topUp(amount)
        case 7: return try adjust(amount)
        case 8..<12 where !grants.isEmpty: return try take(amount)
        case 12 where !frozen.isEmpty: return try unfreeze()
        case 13: return try [step(.draw(amount: amount, target: "stripe_clearing"), "credit.refunded", #""amount":\#(amount)"#)]
        case 14 where held == nil: return try hold()
        default: return try charge(amount)
        }
    }

    private mutating func grant(_ amount: Int64) throws -> [NewEvent] {
        let kinds = [
            ("promotional", "promotions"), ("referral", "promotions"), ("paid", "stripe_clearing"), ("adjustment", "adjustments"),
        ]
        let (kind, source) = kinds[chance(4)]
        let (priority, expiry) = (Int64(chance(3) - 1), chance(2) == 0 ? Int64(chance(4)) : nil)
        let id = open(isPayment: false)
        return try [
            step(
                .give(
                    grant: grants.count - 1, amount: amount, priority: priority, expiry: expiry, source: source, fee: 0),
                "credit.granted",
                #""grant":"\#(id)","kind":"\#(kind)","amount":\#(amount),"priority":\#(priority),"#
                    + #""expires_at":\#(expiry.map(String.init) ?? "null")"#)
        ]
    }

    private mutating func topUp(_ amount: Int64) throws -> [NewEvent] {
        let fee = Int64(chance(3))
        let id = open(isPayment: true)
        return try [
            step(
                .give(
                    grant: grants.count - 1, amount: amount, priority: 0, expiry: nil, source: "stripe_clearing", fee: fee),
                "credit.topped_up", #""amount":\#(amount),"fee":\#(fee),"payment":"\#(id)""#)
        ]
    }

    /// Upwards it is a grant, named by its event.
    private mutating func adjust(_ amount: Int64) throws -> [NewEvent] {
        let isUp = chance(2) == 0 || amount == 0
        let data = #""amount":\#(isUp ? amount : -amount),"reason":"test""#
        guard isUp else { return try [step(.draw(amount: amount, target: "adjustments"), "credit.adjusted", data)] }
        let id = open(isPayment: false)
        return try [
            step(
                .give(
                    grant: grants.count - 1, amount: amount, priority: 0, expiry: nil, source: "adjustments", fee: 0),
                "credit.adjusted", data, id: id)
        ]
    }

    /// All that is left, a part, or more than there is.
    private mutating func take(_ amount: Int64) throws -> [NewEvent] {
        let grant = chance(grants.count)
        let amount = chance(2) == 0 ? reference.grants[grant].remaining : amount
        let how: CreditStep.Taking = isPayment[grant] ? [.frozen, .refunded][chance(2)] : [.expired, .voided][chance(2)]
        if how == .frozen { frozen[grant, default: 0] += amount }
        return try [
            step(
                .take(grant: grant, amount: amount, how: how), "credit.\(how)",
                #""\#(isPayment[grant] ? "payment" : "grant")":"\#(grants[grant])","amount":\#(amount)"#)
        ]
    }

    private mutating func unfreeze() throws -> [NewEvent] {
        guard let (grant, amount) = frozen.min(by: { $0.key < $1.key }) else { return [] }
        frozen[grant] = nil
        return try [
            step(
                .giveBack(grant: grant, amount: amount), "credit.unfrozen", #""payment":"\#(grants[grant])","amount":\#(amount)"#)
        ]
    }

    private mutating func hold() throws -> [NewEvent] {
        let request = uuid()
        held = request
        return try [step(.hold, "request.authorized", #""held":40"#, request: request)]
    }

    private mutating func charge(_ amount: Int64) throws -> [NewEvent] {
        let request = held ?? uuid()
        let version: Int64 = held == nil ? 0 : 1
        held = nil
        return try [
            step(
                .charge(amount: amount), "request.completed",
                #""charged":\#(amount),"overrun":0,"credential":"house","price":{"total":\#(amount)},"cost":{"total":0},"#
                    + #""project":"\#(organization.uuid)","api_key":"\#(organization.uuid)""#,
                request: request, version: version)
        ]
    }

    private mutating func open(isPayment payment: Bool) -> UUID {
        let id = uuid()
        grants.append(id)
        isPayment.append(payment)
        return id
    }

    /// One in five is entered for an earlier time.
    private mutating func step(
        _ step: CreditStep, _ type: String, _ data: String, id: UUID? = nil, request: UUID? = nil, version: Int64? = 0
    ) throws -> NewEvent {
        reference.apply(step)
        clock += 1_000_000
        let occurred = chance(5) == 0 ? clock - Int64(chance(3_600)) * 1_000_000 : clock
        return try NewEvent(
            id: EventID(uuid: id ?? uuid()),
            stream: request.map { .request(RequestID(uuid: $0)) } ?? .credit(organization),
            expectedVersion: request == nil ? nil : version, type: type, schemaVersion: 1, organization: organization,
            data: Array("{\(data)}".utf8), occurredAt: Timestamp(microseconds: occurred), epoch: nil)
    }

    private mutating func chance(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &random) }

    private mutating func uuid() -> UUID { Self.uuid(&random) }

    private static func uuid(_ random: inout SeededGenerator) -> UUID {
        withUnsafeBytes(of: (random.next(), random.next())) { UUID(uuid: $0.load(as: uuid_t.self)) }
    }
}
