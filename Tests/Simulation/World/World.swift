import Admission
import Foundation
import Ledger
import Logging
import Money
import Redis

/// A whole installation on one thread: two machines with gateways, a ledger, a Redis, a provider and a Stripe.
///
/// What runs in the gateways is the product's own code: the appender with its group commit, the spool and the settling of outcomes,
/// the lease, admission with its healing and its epochs, the mirror of the projector, recovery. What they run against are the
/// models, which the conformance suite holds to the real Postgres and Redis.
// Sendable because only the thread that runs the simulation ever touches it.
final class World: @unchecked Sendable {
    let scheduler: Scheduler
    let mutation: Mutation?
    let quiet = Logger(label: "simulation") { _ in SwiftLogNoOpLogHandler() }

    var ledger: LedgerModel
    var tables = TablesModel()
    var redis: AdmissionModel
    var staleRedis: AdmissionModel?
    let postgresServer = SimulatedServer()
    let redisServer = SimulatedServer()
    let providerServer = SimulatedServer()
    var network: Network
    let disks: [SimulatedDisk]
    var gateways: [SimulatedGateway?] = [nil, nil]
    /// Who holds the admission projection.
    var projector: SimulatedProcess?
    /// Until when the projector's last commit may be on its way: until then its session is alive and holds the projection.
    var commitArrives: Int64 = 0
    var growth: [() -> Void] = []
    var processes = 0
    var isCalm = false
    let reference: Reference
    let city: City

    /// Microseconds since 1970 at which every world begins.
    static let beginning: Int64 = 1_800_000_000_000_000

    /// Redis's, microseconds since 1970.
    var wallClock: Int64 { Self.beginning + scheduler.now }
    /// By how much Postgres's clock is before it, microseconds.
    var postgresStep: Int64 = 0
    var postgresClock: Int64 { wallClock + postgresStep }

    init(seed: UInt64, mutation: Mutation?, keepsLines: Bool) {
        let scheduler = Scheduler(seed: seed, keepsLines: keepsLines)
        self.scheduler = scheduler
        self.mutation = mutation
        ledger = LedgerModel(mutation: mutation)
        redis = AdmissionModel(mutation: mutation)
        network = Network(scheduler: scheduler, faultRate: [0, 6, 12, 25, 60][scheduler.random.below(5)])
        disks = (0..<2).map { _ in SimulatedDisk(scheduler, mutation: mutation) }
        for disk in disks { disk.faultRate = [0, 0, 3, 8][scheduler.random.below(4)] }
        city = City(random: &scheduler.random)
        reference = Reference(city: city)
        _ = ledger.append(city.opening)
    }

    // MARK: What arrives at the ledger

    /// `ledger.append`, at one moment.
    func append(_ commands: [Command]) -> [AppendResult] {
        let before = ledger.head
        let results = ledger.append(commands)
        if ledger.head > before {
            scheduler.note("appended \(ledger.events[Int(before)...].map(\.event.type))", before, ledger.head)
            reference.grew(ledger)
            for stored in ledger.events[Int(before)...] where stored.event.type == "request.abandoned" {
                if let instance = FlatJSON(stored.event.data)["instance"].flatMap(UUID.init(uuidString:)),
                    gateways.contains(where: { $0?.lease.instance.uuid == instance })
                {
                    reference.fail("a request of a gateway that lives was abandoned at \(stored.position)")
                }
            }
            let waiting = growth
            growth = []
            for resume in waiting { resume() }
        }
        return results
    }

    // MARK: Processes

    /// Until when each machine is down.
    var downUntil: [Int64] = [0, 0]
    /// How long each machine leaves what died by itself before it is started again: longer each time, because a world in which nothing
    /// can be started for a minute shows nothing that one start does not.
    private var pauses: [Int64] = [1_000_000, 1_000_000]
    private static let longestPause: Int64 = 16_000_000

    /// Starts a gateway on a machine that is up and where none runs.
    func start(_ machine: Int, afterPowerCut: Bool = false) {
        guard gateways[machine] == nil, scheduler.now >= downUntil[machine] else { return }
        processes += 1
        scheduler.note("gateway \(processes) starts on machine \(machine)", Int64(machine))
        let process = SimulatedProcess(name: processes, scheduler: scheduler)
        disks[machine].begin(for: process, afterPowerCut: afterPowerCut)
        do {
            let gateway = try SimulatedGateway(process, machine: machine, world: self)
            gateways[machine] = gateway
            gateway.begin()
        } catch {
            // Its disk does not take a file now: whoever looks after it tries again.
            scheduler.after(1_000_000) { [self] in start(machine) }
        }
    }

    /// Kills what runs on a machine: everything of it is gone but what it had sent, and its disk.
    func kill(_ machine: Int) {
        guard let gateway = gateways[machine] else { return }
        scheduler.note("gateway \(gateway.process.name) is killed", Int64(machine))
        gateways[machine] = nil
        if projector === gateway.process { projector = nil }
        gateway.end()
    }

