import Ledger
import Money
import Postgres
import Redis
import TestSupport
import Testing

@testable import Admission

/// Losses of Redis, and what a gateway does about them.
@Suite struct HealTests {
    /// Whether bodies are kept is part of the state, wherever that comes from.
    @Test func whatIsRetainedIsKnownAfterALoss() async throws {
        try await World.run { world in
            let shop = try await Shop.open(in: world, credit: 1000)
            try await world.catchUp()
            #expect(try await shop.admit(shop.request(1)).admission?.isRetained == false)
            let organization = shop.address.organization
            _ = try await world.append(OrganizationUpdated(retention: "retain"), .organization(organization), 1, organization)
            try await world.catchUp()
            #expect(try await shop.admit(shop.request(1)).admission?.isRetained == true)
            _ = try await world.redisCall("DEL", .string(OrganizationKeys(organization).state))
            #expect(try await shop.admit(shop.request(1)).admission?.isRetained == true)
            _ = try await world.append(OrganizationUpdated(retention: "none"), .organization(organization), 2, organization)
            try await world.catchUp()
            _ = try await world.redisCall("DEL", .string(OrganizationKeys(organization).state))
            #expect(try await shop.admit(shop.request(1)).admission?.isRetained == false)
        }
    }

    /// Redis has none of the keys that are gone, wherever its state comes from, and their requests still settle.
    @Test func deletedKeysAreInNoState() async throws {
        try await World.run { world in
            let limit = PeriodLimit(amount: NanoDollars(500), count: 1, unit: .month)
            let shop = try await Shop.open(in: world, credit: 1000, keyLimit: 400, periodLimit: limit)
            try await world.catchUp()
            let organization = shop.address.organization
            let request = shop.request(300)
            let admission = try #require(try await shop.admit(request).admission)
            _ = try await shop.authorize(request, admission)
            try await world.append(APIKeyDeleted(), .apiKey(shop.address.key), nil, organization)
            try await world.catchUp()
            for isHealed in [false, true] {
                if isHealed { _ = try await world.redisCall("DEL", .string(OrganizationKeys(organization).state)) }
                #expect(try await shop.admit(shop.request(1)).denial?.reason == .unknownKey)
                try await world.catchUp()
                let (stored, seeded) = (try await shop.stored(), try await shop.seeded())
                #expect(stored.fields == seeded.fields && stored.holds == seeded.holds && stored.holds.count == 1)
                #expect(!stored.fields.keys.contains { $0.hasPrefix("k:") })
            }
            try await shop.settle(request.request, held: 300, cost: 120, admittedAt: admission.admittedAt)
            try await world.catchUp()
            #expect(try await shop.stored().fields == shop.seeded().fields)
            #expect(try await shop.stored().fields["o:a"] == "880")
            #expect(try await world.projector.problems() == [])
        }
    }

    @Test func anOrganizationGoesFromItsEventsToTheFirstAdmission() async throws {
        try await World.run { world in
            let shop = try await Shop.open(in: world, credit: 1000, keyLimit: 400)
            try await world.catchUp()
            #expect(try await world.client.address(ofDigest: shop.digest, client: "::1", on: world.loop) == shop.address)
            #expect(try await world.client.available(shop.address, on: world.loop) == NanoDollars(400))
            let request = shop.request(300)
            let admission = try #require(try await shop.admit(request).admission)
            #expect(admission.available == NanoDollars(100))
            guard case .appended = try await shop.authorize(request, admission) else {
                Issue.record("the authorization was refused")
                return
            }
            try await shop.settle(request.request, held: 300, cost: 120)
            try await world.lower(request.request, address: shop.address, to: NanoDollars(120))
            #expect(try await world.client.available(shop.address, on: world.loop) == NanoDollars(280))
            try await world.catchUp()
            let (stored, seeded) = (try await shop.stored(), try await shop.seeded())
            #expect(stored.fields == seeded.fields)
            #expect(stored.holds == seeded.holds)
            #expect(try await world.projector.problems() == [])
            // No epoch was needed for it but the one with which this Redis was first seen.
            let epochs = try await world.postgres.query("SELECT organization FROM ledger.epochs")
            #expect(epochs.count == 1)
        }
    }

