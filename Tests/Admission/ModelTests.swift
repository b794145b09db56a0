import Crypto
import Foundation
import Ledger
import Money
import Postgres
import Projections
import Redis
import TestSupport
import Testing

@testable import Admission

/// Random histories against the reference model: after every step Redis holds what the model holds, and at the end what a seed
/// from Postgres gives.
@Suite(.serialized) struct ModelTests {
    @Test(arguments: 0..<(TestEnvironment.soak ? 40 : 4)) func randomHistories(run: Int) async throws {
        let seed = TestEnvironment.seed("admission model \(run)")
        try await World.run { world in
            var history = try await History(world, seed: seed &+ UInt64(run))
            for _ in 0..<(TestEnvironment.soak ? 3000 : 350) { try await history.step() }
            try await history.finish()
        }
    }
}

/// One random history: the real thing and the model side by side.
private struct History {
    struct Open {
        let request: AdmitRequest
        let admission: Admission
        let key: Int
        /// Which state it was admitted in: a later one has fenced it off.
        let generation: Int
    }

    let world: World
    var random: SeededGenerator
    var model: ReferenceModel
    let organization = OrganizationID.mint()
    let projects: [ProjectID]
    let keys: [(id: APIKeyID, digest: [UInt8])]
    var generation = 0
    var admitted: [Open] = []
    var authorized: [Open] = []

    init(_ world: World, seed: UInt64) async throws {
        self.world = world
        random = SeededGenerator(seed: seed)
        model = ReferenceModel(projectOfKey: [0, 0, 1])
        projects = (0..<2).map { _ in .mint() }
        keys = (0..<3).map { (.mint(), Array(SHA256.hash(data: [UInt8(truncatingIfNeeded: seed), UInt8($0)]))) }
        // An epoch that begins while the organization does would fence its first state.
        _ = try await world.redisCall("PING")
        try await world.append(OrganizationCreated(), .organization(organization), 0, organization)
        for project in projects { try await world.append(ProjectCreated(), .project(project), 0, organization) }
        var last: AppendResult?
        for (index, key) in keys.enumerated() {
            let created = APIKeyCreated(
                project: projects[model.projectOfKey[index]], tokenSHA256: Hexadecimal.encode(key.digest))
            last = try await world.append(created, .apiKey(key.id), 0, organization)
        }
        // Positions of what the model does not fold: they belong to the organization all the same.
        let position = try #require(last?.position)
        model.append(.credit(0), at: position)
        try await append(.credit(2000))
        try await world.catchUp()
        model.mirror(after: 0, upto: .max)
        model.copy.applied = try #require(model.ledger.last?.position)
    }

    mutating func step() async throws {
        switch Int.random(in: 0..<1000, using: &random) {
        case 0..<300: try await admit()
        case 300..<500: try await authorize()
        case 500..<700: try await settle()
        case 700..<770: try await change()
        case 770..<800: try await giveUp(byEvent: Bool.random(using: &random))
        case 800..<965: try await project(crash: Int.random(in: 0..<4, using: &random) == 0 ? .beforeCommit : nil)
        case 965..<990: try await project(crash: .withoutMirror)
        case 990..<996: try await project(limit: 1000, crash: .beforeCommit)
        default:
            _ = try await world.redisCall("FLUSHALL")
            model.copy.isKnown = false
        }
        try await compare()
    }

