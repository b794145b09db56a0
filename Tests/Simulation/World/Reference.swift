import Admission
import Foundation
import Ledger
import Redis

/// The promises of a world, checked by one thread in plain integers after everything that happens.
///
/// What was credited, held and charged it counts from the events itself, for each organization, project and key, and what was asked and
/// answered from the clients and the provider; neither by code of the product nor by that of the models. Only what is left of the state
/// in Redis, which is no amount, is compared with a second fold by the models (`TablesModel`, `AdmissionModel`): that finds what the
/// order of things has changed, and not what the models take for right, to which the conformance suites hold them. No key of a world has
/// a limit of a period.
final class Reference {
    private struct Account {
        var limit: Int64?
        var charged: Int64 = 0
        var held: Int64 = 0
        /// Charged by `request.settled_late`, which comes after the hold had been given back.
        var late: Int64 = 0
        /// Charged beyond the holds, by an organization that is not strict.
        var beyond: Int64 = 0
    }

    private struct Walk {
        var key: UUID
        var project: UUID
        var organization: UUID
        var held: Int64
        var charged: Int64 = 0
        var types: [String]
    }

    private(set) var violations: [String] = []
    private let city: City
    private var seen = 0
    private var accounts: [UUID: Account] = [:]
    private var walks: [UUID: Walk] = [:]
    private var epochs: [UUID: Int64] = [:]
    /// Organizations that are charged what a provider charges beyond the hold.
    private var plain: Set<UUID> = []
    /// Keys that are no more: nobody asks Redis for what is available of one.
    private var deleted: Set<UUID> = []
    private var payments: [UUID: Int64] = [:]
    private var asked: [RequestID: Int] = [:]
    private var answers: [RequestID: Int64] = [:]
    /// Events that their callers were told are there, and those that they were told are not.
    private var acknowledged: [EventID: Int64] = [:]
    private var denied: Set<EventID> = []

    init(city: City) { self.city = city }

    func fail(_ what: String) { violations.append(what) }

    /// What may be spent in all by an organization, project or key, as the ledger has it now; nil is no limit.
    func limit(of scope: UUID) -> Int64? { accounts[scope]?.limit }

    var answered: Int { answers.count }

    // MARK: After every append

    func grew(_ ledger: LedgerModel) {
        while seen < ledger.events.count {
            let stored = ledger.events[seen]
            seen += 1
            if stored.position != Int64(seen) { fail("a gap at \(seen)") }
            fold(stored)
        }
    }

    private func fold(_ stored: LedgerModel.Stored) {
        let event = stored.event
        let data = FlatJSON(event.data)
        let organization = event.organization?.uuid ?? .zero
        switch event.type {
        case "credit.topped_up":
            accounts[organization, default: Account()].limit = (accounts[organization]?.limit ?? 0) + (data.number("amount") ?? 0)
            if let payment = data["payment"].flatMap(UUID.init(uuidString:)) {
                payments[payment, default: 0] += data.number("amount") ?? 0
            }
        case "project.created", "api_key.created", "api_key.limit_changed":
            if let limit = data.number("usage_limit") { accounts[event.stream.id, default: Account()].limit = limit }
        case "organization.created" where data["strict"] == "false": plain.insert(event.stream.id)
        case "api_key.deleted": deleted.insert(event.stream.id)
        case "admission.epoch_started": epochs[organization] = stored.position
        case let type where event.stream.kind == .request: walk(stored, type, data)
        default: break
        }
    }

