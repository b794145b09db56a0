import Ledger
import Money
import Postgres
import Redis
import Testing

@testable import Admission

/// What dead gateways leave behind.
@Suite struct RecoveryTests {
    /// That of a process which has renewed its lease without a break for long enough to bury others.
    private func recovery(_ world: World, overdue: Duration = .zero) async throws -> Recovery {
        let lease = InstanceLease(client: world.postgres, logger: quiet)
        try await lease.renew()
        try await letPass("61 seconds", "steady_since", of: lease.instance, in: world)
        return recovery(world, lease, overdue: overdue)
    }

    private func recovery(_ world: World, _ lease: InstanceLease, overdue: Duration = .zero) -> Recovery {
        Recovery(redis: world.redis, appender: world.appender, lease: lease, overdue: overdue, logger: quiet)
    }

    /// Lets time pass since what a column of the leases says: of one instance, or of all.
    private func letPass(_ time: String, _ column: String, of instance: InstanceID? = nil, in world: World) async throws {
        let which = instance.map { "WHERE instance = '\($0.uuid.lowercase)'" } ?? ""
        try await PostgresConnection.connect(PostgresConfiguration(url: world.url), logger: quiet).use { superuser in
            try await superuser.script("UPDATE ledger.leases SET \(column) = \(column) - interval '\(time)' \(which)")
        }
    }

    /// Takes a lease as a gateway does, and lets it run out or not.
    private func lease(_ world: World, isDead: Bool) async throws -> InstanceID {
        let instance = InstanceID.mint()
        try await world.postgres.query("SELECT ledger.renew_lease($1)", [.uuid(instance.uuid)])
        if isDead { try await letPass("61 seconds", "renewed_at", of: instance, in: world) }
        return instance
    }

    @Test func aDeadInstanceIsAbandonedOnceAndMaySettleLate() async throws {
        try await World.run { world in
            let shop = try await Shop.open(in: world, credit: 1000)
            try await world.catchUp()
            let (dead, living) = (try await lease(world, isDead: true), try await lease(world, isDead: false))
            let (lost, kept) = (shop.request(300), shop.request(200))
            let lostAdmission = try #require(try await shop.admit(lost).admission)
            let keptAdmission = try #require(try await shop.admit(kept).admission)
            _ = try await shop.authorize(lost, lostAdmission, instance: dead)
            _ = try await shop.authorize(kept, keptAdmission, instance: living)
            try await world.catchUp()
            #expect(try await shop.stored().fields["o:a"] == "500")

            // Several gateways look at once: one of them wins.
            let reports = try await withThrowingTaskGroup(of: Recovery.Report.self) { group in
                for _ in 0..<4 { group.addTask { try await recovery(world).pass() } }
                return try await group.reduce(into: [Recovery.Report]()) { $0.append($1) }
            }
            #expect(reports.map(\.abandoned).reduce(0, +) == 1)
            try await world.catchUp()
            #expect(try await shop.stored().fields["o:a"] == "800")
            #expect(try await recovery(world).pass() == Recovery.Report())

            let events = try await LedgerReader(world.postgres).stream(.request(lost.request))
            #expect(events.map(\.type) == ["request.authorized", "request.abandoned"])
            let abandoned = try events[1].decode(RequestAbandoned.self)
            #expect(abandoned.reason == "lease_expired")
            #expect(abandoned.bound == NanoDollars(300))
            #expect(abandoned.outcome.charged == .zero)

            // The gateway was only slow: version 2 is taken, so it settles late; once.
            #expect(try await shop.settle(lost.request, held: 300, cost: 250) == .versionConflict(current: 2))
            let late = RequestSettledLate(outcome: shop.outcome(held: 300, cost: 250))
            let stream = StreamName.request(lost.request)
            guard case .appended = try await world.append(late, stream, 2, shop.address.organization) else {
                Issue.record("the late settlement was refused")
                return
            }
            #expect(try await world.append(late, stream, 2, shop.address.organization) == .versionConflict(current: 3))
            try await world.catchUp()
            #expect(try await shop.stored().fields["o:a"] == "550")
            #expect(try await shop.balance() == 750)
            let (stored, seeded) = (try await shop.stored(), try await shop.seeded())
            #expect(stored.fields == seeded.fields)
            #expect(Array(stored.holds.keys) == [kept.request.uuid.lowercase])
            #expect(Array(seeded.holds.keys) == [kept.request.uuid.lowercase])
            #expect(try await world.projector.problems() == [])
        }
    }

