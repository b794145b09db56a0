import Admission
import Foundation
import Ledger

/// One schedule: a world, what happens in it, and whether its promises were kept.
package struct Schedule: Sendable {
    /// What became of a schedule.
    package struct Report: Sendable {
        package let seed: UInt64
        /// Of everything that happened, in order: the same seed gives the same.
        package let digest: UInt64
        package let steps: Int
        package let events: Int
        package let answered: Int
        /// What was found broken; empty is a world that kept its promises.
        package let violations: [String]
        /// What happened, line by line, where it was asked for.
        package let lines: [String]
    }

    package let seed: UInt64
    package let mutation: Mutation?

    package init(seed: UInt64, mutation: Mutation? = nil) {
        self.seed = seed
        self.mutation = mutation
    }

    private static let trouble: Int64 = 9_000_000
    private static let longest: Int64 = 600_000_000
    private static let mostSteps = 400_000

    /// Runs it to its end on the calling thread.
    package func run(keepsLines: Bool = false) -> Report {
        let world = World(seed: seed, mutation: mutation, keepsLines: keepsLines)
        let plan = Plan(world)
        plan.begin()
        world.scheduler.after(Self.trouble) {
            world.calm()
            plan.rest()
        }
        while world.reference.violations.isEmpty, world.scheduler.steps < Self.mostSteps, world.scheduler.now < Self.longest {
            guard world.scheduler.step() else { break }
            world.buryTheDoomed()
            if plan.isAtRest { break }
        }
        if world.reference.violations.isEmpty {
            if plan.isAtRest {
                world.reference.rest(world, payments: plan.payments)
            } else {
                world.reference.fail("the world did not come to rest: \(plan.unrest)")
            }
        }
        let scheduler = world.scheduler
        let report = Report(
            seed: seed, digest: scheduler.digest, steps: scheduler.steps, events: Int(world.ledger.head),
            answered: world.reference.answered, violations: world.reference.violations, lines: scheduler.lines ?? [])
        for machine in 0..<2 { world.kill(machine) }
        world.growth = []
        scheduler.end()
        return report
    }
}

/// What happens in a world: requests, payments, changes and faults at moments that chance gives.
// Sendable because only the thread that runs the simulation ever touches it.
final class Plan: @unchecked Sendable {
    private let world: World
    private(set) var payments: [(payment: PaymentID, amount: Int64)] = []
    private var delivered: Set<Int> = []
    private var requests: UInt64 = 0
    private var isLongOutage = false
    private var open = 0
    private(set) var isAtRest = false
    private(set) var unrest = "the trouble never ended"

    init(_ world: World) { self.world = world }

    func begin() {
        let scheduler = world.scheduler
        isLongOutage = scheduler.random.once(in: 16)
        world.start(0)
        if isLongOutage || scheduler.random.once(in: 2) { world.start(1) }
        for _ in 0..<(2 + scheduler.random.below(6)) { at { $0.request() } }
        for index in 0..<scheduler.random.below(3) {
            payments.append(
                (PaymentID(foreign: "simulation", "payment \(index)"), scheduler.random.within(50...200)))
            let organization = world.city.shops[scheduler.random.below(world.city.shops.count)].organization
            for _ in 0...scheduler.random.below(3) { at { $0.deliver(index, organization) } }
        }
        for _ in 0..<scheduler.random.below(3) { at { $0.fault() } }
        if scheduler.random.once(in: 3) { at { $0.raise() } }
        if scheduler.random.once(in: 4) { at { $0.turnOff() } }
        if scheduler.random.once(in: 8) { at { $0.world.stepPostgresClock() } }
        if scheduler.random.once(in: 4) { at { $0.poison() } }
        // Nobody can renew its lease, and requests are open all the while.
        if isLongOutage {
            at {
                $0.world.isLongOutage = true
                $0.world.failPostgres(for: 70_000_000...100_000_000)
            }
        }
    }

    /// Has something happen before the trouble ends.
    private func at(_ body: @escaping (Plan) -> Void) {
        world.scheduler.after(world.scheduler.random.within(5_000...4_500_000)) { [self] in body(self) }
    }

    private func anyGateway() -> SimulatedGateway? {
        let first = world.scheduler.random.below(2)
        return world.gateways[first] ?? world.gateways[1 - first]
    }

    private func request() {
        let random = world.scheduler.random.next()
        requests += 1
        var chance = SplitMix64(seed: random)
        let hold = chance.within(10...90)
        let request = SimulatedRequest(
            id: RequestID(uuid: UUID(high: 0x0190_0000_0000_7000 + requests << 16, low: 0x8000_0000_0000_0000 | requests)),
            shop: chance.below(world.city.shops.count), key: chance.below(2), hold: hold,
            cost: chance.once(in: 8) ? nil : chance.within(0...(hold * 3 / 2)),
            streams: isLongOutage && chance.once(in: 2) ? chance.within(60_000_000...130_000_000) : 0,
            isFree: chance.once(in: 8), isLeft: chance.once(in: 8))
        guard let gateway = anyGateway() else { return }
        open += 1
        let scheduler = world.scheduler
        gateway.process.begin { [self] in
            let reply = await gateway.serve(request)
            open -= 1
            scheduler.note("request \(request.id.uuid.low & 0xFFFF) of \(request.hold): \(reply)", reply == .answered ? 1 : 0)
        }
    }