    private func walk(_ stored: LedgerModel.Stored, _ type: String, _ data: FlatJSON) {
        let id = stored.event.stream.id
        guard let project = data["project"].flatMap(UUID.init(uuidString:)),
            let key = data["api_key"].flatMap(UUID.init(uuidString:)), let organization = stored.event.organization?.uuid
        else { return fail("\(type) names no project or key") }
        var walk =
            walks[id] ?? Walk(key: key, project: project, organization: organization, held: 0, types: [])
        walk.types.append(type)
        let charged = data.number("charged") ?? 0
        switch (walk.types.count, type) {
        case (1, "request.authorized"):
            walk.held = data.number("held") ?? 0
            let newest = max(epochs[organization] ?? 0, epochs[.zero] ?? 0)
            if data.number("epoch") ?? 0 < newest {
                fail("\(stored.position) is of the epoch \(data["epoch"] ?? "") and came after \(newest)")
            }
            change(walk) { $0.held += walk.held }
        case (1, "request.voided"): break
        case (1, "request.completed"), (1, "request.failed"), (1, "request.cancelled"):
            if charged > 0 { fail("\(charged) was charged without a hold") }
        case (2, "request.failed") where walk.types[0] == "request.voided":
            // A gateway that did not learn whether its authorization was recorded ended it; that lay in its spool while others gave the
            // hold back.
            if charged > 0 { fail("\(charged) was charged without a hold") }
        case (2, "request.completed"), (2, "request.failed"), (2, "request.cancelled"), (2, "request.abandoned"):
            guard walk.types[0] == "request.authorized" else { return fail("\(walk.types) in one stream") }
            let beyond = max(0, charged - walk.held)
            if beyond > 0, !plain.contains(organization) { fail("\(charged) was charged of a hold of \(walk.held)") }
            change(walk) {
                $0.held -= walk.held
                $0.charged += charged
                $0.beyond += beyond
            }
        case (3, "request.settled_late"):
            guard walk.types[1] == "request.abandoned" else { return fail("\(walk.types) in one stream") }
            change(walk) {
                $0.charged += charged
                $0.late += charged
            }
        default: return fail("\(walk.types) in one stream")
        }
        walk.charged += charged
        walks[id] = walk
        // Nobody overspends. What was settled late was given back before it was spent, and who is not strict is charged beyond the hold.
        for scope in [walk.organization, walk.project, walk.key] {
            guard let account = accounts[scope], let limit = account.limit else { continue }
            if account.charged - account.late - account.beyond + account.held > limit {
                fail("\(account.charged) charged and \(account.held) held of \(limit) at \(stored.position)")
            }
        }
    }

    private func change(_ walk: Walk, _ body: (inout Account) -> Void) {
        for scope in [walk.organization, walk.project, walk.key] { body(&accounts[scope, default: Account()]) }
    }

    // MARK: What callers, provider and clients see

    func heard(_ result: AppendResult, of event: NewEvent, in ledger: LedgerModel) {
        switch result {
        case .appended(let first, _), .already(let first, _):
            guard first > 0, first <= ledger.head, ledger.events[Int(first) - 1].event.id == event.id else {
                return fail("\(event.type) is not at \(first), where it was said to be")
            }
            acknowledged[event.id] = first
        case .versionConflict, .staleEpoch, .idempotencyConflict: denied.insert(event.id)
        }
    }

    func heard(_ error: AppendError, of event: NewEvent) {
        // False is certain: the event is not there, and never will be.
        if !error.outcomeUnknown { denied.insert(event.id) }
    }

    /// A request reached the provider.
    func asked(_ request: SimulatedRequest, in ledger: LedgerModel) {
        let types = ledger.stream(.request(request.id)).map(\.event.type)
        if types.first != "request.authorized", !request.isFree { fail("the provider was asked, and the ledger has \(types)") }
        asked[request.id, default: 0] += 1
    }

    /// A client has its whole answer.
    func answered(_ request: SimulatedRequest, charged: Int64, on machine: Int, _ world: World) {
        answers[request.id] = charged
        let isInLedger = (walks[request.id.uuid]?.types.count ?? 0) >= (request.isFree ? 1 : 2)
        if !isInLedger && !world.disks[machine].hasSynced(request.id.uuid.lowercase) {
            fail("an answer was finished before its outcome was durable")
        }
        // What is durable in a spool needs no more than its charge, and the gateway lowers the hold to that.
        guard var walk = walks[request.id.uuid], walk.types.count == 1, charged < walk.held else { return }
        let spared = walk.held - charged
        change(walk) { $0.held -= spared }
        walk.held = charged
        walks[request.id.uuid] = walk
    }

    // MARK: When all has come to rest

