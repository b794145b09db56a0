import Ledger
import Money
import Postgres
import TestSupport
import Testing

@testable import Billing

/// T15: webhooks that come days late, and disputes of what was bought when what was given has run out.
@Suite struct LateTests {
    /// Stripe tries for three days. Each webhook comes so late, some more than once, and what is there is booked at random moments.
    @Test(.timeLimit(.minutes(10))) func threeDaysOfDelayGiveTheSameBooks() async throws {
        let seed = TestEnvironment.seed("delays of webhooks")
        try await World.run { world in
            var random = SeededGenerator(seed: seed)
            let organizations = try await world.organizations(TestEnvironment.soak ? 2_000 : 60)
            var deliveries: [NewEvent] = []
            for body in organizations.flatMap({ StripeSamples($0).everything }) {
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    let delay = Int64.random(in: 0...Self.threeDays, using: &random)
                    // What is a second apart in the samples is an hour apart here.
                    let event = try StripeSamples.kept(body, said: { Self.beginning + ($0 - 100) * 3_600 }, after: delay)
                    deliveries.append(event)
                }
            }
            deliveries.sort { $0.occurredAt < $1.occurredAt }
            let rounds = 10
            for round in 0..<rounds {
                let part = deliveries[(deliveries.count * round / rounds)..<(deliveries.count * (round + 1) / rounds)]
                try await Self.receive(Array(part), world)
                guard Bool.random(using: &random) else { continue }
                try await world.caughtUp()
                try await world.billing.settlePayments()
                try await world.billing.settleSubscriptions()
            }
            try await world.settle()
            let digests = try await world.digests()
            #expect(digests.count == 1 && digests.values.first == organizations.count, "\(digests.keys.prefix(2))")
            try await OrderTests.check(world)
        }
    }

    private static let threeDays: Int64 = 3 * 86_400 * 1_000_000
    /// 2026-01-30 00:00 UTC, so that delays go over the end of a month.
    private static let beginning: Int64 = 1_769_731_200

    /// Each by itself: whether it was there before is the ledger's to say.
    private static func receive(_ events: [NewEvent], _ world: World) async throws {
        try await withThrowingTaskGroup(of: AppendResult.self) { group in
            for event in events {
                group.addTask { try await world.appender.append(Command(event), deadline: .seconds(120)) }
            }
            for try await result in group { #expect(result.position != nil, "\(result)") }
        }
    }

    /// What was given runs out before a dispute of what was bought, while it is open, or after it is decided: the same is left.
    @Test(.timeLimit(.minutes(5))) func aDisputeAfterAnExpiryGivesTheSameBooks() async throws {
        try await World.run { world in
            // For each moment of the expiry one that wins and one that loses.
            let organizations = try await world.organizations(6)
            let webhooks = organizations.enumerated().map { StripeSamples($1).disputed($0.isMultiple(of: 2) ? "won" : "lost") }
            for step in 0..<3 {
                for all in webhooks { try await world.deliver(all[step]) }
                try await world.settle()
                try await Self.give(organizations[(2 * step)...(2 * step + 1)], world)
                #expect(try await world.billing.expireGrants() == 2)
                try await world.caughtUp()
            }
            let digests = try await world.digests()
            #expect(digests.values.sorted() == [3, 3], "\(digests)")
            // Of 100 bought 40 were disputed; nothing is left of the ten that were given.
            for balance in ["60000000000", "100000000000"] {
                #expect(digests.keys.contains { $0.contains(#""balance": \#(balance)"#) }, "\(digests)")
            }
            #expect(digests.keys.allSatisfy { $0.contains(#""expired": 10000000000"#) }, "\(digests)")
            try await OrderTests.check(world)
        }
    }

    /// What was bought is spent, and what was given has run out: what is frozen then is overdrawn, and what comes back is what was bought.
    @Test(.timeLimit(.minutes(5))) func aDisputeOfWhatIsSpentBringsBackNothingThatRanOut() async throws {
        try await World.run { world in
            let organization = try await world.organizations(1)[0]
            let webhooks = StripeSamples(organization).disputed("won")
            try await world.deliver(webhooks[0])
            try await world.settle()
            try await world.append([
                try NewEvent(
                    CreditAdjusted(amount: NanoDollars(-95_000_000_000), reason: "spent"), stream: .credit(organization),
                    expectedVersion: nil, organization: organization)
            ])
            try await Self.give([organization], world)
            #expect(try await world.billing.expireGrants() == 1)
            for (webhook, balance) in [(webhooks[1], "-35000000000"), (webhooks[2], "5000000000")] {
                try await world.deliver(webhook)
                try await world.settle()
                #expect(try await world.billing.expireGrants() == 0)
                let digest = try #require(try await world.digests().keys.first)
                #expect(digest.contains(#""balance": \#(balance)"#), "\(digest)")
                #expect(digest.contains(#""expired": 10000000000"#), "\(digest)")
            }
            try await OrderTests.check(world)
        }
    }

    /// Ten dollars whose time is over, and which count until somebody looks.
    private static func give(_ organizations: some Sequence<OrganizationID>, _ world: World) async throws {
        try await world.append(
            organizations.map { organization in
                try NewEvent(
                    CreditGranted(
                        grant: .mint(), kind: .promotional, amount: NanoDollars(10_000_000_000),
                        expiresAt: Timestamp(microseconds: 1)), stream: .credit(organization), expectedVersion: nil,
                    organization: organization)
            })
        try await world.caughtUp()
    }
}
