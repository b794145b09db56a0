import Ledger
import Logging
import Money
import Postgres
import Redis
import TestSupport
import Testing

import struct Foundation.UUID

@testable import Admission
@testable import Projections

/// The projector's way into Redis: what happens when either side fails.
@Suite struct MirrorTests {
    /// A crash between Redis and the checkpoint: the batch comes again, longer, and counts once.
    @Test func aBatchThatComesAgainCountsOnce() async throws {
        try await World.run { world in
            let shop = try await Shop.open(in: world, credit: 1000)
            try await world.catchUp()
            try await shop.grant(50)
            try await world.projector.step(mirror: world.mirror, crash: .beforeCommit)
            #expect(try await shop.stored().fields["o:a"] == "1050")
            try await shop.grant(7)
            try await world.catchUp()
            #expect(try await shop.stored().fields["o:a"] == "1057")
            #expect(try await shop.stored().fields == shop.seeded().fields)
        }
    }

    /// Redis is away for longer than a batch waits: the tables go on, what was admitted before is fenced, and all is well again
    /// when Redis is back.
    @Test func theTablesGoOnWithoutRedis() async throws {
        try await World.run { world in
            let shop = try await Shop.open(in: world, credit: 1000)
            try await world.catchUp()
            try await Sweeper.once(world)
            let request = shop.request(600)
            let before = try #require(try await shop.admit(request).admission)
            try await shop.grant(50)
            world.server.pause()
            try await world.catchUp()
            // One batch was left out; the epoch's own batch needs no Redis and begins no other.
            #expect(try await world.epochReasons() == ["ledger_created", "redis_first_seen", "redis_unreachable"])
            #expect(try await world.projector.position == world.head())
            world.server.resume()
            guard case .staleEpoch(let current) = try await shop.authorize(request, before) else {
                Issue.record("an authorization of before was accepted")
                return
            }
            let again = try await world.client.readmit(request, staleEpoch: current, on: world.loop)
            #expect(again.admission?.available == NanoDollars(450))
            try await Sweeper.once(world)
            #expect(try await world.redis.trust.marker(world.serverKeys(), on: world.redis.any).isComplete)
        }
    }

    /// However patient the mirror has become: a session that stands still in a transaction for longer is ended by Postgres, and
    /// nothing of the batch stays but its epoch.
    @Test func theCheckpointMovesHoweverLongRedisIsAway() async throws {
        try await World.run { world in
            let shop = try await Shop.open(in: world, credit: 1000)
            let projector = Projector(
                definition: try ProjectionDefinition.load(folder: admissionFolderPath),
                configuration: try PostgresConfiguration(url: world.url), signal: nil,
                mirror: AdmissionMirror(redis: world.redis, patience: Session.idleInTransaction + .seconds(2), logger: quiet),
                logger: quiet)
            let running = Task { await projector.run() }
            defer { running.cancel() }
            #expect(try await world.reaches(try await world.head()))
            world.server.pause()
            try await shop.grant(50)
            let isReached = try await world.reaches(world.head())
            world.server.resume()
            #expect(isReached)
            #expect(try await world.epochReasons().filter { $0 == "redis_unreachable" }.count == 1)
        }
    }

    @Test func whatWaitsForRedisIsDoneBeforePostgresEndsTheSession() {
        #expect(MirrorPatience.longest + AdmissionMirror.leavingOut + .seconds(2) < Session.idleInTransaction)
    }

    @Test func anOrganizationThatWasLeftOutIsBuiltByTheBackground() async throws {
        try await World.run { world in
            let shop = try await Shop.open(in: world, credit: 1000)
            try await world.catchUp()
            try await Sweeper.once(world)
            _ = try await world.append(
                APIKeyStatusChanged(status: .inactive), .apiKey(shop.address.key), nil, shop.address.organization)
            world.server.pause()
            try await world.projector.step(mirror: world.mirror)
            world.server.resume()
            // Nothing more happens in the ledger, and nobody asks: the disabled key is off all the same.
            try await Sweeper.once(world)
            #expect(try await shop.admit(shop.request(1)).denial?.reason == .keyInactive)
        }
    }