    /// Settles and voids everything, lets the projector finish, and compares with a seed.
    mutating func finish() async throws {
        for open in admitted {
            let voided = RequestVoided(
                reason: "test", project: open.request.address.project, apiKey: open.request.address.key, held: open.request.hold)
            if case .appended(_, let position) = try await world.append(
                voided, .request(open.request.request), 0, organization)
            {
                model.append(.void(open.request.request), at: position)
            }
        }
        admitted = []
        while !authorized.isEmpty { try await settle() }
        // A batch that was kept from Redis is noticed by the event that follows it.
        try await append(.credit(1))
        let after = try await world.projector.position
        try await world.catchUp()
        model.mirror(after: after, upto: .max)
        // Whatever the history has left there, the next request finds an organization that is as the ledger says.
        try await admit()
        for open in admitted { try await world.release(open.request.request, address: open.request.address) }
        // The epoch with which it was healed, perhaps.
        try await world.catchUp()
        let address = address(0)
        let shop = Shop(world: world, address: address, digest: keys[0].digest, strict: true)
        let (stored, seeded) = (try await shop.stored(), try await shop.seeded())
        #expect(stored.fields == seeded.fields)
        #expect(stored.holds == seeded.holds)
        #expect(try await world.projector.problems() == [])
        try await replay()
        let balance = try await shop.balance()
        #expect(stored.fields["o:a"] == "\(balance)")
        #expect(try await world.client.gauges(maximumAge: .zero).strictOvershoot == .zero)
    }

    /// A replay from the first event gives the same rows.
    private func replay() async throws {
        let comparer = Comparer(
            definition: try ProjectionDefinition.load(folder: admissionFolderPath),
            configuration: try PostgresConfiguration(url: world.url), logger: quiet)
        #expect(try await comparer.compare().equal)
    }

    private func address(_ key: Int) -> KeyAddress {
        KeyAddress(organization: organization, project: projects[model.projectOfKey[key]], key: keys[key].id)
    }

    private mutating func admit() async throws {
        let key = Int.random(in: 0..<keys.count, using: &random)
        let hold: Int64 = Int.random(in: 0..<8, using: &random) == 0 ? 0 : .random(in: 1...300, using: &random)
        let request = AdmitRequest(
            digest: keys[key].digest, address: address(key), request: .mint(), hold: NanoDollars(hold), tokens: 0, policy: .max)
        let decision = try await world.client.admit(request, on: world.loop)
        if !model.copy.isKnown {
            model.seed()
            generation += 1
        }
        let expected = model.admit(request.request, key: key, hold: hold)
        switch decision {
        case .admitted(let admission):
            #expect(expected == nil)
            admitted.append(Open(request: request, admission: admission, key: key, generation: generation))
        case .denied(let denial): #expect(denial.reason == expected)
        case .unknown, .stale: Issue.record("an organization stayed unknown")
        }
    }

    private mutating func authorize() async throws {
        guard let open = take(\.admitted) else { return }
        let shop = Shop(world: world, address: open.request.address, digest: open.request.digest, strict: true)
        switch try await shop.authorize(open.request, open.admission) {
        case .appended(_, let position):
            #expect(open.generation == generation)
            model.append(.authorize(open.request.request, key: open.key, held: open.request.hold.rawValue), at: position)
            authorized.append(open)
        case .staleEpoch: try #require(open.generation < generation)
        case let other: Issue.record("an authorization was answered with \(other)")
        }
    }

    private mutating func settle() async throws {
        guard let open = take(\.authorized) else { return }
        let held = open.request.hold.rawValue
        let cost = held * .random(in: 0...300, using: &random) / 100
        let shop = Shop(world: world, address: open.request.address, digest: open.request.digest, strict: true)
        guard case .appended(_, let position) = try await shop.settle(open.request.request, held: held, cost: cost) else {
            Issue.record("an outcome was refused")
            return
        }
        let charged = min(held, cost)
        model.append(.settle(open.request.request, key: open.key, charged: charged), at: position)
        if Bool.random(using: &random) {
            let amount = Int64.random(in: charged...(charged + 50), using: &random)
            try await world.lower(open.request.request, address: open.request.address, to: NanoDollars(amount))
            if model.copy.isKnown { model.lower(open.request.request, to: amount) }
        }
    }