    /// A new organization begins with the mirror, and not with an epoch of its own.
    @Test func anOrganizationThatIsMadeLaterNeedsNoEpoch() async throws {
        try await World.run { world in
            try await Sweeper.once(world)
            #expect(try await world.redis.trust.marker(world.serverKeys(), on: world.redis.any).isComplete)
            let shop = try await Shop.open(in: world, credit: 1000)
            try await world.catchUp()
            #expect(try await shop.admit(shop.request(1)).admission != nil)
            #expect(try await world.epochReasons() == ["ledger_created", "redis_first_seen"])
        }
    }

    @Test func aFlushedRedisIsNoticedByTheNextRequest() async throws {
        try await World.run { world in
            let shop = try await Shop.open(in: world, credit: 1000)
            try await world.catchUp()
            let before = shop.request(600)
            let admission = try #require(try await shop.admit(before).admission)
            _ = try await world.redisCall("FLUSHALL")
            // What was held and never authorized is gone, and can't come back: its epoch is over.
            let after = try #require(try await shop.admit(shop.request(1000)).admission)
            #expect(after.epoch > admission.epoch)
            #expect(try await shop.authorize(before, admission) == .staleEpoch(current: after.epoch))
            #expect(try await world.epochReasons().last == "redis_flushed")
        }
    }

    @Test func aSingleMissingOrganizationBeginsAnEpochOfItsOwn() async throws {
        try await World.run { world in
            let (lost, other) = (try await Shop.open(in: world, credit: 1000), try await Shop.open(in: world, credit: 1000))
            try await world.catchUp()
            try await Sweeper.once(world)
            let admission = try #require(try await lost.admit(lost.request(600)).admission)
            let kept = try #require(try await other.admit(other.request(600)).admission)
            _ = try await world.redisCall("DEL", .string(OrganizationKeys(lost.address.organization).state))
            #expect(try await lost.admit(lost.request(1000)).admission.map { $0.epoch > admission.epoch } == true)
            #expect(try await other.admit(other.request(400)).admission?.epoch == kept.epoch)
            #expect(try await world.epochReasons().last == "state_missing")
        }
    }

    @Test func aGapIsHealedByAnEpochOfTheOrganization() async throws {
        try await World.run { world in
            let shop = try await Shop.open(in: world, credit: 1000)
            try await world.catchUp()
            let old = try #require(try await shop.admit(shop.request(1)).admission)
            try await shop.grant(50)
            try await world.projector.step(mirror: world.mirror, crash: .withoutMirror)
            try await shop.grant(7)
            try await world.catchUp()
            let new = try #require(try await shop.admit(shop.request(1057)).admission)
            #expect(new.epoch > old.epoch)
            #expect(try await world.epochReasons().last == "state_gap")
            try await world.catchUp()
            #expect(try await shop.stored().fields["position"] == shop.seeded().fields["position"])
        }
    }

    /// After append said `stale_epoch` the same request is admitted again, and holds once.
    @Test func aStaleEpochIsAdmittedAgain() async throws {
        try await World.run { world in
            let shop = try await Shop.open(in: world, credit: 1000)
            try await world.catchUp()
            let request = shop.request(700)
            let first = try #require(try await shop.admit(request).admission)
            let epoch = try await world.redis.epochs.start(organization: shop.address.organization, reason: "test")
            #expect(try await shop.authorize(request, first) == .staleEpoch(current: epoch))
            let again = try await world.client.readmit(request, staleEpoch: epoch, on: world.loop)
            let second = try #require(again.admission)
            #expect(second.epoch == epoch)
            #expect(second.available == NanoDollars(300))
            guard case .appended = try await shop.authorize(request, second) else {
                Issue.record("the authorization of the newest epoch was refused")
                return
            }
            #expect(try await shop.stored().holds.count == 1)
        }
    }