    func rest(_ world: World, payments due: [(payment: PaymentID, amount: Int64)]) {
        var counts: [EventID: Int] = [:]
        for stored in world.ledger.events { counts[stored.event.id, default: 0] += 1 }
        for (id, position) in acknowledged where counts[id] != 1 {
            fail("what was acknowledged at \(position) is there \(counts[id] ?? 0) times")
        }
        for id in denied where counts[id] != nil { fail("an event that was certainly refused is there") }
        for (request, charged) in answers {
            let walk = walks[request.uuid]
            if walk?.charged != charged {
                fail("an answer of \(charged) was charged \(walk?.charged ?? -1): \(walk?.types ?? [])")
            }
        }
        for (request, count) in asked where count > 1 && world.network.faultRate == 0 && walks[request.uuid] == nil {
            fail("a provider was asked \(count) times for a request that nobody knows")
        }
        for (id, walk) in walks where walk.types.count == 1 && walk.types[0] == "request.authorized" {
            fail("\(id) was never settled")
        }
        for (payment, amount) in due where payments[payment.uuid] != amount {
            fail("a payment of \(amount) was credited with \(payments[payment.uuid] ?? 0)")
        }
        readModels(world)
    }

    /// Read models are what the log says.
    private func readModels(_ world: World) {
        var fold = TablesModel()
        fold.apply(world.ledger.events, upto: world.ledger.head)
        for shop in world.city.shops {
            let id = shop.organization.uuid
            let (fields, holds) = world.redis.content(of: id.lowercase)
            if fields["epoch"] == nil { fail("Redis does not know an organization: \(fields)") }
            for figure in figures(of: shop, world) { check(figure, inRedis: fields) }
            let open = walks.filter { $0.value.organization == id && $0.value.types == ["request.authorized"] }
            let own = world.tables.holds.filter { $0.value.organization == id }
            if own.mapValues(\.amount) != open.mapValues(\.held) { fail("the tables hold \(own), the log \(open)") }
            if Set(holds.keys) != Set(open.keys.map(\.lowercase)) { fail("Redis holds \(holds), the log \(open)") }
            replay(id, from: fold, world, fields: fields, holds: holds)
        }
    }

    /// What the tables have of a scope, and its field in Redis.
    private struct Figure {
        let scope: UUID
        let field: String
        let limit: Int64?
        let charged: Int64?
    }

    private func figures(of shop: City.Shop, _ world: World) -> [Figure] {
        let (organization, tables) = (shop.organization.uuid, world.tables)
        let row = tables.organizations[organization]
        var figures = [Figure(scope: organization, field: "o:a", limit: row?.credited, charged: row?.charged)]
        for project in Set(shop.address.map(\.project.uuid)) {
            let row = tables.projects[project]
            figures.append(
                Figure(
                    scope: project, field: "p:\(project.lowercase):a", limit: row.flatMap { Int64($0.limit) },
                    charged: row?.charged))
        }
        for key in shop.address.map(\.key.uuid) {
            let row = tables.keys[key]
            figures.append(
                Figure(scope: key, field: "k:\(key.lowercase):a", limit: row.flatMap { Int64($0.limit) }, charged: row?.charged))
        }
        return figures
    }

    private func check(_ figure: Figure, inRedis fields: [String: String]) {
        let account = accounts[figure.scope] ?? Account()
        if figure.limit != account.limit || figure.charged != account.charged {
            fail("the tables have \(figure), the log \(account)")
        }
        guard !deleted.contains(figure.scope) else { return }
        // What is available of a scope without a limit counts from zero down.
        let available = (account.limit ?? 0) - account.charged - account.held
        if fields[figure.field] != String(available) {
            fail("Redis has \(figure.field) \(fields[figure.field] ?? "nothing"), the log \(available)")
        }
    }

    /// What is left of an organization's state: who may do what, and what each hold is.
    private func replay(
        _ id: UUID, from fold: TablesModel, _ world: World, fields: [String: String], holds: [String: String]
    ) {
        guard let seed = fold.seed(of: id, in: world.ledger) else { return fail("there is no seed") }
        var model = AdmissionModel()
        let keys = ["{\(id.lowercase)}:state"]
        _ = model.command(["SET", "{\(id.lowercase)}:seeding", "t", "NX", "PX", "1000"], at: 0)
        _ = model.call(.seed, keys: keys, [.string("t")] + seed.arguments, at: 0)
        let (expected, held) = model.content(of: id.lowercase)
        for (name, value) in expected where fields[name] != value && name != "epoch" {
            fail("Redis has \(name) \(fields[name] ?? "nothing"), the log \(value)")
        }
        if holds != held { fail("Redis holds \(holds), the log \(held)") }
    }
}