    private mutating func change() async throws {
        let limit: Int64? = Bool.random(using: &random) ? .random(in: 0...1500, using: &random) : nil
        let key = Int.random(in: 0..<keys.count, using: &random)
        switch Int.random(in: 0..<5, using: &random) {
        case 0: try await append(.credit(.random(in: 0...900, using: &random)))
        case 1: try await append(.credit(.random(in: -700 ... -1, using: &random)))
        case 2: try await append(.projectLimit(model.projectOfKey[key], limit))
        case 3: try await append(.keyLimit(key, limit))
        default: try await append(.keyStatus(key, Int.random(in: 0..<3, using: &random) > 0))
        }
    }

    /// A request that was admitted and never authorized: its gateway gives the hold back, or recovery voids it.
    private mutating func giveUp(byEvent: Bool) async throws {
        guard let open = take(\.admitted) else { return }
        if byEvent {
            let voided = RequestVoided(
                reason: "test", project: open.request.address.project, apiKey: open.request.address.key, held: open.request.hold)
            let answer = try await world.append(voided, .request(open.request.request), 0, organization)
            model.append(.void(open.request.request), at: try #require(answer.position))
        } else {
            try await world.release(open.request.request, address: open.request.address)
            if model.copy.isKnown { model.release(open.request.request) }
        }
    }

    private mutating func project(limit: Int64? = nil, crash: FoldingProjector.Crash?) async throws {
        let limit = limit ?? .random(in: 1...12, using: &random)
        let after = try await world.projector.position
        guard try await world.projector.step(limit: limit, mirror: world.mirror, crash: crash) else { return }
        if crash != .withoutMirror { model.mirror(after: after, upto: after + limit) }
    }

    private mutating func append(_ event: ReferenceModel.Event) async throws {
        func change(_ limit: Int64?) -> FieldChange<NanoDollars> { limit.map { .set(NanoDollars($0)) } ?? .cleared }
        let result: AppendResult
        switch event {
        case .credit(let amount) where amount < 0:
            result = try await world.append(
                CreditRefunded(amount: NanoDollars(-amount)), .credit(organization), nil, organization)
        case .credit(let amount):
            result = try await world.append(CreditToppedUp(amount: NanoDollars(amount)), .credit(organization), nil, organization)
        case .projectLimit(let project, let limit):
            result = try await world.append(
                ProjectUpdated(usageLimit: change(limit)), .project(projects[project]), nil, organization)
        case .keyLimit(let key, let limit):
            result = try await world.append(
                APIKeyLimitChanged(usageLimit: change(limit)), .apiKey(keys[key].id), nil, organization)
        case .keyStatus(let key, let active):
            result = try await world.append(
                APIKeyStatusChanged(status: active ? .active : .inactive), .apiKey(keys[key].id), nil, organization)
        case .authorize, .settle, .void: throw Unexpected(description: "appended elsewhere")
        }
        model.append(event, at: try #require(result.position))
    }

    private mutating func take(_ list: WritableKeyPath<History, [Open]>) -> Open? {
        let count = self[keyPath: list].count
        guard count > 0 else { return nil }
        let place = Int.random(in: 0..<count, using: &random)
        return self[keyPath: list].remove(at: place)
    }

    private func compare() async throws {
        guard model.copy.isKnown else { return }
        let shop = Shop(world: world, address: address(0), digest: keys[0].digest, strict: true)
        let (fields, holds) = try await shop.stored()
        try #require(fields["o:a"] == "\(model.copy.organization)")
        for (index, project) in projects.enumerated() {
            try #require(fields["p:\(project.uuid.lowercase):a"] == "\(model.copy.projects[index])")
        }
        for (index, key) in keys.enumerated() {
            try #require(fields["k:\(key.id.uuid.lowercase):a"] == "\(model.copy.keys[index])")
        }
        var expected: [String: String] = [:]
        for (request, hold) in model.copy.holds {
            expected[request.uuid.lowercase] = "\(hold.isConfirmed ? "c" : "p")\(hold.amount)"
        }
        try #require(holds.mapValues { "\($0.prefix(1))\($0.dropFirst(119))" } == expected)
    }
}