    private func deliver(_ index: Int, _ organization: OrganizationID) {
        guard !delivered.contains(index) || world.scheduler.random.once(in: 2) else { return }
        let (payment, amount) = payments[index]
        guard let gateway = anyGateway() else { return again(index, organization) }
        gateway.process.begin { [self] in
            if await gateway.deliver(payment, of: organization, amount: amount) {
                delivered.insert(index)
            } else {
                again(index, organization)
            }
        }
    }

    /// Stripe delivers until it is told that it may forget.
    private func again(_ index: Int, _ organization: OrganizationID) {
        world.scheduler.after(2_000_000) { [self] in
            if !delivered.contains(index) { deliver(index, organization) }
        }
    }

    private func fault() {
        let scheduler = world.scheduler
        switch scheduler.random.below(7) {
        case 0, 1: crash(for: scheduler.random.once(in: 3) ? 90_000_000...140_000_000 : 200_000...3_000_000)
        case 2: world.failPostgres()
        case 3:
            // What was spooled meanwhile waits on a machine that is down for longer than it takes the others to bury its instance.
            world.failPostgres()
            scheduler.after(scheduler.random.within(1_000_000...5_000_000)) { [self] in crash(for: 90_000_000...140_000_000) }
        default: world.failRedis()
        }
    }

    private func crash(for down: ClosedRange<Int64>) {
        let scheduler = world.scheduler
        let machine = scheduler.random.below(2)
        let powerCut = scheduler.random.once(in: 2)
        let down = scheduler.random.within(down)
        let kill = { [self] in
            world.kill(machine)
            world.downUntil[machine] = scheduler.now + down
            scheduler.after(down) { [self] in world.start(machine, afterPowerCut: powerCut) }
        }
        // Between two jobs that are both ready, or where all wait for something.
        if scheduler.random.once(in: 2) { scheduler.afterJobs(1 + scheduler.random.below(300), kill) } else { kill() }
    }

    private func turnOff() {
        let shop = world.city.shops[0]
        let isDeleted = world.scheduler.random.once(in: 3)
        guard let gateway = anyGateway() else { return }
        gateway.process.begin { await gateway.turnOff(shop.address[1].key, of: shop.organization, isDeleted: isDeleted) }
    }

    private func raise() {
        let shop = world.city.shops[0]
        // A new limit on what had none would be a lower one.
        guard world.reference.limit(of: shop.address[0].key.uuid) != nil, let gateway = anyGateway() else { return }
        gateway.process.begin { await gateway.raise(shop.address[0].key, of: shop.organization, to: 200) }
    }

    private func poison() {
        guard let gateway = anyGateway() else { return }
        gateway.process.begin { await gateway.poison() }
    }

    // MARK: The end

    /// Looks every so often whether everything has come to rest.
    func rest() {
        unrest = reasonForUnrest() ?? ""
        guard !unrest.isEmpty else {
            isAtRest = true
            return
        }
        world.scheduler.after(500_000) { [self] in rest() }
    }

    private func reasonForUnrest() -> String? {
        for machine in 0..<2 where world.gateways[machine] == nil { world.start(machine) }
        for (index, _) in payments.enumerated() where !delivered.contains(index) { return "payment \(index) was not delivered" }
        if world.gateways.contains(where: { $0?.isOpen != true }) { return "a gateway is not open" }
        if world.gateways.contains(where: { $0?.spool.count != 0 }) { return "a spool is not empty" }
        if world.gateways.contains(where: { $0?.redis.isChecked != true }) { return "a Redis was not looked at" }
        if world.tables.checkpoint < world.ledger.head { return "the projector has not caught up" }
        if !world.tables.holds.isEmpty { return "authorizations are open" }
        for shop in world.city.shops {
            let id = shop.organization.uuid.lowercase
            let (fields, holds) = world.redis.content(of: id)
            let epoch = world.ledger.epoch(of: shop.organization) ?? 0
            if fields["epoch"].flatMap({ Int64($0) }) ?? 0 < epoch {
                // The next request would have it built anew; this one asks for nothing.
                if let gateway = world.gateways[0] { gateway.process.begin { await gateway.ask(shop, atLeast: epoch) } }
                return "Redis does not know an organization"
            }
            // Only of a state that is trusted: what a distrusted one holds binds nobody, and goes with it.
            if !holds.isEmpty { return "Redis has holds" }
        }
        return nil
    }
}
