import Ledger
import Money
import Redis
import Synchronization
import TestSupport
import Testing

import class Foundation.FileManager

@testable import Admission

/// Redis is lost while requests run: what is charged and held together never exceeds what there is, and afterwards Redis holds
/// what Postgres holds.
@Suite(.serialized) struct LoadTests {
    enum Loss: String, CaseIterable, Sendable { case flush, crash, staleDump, laggingReplica }

    /// How long it may take after a loss until a request that began after it is settled; Tests/Faults/README.md names it too. It takes
    /// a fraction of that on a machine that does nothing else.
    private static let healing: Duration = .seconds(10)

    @Test(arguments: Loss.allCases) func nothingIsOverspentWhileRedisIsLost(loss: Loss) async throws {
        let seed = TestEnvironment.seed("loss under load, \(loss.rawValue)")
        try await World.run { world in
            let credit: Int64 = 400_000
            let shop = try await Shop.open(in: world, credit: credit, keyLimit: 300_000)
            try await world.catchUp()
            try await Sweeper.once(world)
            let load = Load(shop: shop)
            let replicas = Replicas(world.server)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for worker in 0..<8 {
                    group.addTask { await load.spend(seed: seed &+ UInt64(worker)) }
                }
                group.addTask { try await load.project() }
                group.addTask {
                    // Also a failure ends the others.
                    defer { load.stop() }
                    var random = SeededGenerator(seed: seed &+ 100)
                    try await eventually("requests are settled") { load.settled > 0 }
                    for _ in 0..<(TestEnvironment.soak ? 40 : 3) {
                        try await Task.sleep(for: .milliseconds(.random(in: 50...250, using: &random)))
                        try await Self.lose(loss, world, replicas, &random)
                        let back = ContinuousClock.now
                        let losses = load.lost()
                        try await eventually("a request that began after the loss is settled") { load.healed == losses }
                        load.note(healing: ContinuousClock.now - back)
                    }
                }
                try await group.waitForAll()
            }
            // What was still open is settled; then the rest can be spent to the last nano-dollar.
            try await world.catchUp()
            let greatest = try await shop.greatestExposure()
            #expect(greatest <= 300_000)
            let left = try await world.client.available(shop.address, on: world.loop)
            let charged = try await credit - shop.balance()
            #expect(left == NanoDollars(300_000 - charged))
            try await world.catchUp()
            let (stored, seeded) = (try await shop.stored(), try await shop.seeded())
            #expect(stored.fields == seeded.fields)
            #expect(stored.holds == seeded.holds)
            #expect(load.epochs > 1)
            #expect(load.longest <= Self.healing)
            await replicas.tearDown()
            print(
                "loss \(loss.rawValue): healed within \(load.longest) (1 state), \(load.settled) settled, \(load.epochs) epochs,",
                "at most \(greatest) of 300000 in use")
        }
    }

    private static func lose(
        _ loss: Loss, _ world: World, _ replicas: Replicas, _ random: inout SeededGenerator
    ) async throws {
        switch loss {
        case .flush: _ = try await world.redisCall("FLUSHALL")
        case .crash: try await world.server.restart()
        case .staleDump:
            _ = try await world.redisCall("SAVE")
            try await Task.sleep(for: .milliseconds(.random(in: 20...100, using: &random)))
            // Starts again with what it had when it was saved.
            try await world.server.restart()
        case .laggingReplica:
            try await replicas.failOver(lag: .milliseconds(.random(in: 20...100, using: &random)))
        }
    }
}

