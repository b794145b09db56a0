import Foundation
import Ledger
import Money
import Postgres
import TestSupport
import Testing

@testable import Billing

/// T15: webhooks come late, twice and in any order, and the books are the same.
@Suite struct OrderTests {
    private static func permutations<T>(_ items: [T]) -> [[T]] {
        guard items.count > 1 else { return [items] }
        return items.indices.flatMap { index in
            var rest = items
            let item = rest.remove(at: index)
            return permutations(rest).map { [item] + $0 }
        }
    }

    /// Each webhook five times, in every order of the small sets, one organization an order; something is booked in between.
    @Test(.timeLimit(.minutes(5)), arguments: ["payment", "subscription"])
    func everyOrderOfASmallSetGivesTheSameBooks(_ sample: String) async throws {
        try await World.run { world in
            let orders = Self.permutations(Array(0..<5))
            let organizations = try await world.organizations(orders.count)
            let samples = organizations.map { StripeSamples($0) }
            for round in 0..<5 {
                // The fifth time is before anything of the last webhook was booked, the first times after.
                for step in 0..<5 {
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for (index, order) in orders.enumerated() {
                            let all = sample == "payment" ? samples[index].payment : samples[index].subscription
                            group.addTask {
                                let isNew = try await world.deliver(all[order[step]])
                                #expect(isNew == (round == 0))
                            }
                            if index % 16 == 15 { try await group.waitForAll() }
                        }
                        try await group.waitForAll()
                    }
                    if round == 0, step % 2 == 1 { try await world.settle() }
                }
            }
            try await world.settle()
            let digests = try await world.digests()
            #expect(digests.count == 1, "\(digests)")
            #expect(digests.values.first == orders.count)
            let digest = try #require(digests.keys.first)
            if sample == "payment" {
                // 100 bought, of 105 paid 21 came back and 42 are lost.
                #expect(
                    digest.contains(#""topped_up": 100000000000"#) && digest.contains(#""refunded": 20000000000"#), "\(digest)")
                #expect(digest.contains(#""frozen": 40000000000"#) && digest.contains(#""balance": 40000000000"#), "\(digest)")
            } else {
                #expect(
                    digest.contains(#""plan": "pro""#) && digest.contains(#""subscription_revenue": -50000000000"#), "\(digest)")
            }
            try await Self.check(world)
        }
    }

    /// All webhooks in 10,000 random orders, with random repetitions, booked at random moments.
    @Test(.timeLimit(.minutes(10))) func tenThousandRandomOrdersGiveTheSameBooks() async throws {
        let seed = TestEnvironment.seed("orders of webhooks")
        try await World.run { world in
            var random = SeededGenerator(seed: seed)
            let organizations = try await world.organizations(10_000)
            var queues = try organizations.map { organization in
                let events = try StripeSamples(organization).everything.map { try StripeSamples.kept($0) }
                // Said again in another event: what Stripe says twice has the same state.
                let again = try events.filter { _ in Int.random(in: 0..<4, using: &random) == 0 }.map(Self.again)
                return (events + again).shuffled(using: &random)
            }
            while queues.contains(where: { !$0.isEmpty }) {
                var batch: [NewEvent] = []
                for index in queues.indices {
                    let count = min(Int.random(in: 0...14, using: &random), queues[index].count)
                    batch += queues[index].prefix(count)
                    queues[index].removeFirst(count)
                }
                try await world.append(batch)
                if Bool.random(using: &random) {
                    try await world.caughtUp()
                    try await world.billing.settlePayments()
                    try await world.billing.settleSubscriptions()
                }
            }
            try await world.settle()
            let digests = try await world.digests()
            #expect(digests.count == 1 && digests.values.first == 10_000, "\(digests.keys.prefix(2))")
            try await Self.check(world)
        }
    }

    private static func again(_ event: NewEvent) throws -> NewEvent {
        let id = EventID.mint()
        return try NewEvent(
            id: id, stream: .stripe(id), expectedVersion: 0, type: event.type, schemaVersion: 1, organization: nil,
            data: event.data,
            occurredAt: event.occurredAt, epoch: nil)
    }

    /// Nothing is credited twice, no invoice is missing, and the books sum to zero.
    static func check(_ world: World) async throws {
        for name in ["payments", "balances", "transactions", "journal", "grants"] {
            let problems = try await world.problems(name)
            #expect(problems.isEmpty, "\(name): \(problems.prefix(3))")
        }
        let sums = try await world.client.query("SELECT coalesce(sum(amount), 0)::bigint FROM journal.postings")
        #expect(try sums[0].decode(0, as: Int64.self) == 0)
        let due = try await world.client.query(
            """
            SELECT (SELECT count(*) FROM payments.payments WHERE due) + (SELECT count(*) FROM payments.disputes WHERE seen > posted)
                + (SELECT count(*) FROM payments.subscriptions WHERE due) + (SELECT count(*) FROM payments.bills WHERE due)
            """)
        #expect(try due[0].decode(0, as: Int64.self) == 0)
    }
}