    /// Fifty gateways notice at once: one epoch, one seed, one state.
    @Test func aReseedStormSetsTheStateOnce() async throws {
        try await World.run { world in
            let shop = try await Shop.open(in: world, credit: 1_000_000)
            try await world.catchUp()
            var gateways: [(AdmissionRedis, AdmissionClient)] = []
            for _ in 0..<50 { gateways.append(try world.anotherGateway()) }
            for (redis, _) in gateways { _ = try await redis.client.any.call(["PING"], deadline: .seconds(10)) }
            _ = try await world.redisCall("FLUSHALL")
            let decisions = try await withThrowingTaskGroup(of: AdmitDecision.self) { group in
                for (redis, client) in gateways {
                    let request = shop.request(1000)
                    let loop = redis.client.any.eventLoop
                    group.addTask { try await client.admit(request, on: loop) }
                }
                return try await group.reduce(into: [AdmitDecision]()) { $0.append($1) }
            }
            #expect(decisions.compactMap(\.admission).count == 50)
            #expect(Set(decisions.compactMap(\.admission?.epoch)).count == 1)
            #expect(try await shop.stored().fields["o:a"] == "950000")
            #expect(try await shop.stored().holds.count == 50)
            #expect(try await world.epochReasons() == ["ledger_created", "redis_first_seen", "redis_flushed"])
            for (redis, _) in gateways { await redis.shutdown() }
        }
    }

    @Test func theBackgroundFillsAFlushedRedis() async throws {
        try await World.run { world in
            var shops: [Shop] = []
            for _ in 0..<20 { shops.append(try await Shop.open(in: world, credit: 1000)) }
            try await world.catchUp()
            _ = try await world.redisCall("FLUSHALL")
            try await Sweeper.once(world)
            for shop in shops { #expect(try await shop.stored().fields["o:a"] == "1000") }
            #expect(try await world.redis.trust.marker(world.serverKeys(), on: world.redis.any).isComplete)
            #expect(try await world.epochReasons() == ["ledger_created", "redis_first_seen", "redis_flushed"])
        }
    }

    /// One that can't be built, twice running, is left to its requests: the others are not gone through for ever because of it. What
    /// stands of it is of before, and is trusted no more.
    @Test func whatIsNotBuiltTwiceIsLeftToItsRequests() async throws {
        try await World.run { world in
            let (bad, good) = (try await Shop.open(in: world, credit: 1000), try await Shop.open(in: world, credit: 1000))
            try await world.catchUp()
            try await Sweeper.once(world)
            let before = try await bad.stored().fields["epoch"]
            let epoch = try await world.redis.epochs.startForAll(reason: "test")
            // Somebody has claimed it, and does not come to an end.
            let seeding = OrganizationKeys(bad.address.organization).seeding
            _ = try await world.redisCall("SET", .string(seeding), "somebody", "PX", "60000")
            let sweeper = Sweeper(store: world.redis.store, healer: world.client.healer, logger: quiet)
            #expect(try await !sweeper.sweep())
            #expect(try await good.stored().fields["epoch"] == "\(epoch)")
            #expect(try await !world.redis.trust.marker(world.serverKeys(), on: world.redis.any).isComplete)
            #expect(try await sweeper.sweep())
            #expect(try await world.redis.trust.marker(world.serverKeys(), on: world.redis.any).isComplete)
            #expect(try await world.epochReasons().suffix(2) == ["test", "state_not_built"])
            #expect(try await bad.stored().fields["epoch"] == before)
            try await world.catchUp()
            #expect(try await bad.stored().fields["epoch"] == nil)
            _ = try await world.redisCall("DEL", .string(seeding))
            try await eventually("it is built") { try await bad.admit(bad.request(1000)).admission != nil }
        }
    }

    @Test func functionsThatSomebodyRemovedAreLoadedAgain() async throws {
        try await World.run { world in
            let shop = try await Shop.open(in: world, credit: 1000)
            try await world.catchUp()
            _ = try await world.redisCall("FUNCTION", "FLUSH")
            #expect(try await shop.admit(shop.request(1)).admission != nil)
        }
    }

    @Test func aRedisThatEvictsIsRefused() async throws {
        try await World.run(settings: ["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"]) { world in
            let shop = try await Shop.open(in: world, credit: 1000)
            do {
                _ = try await shop.admit(shop.request(1))
                Issue.record("a Redis was used that evicts")
            } catch let error as AdmissionError {
                #expect(error.code == .unavailable)
            }
        }
    }
}

extension Sweeper {
    /// One pass of the background.
    static func once(_ world: World) async throws {
        try await Sweeper(store: world.redis.store, healer: world.client.healer, logger: quiet).sweep()
    }
}