/// Replicas of a Redis, each of which takes its place when it is behind.
private actor Replicas {
    private let first: RedisServer
    private var promoted: [RedisServer] = []

    init(_ first: RedisServer) { self.first = first }

    /// Lets a new replica fall behind for `lag`, kills the server that is there, and puts the replica at its address.
    func failOver(lag: Duration) async throws {
        let old = promoted.last ?? first
        // Else it waits 5 s for more replicas before it sends a copy.
        _ = try await call(old, "CONFIG", "SET", "repl-diskless-sync-delay", "0")
        let replica = try await RedisServer(settings: ["--replicaof", "127.0.0.1", "\(old.port)"])
        // The link is up before the first copy is whole.
        for _ in 0..<1_000 where try await !call(replica, "INFO", "replication").contains("master_link_status:up") {
            try await Task.sleep(for: .milliseconds(10))
        }
        // Nobody is there: what happens from now on never reaches it.
        _ = try await call(replica, "REPLICAOF", "127.0.0.1", "1")
        try await Task.sleep(for: lag)
        await old.kill()
        _ = try await call(replica, "REPLICAOF", "NO", "ONE")
        // A socket goes on listening under another name.
        try? FileManager.default.removeItem(atPath: "\(first.folder)/redis.sock")
        try FileManager.default.moveItem(atPath: "\(replica.folder)/redis.sock", toPath: "\(first.folder)/redis.sock")
        promoted.append(replica)
    }

    func tearDown() async {
        for replica in promoted { await replica.tearDown() }
    }

    private func call(_ server: RedisServer, _ words: String...) async throws -> String {
        try await runCommand(["redis-cli", "-p", "\(server.port)"] + words)
    }
}

/// Requests of several workers, and the projector behind them.
private final class Load: Sendable {
    let shop: Shop
    private let state = Mutex(State())

    private struct State {
        var isStopped = false
        var settled = 0
        var epochs: Set<Int64> = []
        var losses = 0
        /// The number of losses before the newest request that was settled began.
        var healed = 0
        /// What the slowest healing took.
        var longest = Duration.zero
    }

    init(shop: Shop) { self.shop = shop }

    var settled: Int { state.withLock { $0.settled } }
    var epochs: Int { state.withLock { $0.epochs.count } }
    var healed: Int { state.withLock { $0.healed } }
    var longest: Duration { state.withLock { $0.longest } }
    private var isStopped: Bool { state.withLock { $0.isStopped } }

    func stop() { state.withLock { $0.isStopped = true } }

    /// Redis was lost and is there again.
    /// - Returns: How often that has been so.
    func lost() -> Int {
        state.withLock { state in
            state.losses += 1
            return state.losses
        }
    }

    func note(healing duration: Duration) { state.withLock { $0.longest = max($0.longest, duration) } }

    func project() async throws {
        while !isStopped {
            _ = try await shop.world.projector.step(limit: 100, mirror: shop.world.mirror)
            try await Task.sleep(for: .milliseconds(2))
        }
    }

    /// What a gateway does with one request after another; failures of Redis are refusals and nothing else.
    func spend(seed: UInt64) async {
        var random = SeededGenerator(seed: seed)
        while !isStopped {
            // Eight holds are more than the limit, and their costs are little: it stays tight until the end.
            let hold = Int64.random(in: 1...100_000, using: &random)
            let cost = hold * .random(in: 0...100, using: &random) / 40_000
            let isLowered = Bool.random(using: &random)
            do { try await one(shop.request(hold), cost: cost, isLowered: isLowered) } catch {
                try? await Task.sleep(for: .milliseconds(5))
            }
        }
    }

    private func one(_ request: AdmitRequest, cost: Int64, isLowered: Bool) async throws {
        let world = shop.world
        let losses = state.withLock { $0.losses }
        var decision = try await shop.admit(request)
        for _ in 0..<5 {
            guard case .admitted(let admission) = decision else { return }
            switch try await shop.authorize(request, admission) {
            case .appended:
                try await shop.settle(request.request, held: request.hold.rawValue, cost: cost)
                state.withLock {
                    $0.settled += 1
                    $0.epochs.insert(admission.epoch)
                    $0.healed = max($0.healed, losses)
                }
                if isLowered {
                    try await world.lower(request.request, address: shop.address, to: NanoDollars(cost))
                }
                return
            case .staleEpoch(let current):
                decision = try await world.client.readmit(request, staleEpoch: current, on: world.loop)
            case let other: throw Unexpected(description: "an authorization was answered with \(other)")
            }
        }
    }
}
