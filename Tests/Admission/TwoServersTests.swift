import Ledger
import Logging
import Money
import NIOCore
import NIOPosix
import Postgres
import Projections
import Redis
import TestSupport
import Testing

@testable import Admission

/// Two servers of Redis that both answer, as in a rolling restart with another REDIS_URL, or when one host still reaches the old
/// primary: the one on record admits, and the other nothing.
@Suite struct TwoServersTests {
    @Test func oneOfTwoAdmits() async throws {
        try await World.run { world in
            let shop = try await Shop.open(in: world, credit: 1000)
            try await world.catchUp()
            let request = shop.request(600)
            let first = try #require(try await shop.admit(request).admission)
            try await withNewServer(beside: world) { redis, client in
                let loop = redis.client.any.eventLoop
                let epoch = try await world.redis.epochs.record().epoch
                // It is told when it authorizes, and then nothing of the new epoch begins in its own server.
                #expect(try await shop.authorize(request, first) == .staleEpoch(current: epoch))
                #expect(try await world.client.readmit(request, staleEpoch: epoch, on: world.loop) == .unknown)
                await #expect(throws: AdmissionError.self) { try await Sweeper.once(world) }
                #expect(world.client.isSuperseded && !client.isSuperseded)
                // From then on also what would need no authorization is refused.
                await #expect(throws: AdmissionError.self) { try await shop.admit(shop.request(0)) }

                #expect(try await client.admit(shop.request(1000), on: loop).admission?.epoch == epoch)
                #expect(try await client.admit(shop.request(1), on: loop).denial?.reason == .balance)
                #expect(try await world.epochReasons() == ["ledger_created", "redis_first_seen", "redis_replaced"])
            }
        }
    }

    /// Who writes to the old server leaves the projection to others: no batch is for the new one alone to miss, and an organization's
    /// first events, which ask for no claim of anybody's, begin no state in the old one.
    @Test func whoWritesToTheOtherLeavesTheProjection() async throws {
        try await World.run { world in
            let shop = try await Shop.open(in: world, credit: 1000)
            try await world.catchUp()
            try await withNewServer(beside: world) { redis, client in
                let loop = redis.client.any.eventLoop
                _ = try await world.append(
                    APIKeyStatusChanged(status: .inactive), .apiKey(shop.address.key), nil, shop.address.organization)
                let later = try await Shop.open(in: world, credit: 50)
                await #expect(throws: MirrorElsewhere.self) { try await world.catchUp() }
                #expect(try await world.epochReasons().last == "redis_replaced")
                let state = OrganizationKeys(later.address.organization).state
                #expect(try await world.redisCall("EXISTS", .string(state)) == .integer(0))

                try await world.projector.catchUp(mirror: AdmissionMirror(redis: redis, logger: quiet))
                #expect(try await client.admit(shop.request(1), on: loop).denial?.reason == .keyInactive)
                #expect(try await client.admit(later.request(50), on: loop).admission?.available == .zero)
            }
        }
    }

    /// A process on each of the two, the old one first; and the same when the old server is gone.
    @Test(arguments: [true, false]) func theProjectionGoesToWhoWritesToTheOneOnRecord(_ isOldThere: Bool) async throws {
        try await World.run { world in
            let shop = try await Shop.open(in: world, credit: 1000)
            func run(_ redis: AdmissionRedis) throws -> Task<Void, Never> {
                let projector = Projector(
                    definition: try ProjectionDefinition.load(folder: admissionFolderPath),
                    configuration: try PostgresConfiguration(url: world.url), signal: nil,
                    mirror: AdmissionMirror(redis: redis, logger: quiet), logger: quiet)
                return Task { await projector.run() }
            }
            let old = try run(world.redis)
            defer { old.cancel() }
            #expect(try await world.reaches(world.head()))
            try await withNewServer(beside: world) { redis, client in
                let new = try run(redis)
                defer { new.cancel() }
                if !isOldThere { world.server.pause() }
                defer { if !isOldThere { world.server.resume() } }
                try await shop.grant(50)
                #expect(try await world.reaches(world.head()))
                let loop = redis.client.any.eventLoop
                #expect(try await client.admit(shop.request(1050), on: loop).admission?.available == .zero)
                #expect(try await world.epochReasons().filter { $0 == "redis_unreachable" }.isEmpty)
            }
        }
    }

    /// Its Redis was on record when it was sent; then another took the place.
    @Test func anEpochThatComesLateBringsNoOldServerBack() async throws {
        try await World.run { world in
            let shop = try await Shop.open(in: world, credit: 1000)
            try await world.catchUp()
            let record = try await world.redis.epochs.record()
            try await withNewServer(beside: world) { redis, client in
                let epochs = world.redis.epochs
                #expect(try await epochs.startForAll(reason: "late", runID: record.runID, after: record) == nil)
                try await redis.trust.establish(on: redis.any)
                #expect(try await client.admit(shop.request(1000), on: redis.client.any.eventLoop).admission != nil)
                let now = try await epochs.record()
                #expect(now.runID != record.runID)
                #expect(try await epochs.startForAll(reason: "in time", runID: now.runID, after: now) != nil)
            }
        }
    }

    /// The old server is to be the one again: a person says so, and then the new one's gateways are refused.
    @Test func whoRemovesItsMarkerTakesItBack() async throws {
        try await World.run { world in
            let shop = try await Shop.open(in: world, credit: 1000)
            try await world.catchUp()
            try await withNewServer(beside: world) { redis, client in
                await #expect(throws: AdmissionError.self) { try await Sweeper.once(world) }
                await #expect(throws: AdmissionError.self) { try await shop.admit(shop.request(1)) }
                let keys = try await world.serverKeys()
                _ = try await world.redisCall("DEL", .string(keys.server))
                try await Sweeper.once(world)
                #expect(try await shop.admit(shop.request(1000)).admission?.available == .zero)
                #expect(!world.client.isSuperseded)
                #expect(try await world.epochReasons().suffix(2) == ["redis_replaced", "redis_replaced"])
                await #expect(throws: AdmissionError.self) { try await redis.trust.establish(on: redis.any) }
                await #expect(throws: AdmissionError.self) {
                    try await client.admit(shop.request(1), on: redis.client.any.eventLoop)
                }
            }
        }
    }

    /// Runs a test with a gateway that was started with another server, while all connections to the first are up.
    private func withNewServer(
        beside world: World, _ body: (AdmissionRedis, AdmissionClient) async throws -> Void
    ) async throws {
        try await connectEverywhere(world.redis)
        let server = try await RedisServer()
        var failure: (any Error)?
        do {
            let redis = try AdmissionRedis.over(server, world.postgres, world.appender)
            let client = AdmissionClient(redis: redis, instance: .mint(), configuration: .patient, logger: quiet)
            do {
                try await connectEverywhere(redis)
                try await body(redis, client)
            } catch { failure = error }
            await redis.shutdown()
        } catch { failure = error }
        await server.tearDown()
        if let failure { throw failure }
    }

    /// Each connection looks once whether its server is the one on record, when it is made.
    private func connectEverywhere(_ redis: AdmissionRedis) async throws {
        for loop in MultiThreadedEventLoopGroup.singleton.makeIterator() {
            _ = try await redis.client.connection(for: loop).call(["PING"], deadline: .seconds(10))
        }
    }
}