    /// Postgres was away for longer than a lease lasts, and nobody could renew: what streams at a gateway that lives keeps its hold.
    @Test func whatALivingGatewayAuthorizedOutlivesAnOutage() async throws {
        try await World.run { world in
            let shop = try await Shop.open(in: world, credit: 1000)
            try await world.catchUp()
            let (gateway, other) = (
                InstanceLease(client: world.postgres, logger: quiet), InstanceLease(client: world.postgres, logger: quiet)
            )
            for lease in [gateway, other] { try await lease.renew() }
            let (instance, request) = (gateway.instance, shop.request(400))
            let admission = try #require(try await shop.admit(request).admission)
            _ = try await shop.authorize(request, admission, instance: instance)
            try await world.catchUp()
            for column in ["renewed_at", "steady_since"] { try await letPass("10 minutes", column, in: world) }

            // Whoever comes back first, and however it finds the leases, abandons nothing.
            for lease in [gateway, other] { #expect(try await recovery(world, lease).pass() == Recovery.Report()) }
            try await other.renew()
            #expect(try await recovery(world, other).pass() == Recovery.Report())
            try await gateway.renew()
            #expect(gateway.mayAdmit && gateway.instance == instance)
            try await letPass("61 seconds", "steady_since", of: other.instance, in: world)
            #expect(try await recovery(world, other).pass() == Recovery.Report())
            try await world.catchUp()
            #expect(try await shop.stored().fields["o:a"] == "600")
            guard case .appended = try await shop.settle(request.request, held: 400, cost: 400) else {
                Issue.record("the outcome was refused")
                return
            }

            // Had it died in the outage, the same would be abandoned as soon as the others had the time to come back.
            let lost = shop.request(300)
            let second = try #require(try await shop.admit(lost).admission)
            _ = try await shop.authorize(lost, second, instance: instance)
            try await world.catchUp()
            try await letPass("61 seconds", "renewed_at", of: instance, in: world)
            try await other.renew()
            #expect(try await recovery(world, other).pass().abandoned == 1)
        }
    }

    @Test func aHoldWithoutAnEventIsVoidedOnceAndItsAuthorizationComesTooLate() async throws {
        try await World.run { world in
            let shop = try await Shop.open(in: world, credit: 1000)
            try await world.catchUp()
            let request = shop.request(400)
            let admission = try #require(try await shop.admit(request).admission)
            #expect(try await recovery(world, overdue: .seconds(60)).pass() == Recovery.Report())
            // Redis's clock is read to the second here.
            let reports = try await withThrowingTaskGroup(of: Recovery.Report.self) { group in
                for _ in 0..<4 { group.addTask { try await recovery(world, overdue: .seconds(-1)).pass() } }
                return try await group.reduce(into: [Recovery.Report]()) { $0.append($1) }
            }
            #expect(reports.map(\.voided).reduce(0, +) == 1)
            #expect(reports.map(\.released).reduce(0, +) == 1)
            #expect(try await shop.stored().fields["o:a"] == "1000")
            #expect(try await shop.authorize(request, admission) == .versionConflict(current: 1))
            try await world.catchUp()
            #expect(try await shop.stored().fields == shop.seeded().fields)
        }
    }

    /// The event is in the ledger, only the projector has not seen it: the hold stays.
    @Test func aHoldWhoseEventIsOnItsWayStays() async throws {
        try await World.run { world in
            let shop = try await Shop.open(in: world, credit: 1000)
            try await world.catchUp()
            let request = shop.request(400)
            let admission = try #require(try await shop.admit(request).admission)
            _ = try await shop.authorize(request, admission)
            #expect(try await recovery(world, overdue: .seconds(-1)).pass() == Recovery.Report())
            #expect(try await shop.stored().fields["o:a"] == "600")
        }
    }

    @Test func theHoldsOfAnotherLedgerAreLeftAlone() async throws {
        try await World.run { world in
            _ = try await world.redisCall(
                "HSET", .string(OrganizationKeys(.mint()).holds), .string(RequestID.mint().uuid.lowercase), "p")
            #expect(try await recovery(world, overdue: .seconds(-1)).pass() == Recovery.Report())
        }
    }
}