    /// Something else stands under an organization's key: that organization is built anew, and the others go on.
    @Test func aStateThatFailsTheFunctionsIsReplaced() async throws {
        try await World.run { world in
            let (broken, healthy) = (try await Shop.open(in: world, credit: 1000), try await Shop.open(in: world, credit: 1000))
            try await world.catchUp()
            let request = broken.request(400)
            let admission = try #require(try await broken.admit(request).admission)
            _ = try await world.redisCall("SET", .string(OrganizationKeys(broken.address.organization).state), "nonsense")
            for shop in [broken, healthy] { try await shop.grant(5) }
            try await world.catchUp()
            #expect(try await world.epochReasons().last == "state_unsound")
            guard case .staleEpoch = try await broken.authorize(request, admission) else {
                Issue.record("an authorization of the state that was removed was accepted")
                return
            }
            for shop in [broken, healthy] { #expect(try await shop.admit(shop.request(1005)).admission != nil) }
        }
    }

    /// A poison event parks its organization: refused as unknown, while others go on.
    @Test func aPoisonEventParksItsOrganizationAlone() async throws {
        try await World.run { world in
            let (poisoned, healthy) = (try await Shop.open(in: world, credit: 1000), try await Shop.open(in: world, credit: 1000))
            let projector = Projector(
                definition: try ProjectionDefinition.load(folder: admissionFolderPath),
                configuration: try PostgresConfiguration(url: world.url), signal: nil, mirror: world.mirror, logger: quiet)
            let running = Task { await projector.run() }
            defer { running.cancel() }
            #expect(try await world.reaches(try await world.head()))
            #expect(try await poisoned.admit(poisoned.request(1)).admission != nil)

            let organization = poisoned.address.organization
            let bad = try NewEvent(
                id: .mint(), stream: .credit(organization), expectedVersion: nil, type: CreditGranted.type, schemaVersion: 1,
                organization: organization, data: Array(#"{"amount":"a lot"}"#.utf8), occurredAt: .now, epoch: nil)
            _ = try await world.appender.append(Command(bad))
            try await healthy.grant(5)
            #expect(try await world.reaches(try await world.head()))
            #expect(try await poisoned.admit(poisoned.request(1)) == .unknown)
            #expect(try await healthy.admit(healthy.request(1005)).admission != nil)
            #expect(try await world.client.gauges(maximumAge: .zero).unknownOrganizations == 1)
        }
    }

    /// An event of a later version stops the projection, and parks nobody; whom it concerns is not served on what it may have changed.
    @Test func anEventThatIsNotKnownFencesItsOrganizationAndParksNobody() async throws {
        try await World.run { world in
            let (fenced, healthy) = (try await Shop.open(in: world, credit: 1000), try await Shop.open(in: world, credit: 1000))
            let projector = Projector(
                definition: try ProjectionDefinition.load(folder: admissionFolderPath),
                configuration: try PostgresConfiguration(url: world.url), signal: nil, mirror: world.mirror, logger: quiet)
            let running = Task { await projector.run() }
            defer { running.cancel() }
            #expect(try await world.reaches(world.head()))
            for shop in [fenced, healthy] { #expect(try await shop.admit(shop.request(1)).admission != nil) }

            let organization = fenced.address.organization
            let unknown = try NewEvent(
                id: .mint(), stream: .credit(organization), expectedVersion: nil, type: "credit.clawed_back", schemaVersion: 1,
                organization: organization, data: Array(#"{"amount":1000}"#.utf8), occurredAt: .now, epoch: nil)
            _ = try await world.appender.append(Command(unknown))
            let position = try await world.head()
            try await eventually("it halts before the event") {
                guard case .halted(let at, _) = projector.state else { return false }
                return at == position
            }
            #expect(try await fenced.admit(fenced.request(1)) == .unknown)
            #expect(try await healthy.admit(healthy.request(1)).admission != nil)
            let parked = try await world.postgres.query("SELECT position FROM projections.parked")
            #expect(parked.isEmpty)
        }
    }

    /// The projector's own role and check accept the folder.
    @Test func theFolderIsAProjection() throws {
        let definition = try ProjectionDefinition.load(folder: admissionFolderPath)
        #expect(definition.check().map(\.description) == [])
        #expect(definition.onPoison == .parkOrganization)
        #expect(Set(definition.types) == Set(AdmissionEvent.types))
    }

    /// The database was restored to before what Redis has: Redis is not believed.
    @Test func aRedisThatIsAheadOfTheLedgerIsEmptied() async throws {
        try await World.run { world in
            let shop = try await Shop.open(in: world, credit: 1000)
            try await world.catchUp()
            let keys = try await world.serverKeys()
            let state = OrganizationKeys(shop.address.organization).state
            for (field, value): (RedisArgument, RedisArgument) in [("applied", "1000000"), ("epoch", "1000000")] {
                _ = try await world.redisCall("HSET", .string(keys.server), field, value)
                _ = try await world.redisCall("HSET", .string(state), "epoch", "1000000", "o:a", "123456789")
                try await world.redis.trust.establish(on: world.redis.any)
                #expect(try await world.epochReasons().last == "ledger_restored")
                #expect(try await world.client.available(shop.address, on: world.loop) == NanoDollars(1000))
            }
        }
    }

    @Test func patienceGrowsWhileRedisIsAwayAndComesBack() {
        let patience = MirrorPatience(.seconds(2))
        var seen: [Duration] = []
        for _ in 0..<7 {
            seen.append(patience.current)
            patience.leftOut()
        }
        #expect(seen == [2, 4, 4, 4, 4, 4, 4].map { .seconds($0) })
        patience.answered()
        #expect(patience.current == .seconds(2))
    }

    @Test func gaugesTellLagAndOvershoot() async throws {
        try await World.run { world in
            let (plain, strict) = (
                try await Shop.open(in: world, credit: 1000, strict: false), try await Shop.open(in: world, credit: 1000)
            )
            try await world.catchUp()
            for shop in [plain, strict] {
                let request = shop.request(600)
                let admission = try #require(try await shop.admit(request).admission)
                _ = try await shop.authorize(request, admission)
                try await shop.settle(request.request, held: 600, cost: 1100)
            }
            let open = strict.request(100)
            _ = try await strict.authorize(open, try #require(try await strict.admit(open).admission))
            let before = try await world.client.gauges(maximumAge: .zero)
            #expect(before.stateLag == 5)
            #expect(try await world.client.gauges() == before)
            try await world.catchUp()
            let gauges = try await world.client.gauges(maximumAge: .zero)
            #expect(
                gauges
                    == AdmissionGauges(
                        stateLag: 0, strictOvershoot: .zero, overshoot: NanoDollars(500), belowZero: .zero, openHolds: 1,
                        unknownOrganizations: 0))
            // In plain mode the next request is refused; in strict mode what was not charged is still there.
            #expect(try await plain.admit(plain.request(1)).denial?.available == NanoDollars(-100))
            #expect(try await strict.admit(strict.request(300)).admission?.available == .zero)
            #expect(try await plain.balance() == -100)
        }
    }

    @Test func gaugesTellWhatIsBelowZero() async throws {
        try await World.run { world in
            let (plain, strict) = (
                try await Shop.open(in: world, credit: 1000, strict: false), try await Shop.open(in: world, credit: 1000)
            )
            try await world.catchUp()
            for shop in [plain, strict] {
                let (spent, open) = (shop.request(600), shop.request(300))
                for request in [spent, open] {
                    _ = try await shop.authorize(request, try #require(try await shop.admit(request).admission))
                }
                try await shop.settle(spent.request, held: 600, cost: 600)
                _ = try await world.append(
                    CreditAdjusted(amount: NanoDollars(-200), reason: "a test"), .credit(shop.address.organization), nil,
                    shop.address.organization)
            }
            try await world.catchUp()
            // Of the strict one 600 are charged and 300 are held, and credits are 800. What plain mode owes is not counted.
            #expect(try await world.client.gauges(maximumAge: .zero).belowZero == NanoDollars(100))
        }
    }
}

extension World {
    func head() async throws -> Int64 { try await LedgerReader(postgres).head()?.position ?? 0 }

    func reaches(_ position: Int64) async throws -> Bool {
        try await waitUntil(projection: "admission", position: position, deadline: .seconds(60), client: postgres)
    }
}