    /// Lets those die that a fault of their disk took down, and has the machine start another.
    func buryTheDoomed() {
        for (machine, gateway) in gateways.enumerated() {
            guard let gateway, gateway.process.isDoomed else { continue }
            kill(machine)
            let pause = pauses[machine]
            pauses[machine] = min(2 * pause, Self.longestPause)
            downUntil[machine] = max(downUntil[machine], scheduler.now + pause)
            scheduler.after(pause) { [self] in start(machine) }
        }
    }

    func failRedis() {
        switch scheduler.random.below(5) {
        case 0:
            scheduler.note("Redis is flushed")
            let runID = redis.runID
            redis = AdmissionModel(mutation: mutation)
            redis.runID = runID
        case 1, 2:
            scheduler.note("Redis is replaced by a stale copy")
            redis = staleRedis ?? AdmissionModel(mutation: mutation)
            redis.runID = "run-\(scheduler.now)"
            redisServer.generation += 1
        case 3:
            scheduler.note("Redis keeps a copy")
            staleRedis = redis
        default:
            scheduler.note("Redis is away")
            redisServer.awayUntil = scheduler.now + scheduler.random.within(10_000...4_000_000)
            redisServer.generation += 1
        }
    }

    func failPostgres(for time: ClosedRange<Int64> = 10_000...8_000_000) {
        scheduler.note("Postgres is away")
        postgresServer.awayUntil = max(postgresServer.awayUntil, scheduler.now + scheduler.random.within(time))
        postgresServer.generation += 1
    }

    /// Somebody sets the clock of Postgres's machine. Not far back: by so much later are the dead buried, and no world waits for it.
    func stepPostgresClock() {
        postgresStep = scheduler.random.within(-120_000_000...3_600_000_000)
        scheduler.note("Postgres's clock steps", postgresStep)
    }

    /// Whether Postgres is away for longer than a lease lasts, whatever else comes to its end.
    var isLongOutage = false

    /// Ends all faults, so that everything that can come to rest does.
    func calm() {
        scheduler.note("calm")
        isCalm = true
        scheduler.disarm()
        network.faultRate = 0
        for disk in disks { disk.faultRate = 0 }
        if !isLongOutage { postgresServer.awayUntil = 0 }
        redisServer.awayUntil = 0
        for machine in 0..<2 { start(machine) }
    }
}

/// Who lives in a world: organizations with a project and keys, and what their first events are.
struct City: Sendable {
    struct Shop: Sendable {
        let address: [KeyAddress]
        let digests: [[UInt8]]
        var organization: OrganizationID { address[0].organization }
    }

    let shops: [Shop]
    let opening: [Command]

    init(random: inout SplitMix64) {
        let count = 1 + random.below(2)
        shops = Array(Self.all.prefix(count))
        var opening = Self.first
        for commands in Self.openings.prefix(count) { opening += commands[random.below(commands.count)] }
        self.opening = opening
    }

    /// Made once: the same organizations live in all worlds.
    private static let all: [Shop] = (0..<2).map { index in
        let organization = OrganizationID(foreign: "simulation", "organization \(index)")
        let project = ProjectID(foreign: "simulation", "project \(index)")
        let keys = (0..<2).map { APIKeyID(foreign: "simulation", "key \(index) \($0)") }
        return Shop(
            address: keys.map { KeyAddress(organization: organization, project: project, key: $0) },
            digests: (0..<2).map { Array(repeating: UInt8(16 * index + $0 + 1), count: 32) })
    }

    private static let ledgerID = UUID(high: 1, low: 2)

    private static let first: [Command] = {
        guard
            let created = try? NewEvent(
                LedgerCreated(ledger: ledgerID), stream: StreamName(kind: .ledger, id: ledgerID), expectedVersion: 0,
                organization: nil),
            let epoch = try? NewEvent(
                AdmissionEpochStarted(reason: "created"), stream: StreamName(kind: .ledger, id: ledgerID), expectedVersion: nil,
                organization: nil)
        else { return [] }
        return [Command(created), Command(epoch)]
    }()

    /// Four ways to begin for each: plenty of limits or none, and one that is charged what a provider charges beyond the hold.
    private static let openings: [[[Command]]] = all.map { shop in
        [(400, nil, nil, true), (300, 250, 120, true), (150, nil, 100, true), (300, nil, 150, false)].map {
            (credit: Int64, project: Int64?, key: Int64?, isStrict: Bool) in
            let organization = shop.organization
            let amounts = (project.map { NanoDollars($0) }, key.map { NanoDollars($0) })
            let events: [NewEvent?] =
                [
                    try? NewEvent(
                        OrganizationCreated(strict: isStrict), stream: .organization(organization), expectedVersion: 0,
                        organization: organization),
                    try? NewEvent(
                        ProjectCreated(usageLimit: amounts.0), stream: .project(shop.address[0].project), expectedVersion: 0,
                        organization: organization),
                    try? NewEvent(
                        CreditToppedUp(amount: NanoDollars(credit)), stream: .credit(organization), expectedVersion: nil,
                        organization: organization),
                ]
                + zip(shop.address, shop.digests).map { address, digest in
                    try? NewEvent(
                        APIKeyCreated(
                            project: address.project,
                            tokenSHA256: digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(),
                            usageLimit: amounts.1), stream: .apiKey(address.key), expectedVersion: 0, organization: organization)
                }
            return events.compactMap { $0.map { Command($0) } }
        }
    }
}
