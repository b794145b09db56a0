import Ledger
import Money
import Postgres
import TestSupport
import Testing
import Web

@testable import Billing

@Suite struct SettlingTests {
    /// Whoever asks for a payment to be booked is told that it is, though the worker or another gateway booked it first.
    @Test(.timeLimit(.minutes(2))) func whoIsOvertakenSaysWhatTheOtherBooked() async throws {
        try await World.run { world in
            let organizations = try await world.organizations(40)
            for organization in organizations {
                let paid = try #require(
                    StripeSamples(organization).payment.first { $0.contains("payment_intent.succeeded") })
                try await world.deliver(paid)
            }
            try await world.caughtUp()
            let payments = try await world.client.query("SELECT payment FROM payments.payments").map {
                PaymentID(uuid: try $0.decode(0))
            }
            #expect(payments.count == organizations.count)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for payment in payments {
                    for _ in 0..<4 {
                        group.addTask {
                            let state = try await world.billing.settle(payment: payment)
                            #expect(state?.posted == .succeeded, "\(payment)")
                        }
                    }
                }
                for _ in 0..<4 { group.addTask { try await world.billing.settlePayments() } }
                try await group.waitForAll()
            }
            try await world.settle()
            #expect(try await world.digests().count == 1)
        }
    }

    /// What is booked for nobody would stand in the way of whatever is made under that name later.
    @Test(.timeLimit(.minutes(2))) func whatAStrangerPaidWaitsUntilTheOrganizationIsHere() async throws {
        try await World.run { world in
            let stranger = OrganizationID.mint()
            let gone = try await world.organizations(1)[0]
            try await world.append([
                NewEvent(OrganizationDeleted(), stream: .organization(gone), expectedVersion: 1, organization: gone)
            ])
            for organization in [stranger, gone] {
                for body in StripeSamples(organization).payment { try await world.deliver(body) }
            }
            try await world.settle()
            func posted(_ organization: OrganizationID) async throws -> [Bool] {
                try await world.client.query(
                    "SELECT posted = 2 FROM payments.payments WHERE organization = $1", [.uuid(organization.uuid)]
                ).map { try $0.decode(0) }
            }
            #expect(try await posted(stranger) == [false])
            // Who is deleted has paid all the same.
            #expect(try await posted(gone) == [true])
            let events = try await world.client.query(
                "SELECT count(*) FROM ledger.events WHERE organization = $1", [.uuid(stranger.uuid)]
            )[0].decode(0, as: Int64.self)
            #expect(events == 0)
            #expect(try await world.database.client.query("SELECT 1 FROM projections.parked").isEmpty)
            try await world.append([
                NewEvent(OrganizationCreated(), stream: .organization(stranger), expectedVersion: 0, organization: stranger)
            ])
            try await world.settle()
            #expect(try await posted(stranger) == [true])
            for name in World.projections { #expect(try await world.problems(name) == []) }
        }
    }

    @Test(.timeLimit(.minutes(2))) func whoLeavesACheckoutKeepsTheBonusUntilSomethingIsBought() async throws {
        try await World.run { world in
            let organization = try await world.organizations(1)[0]
            let bonus = NanoDollars(50_000_000_000)
            func quoted() async throws -> Billing.Quote {
                try await world.caughtUp()
                return try await world.billing.quote(dollars: 100, for: organization, card: nil, isFree: false, isVerified: true)
            }
            var left: [PaymentID] = []
            for _ in 0..<2 {
                let quote = try await quoted()
                #expect(quote.bonus == bonus && quote.ineligibility == nil)
                let begun = try await world.billing.begin(
                    quote, kind: .checkout, method: nil, key: nil, for: organization, by: Caller(user: .mint()))
                left.append(begun.payment)
            }
            try await world.deliver(Self.succeeded(1, left[1], organization))
            try await world.settle()
            let after = try await quoted()
            #expect(after.bonus == .zero && after.ineligibility == .alreadyPurchased)
            // The other one, paid after all, was promised what is no longer to be had.
            try await world.deliver(Self.succeeded(1, left[0], organization))
            try await world.settle()
            let given = try await world.client.query("SELECT payment FROM payments.payments WHERE paid_bonus > 0").map {
                PaymentID(uuid: try $0.decode(0))
            }
            #expect(given == [left[1]])
        }
    }

    /// Every payment that is begun before one has succeeded was promised it, and some wait for days.
    @Test(.timeLimit(.minutes(2))) func aFirstPurchaseHasItsBonusOnce() async throws {
        try await World.run { world in
            let organizations = try await world.organizations(5)
            let (amount, bonus) = (NanoDollars(100_000_000_000), NanoDollars(50_000_000_000))
            let fee = PaymentFee(rule: "none", processing: .zero, international: .zero, platform: .zero)
            var promised: [(payment: PaymentID, organization: OrganizationID)] = []
            for organization in organizations {
                for _ in 0..<4 {
                    let payment = PaymentID.mint()
                    try await world.append([
                        NewEvent(
                            PaymentStarted(kind: .checkout, amount: amount, bonus: bonus, fee: fee, total: amount),
                            stream: .payment(payment), expectedVersion: 0, organization: organization),
                        NewEvent(
                            BonusPromised(payment: payment), stream: .customer(organization), expectedVersion: nil,
                            organization: organization),
                    ])
                    promised.append((payment, organization))
                }
            }
            try await world.caughtUp()
            for (payment, organization) in promised { try await world.deliver(Self.succeeded(1, payment, organization)) }
            try await world.caughtUp()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (payment, _) in promised { group.addTask { _ = try await world.billing.settle(payment: payment) } }
                for _ in 0..<4 { group.addTask { try await world.billing.settlePayments() } }
                try await group.waitForAll()
            }
            try await world.settle()
            // Said again, by another event.
            for (payment, organization) in promised { try await world.deliver(Self.succeeded(2, payment, organization)) }
            try await world.settle()
            let rows = try await world.client.query(
                """
                SELECT count(*) FILTER (WHERE posted = 2), sum(paid_amount)::bigint, count(*) FILTER (WHERE paid_bonus > 0),
                    sum(paid_bonus)::bigint
                FROM payments.payments GROUP BY organization
                """)
            #expect(rows.count == organizations.count)
            for row in rows {
                let found: [Int64] = try (0..<4).map { try row.decode($0) }
                #expect(found == [4, 4 * amount.rawValue, 1, bonus.rawValue])
            }
            let given = try await world.client.query(
                "SELECT count(*) FROM grants.grants WHERE kind = 'promotional' GROUP BY organization"
            ).map { try $0.decode(0, as: Int64.self) }
            #expect(given == Array(repeating: 1, count: organizations.count))
            for name in World.projections { #expect(try await world.problems(name) == []) }
        }
    }

    /// Stripe forgets after a day what was asked under a key; the ledger does not.
    @Test(.timeLimit(.minutes(2))) func anOldCheckoutThatIsPaidIsNotCalledAnother() async throws {
        try await World.run { world in
            let organization = try await world.organizations(1)[0]
            try await world.caughtUp()
            let quote = try await world.billing.quote(
                dollars: 100, for: organization, card: nil, isFree: false, isVerified: false)
            func refusal(_ key: String) async -> WebError? {
                return await #expect(throws: WebError.self) {
                    try await world.billing.startCheckout(
                        quote, key: IdempotencyKey(text: key), for: organization, customer: "cus_1", by: Caller(user: .mint()))
                }
            }
            for key in ["paid", "left"] {
                let begun = try await world.billing.begin(
                    quote, kind: .checkout, method: nil, key: IdempotencyKey(text: key), for: organization,
                    by: Caller(user: .mint()))
                if key == "paid" { try await world.deliver(Self.succeeded(1, begun.payment, organization)) }
            }
            try await world.settle()
            try await world.database.client.query("UPDATE payments.payments SET started_at = now() - interval '2 days'")
            let paid = await refusal("paid")
            #expect(paid?.status == 409 && paid?.code == "payment_succeeded")
            let left = await refusal("left")
            #expect(left?.status == 422 && left?.code == "idempotency_key_reused")
        }
    }

    private static func succeeded(_ id: Int, _ payment: PaymentID, _ organization: OrganizationID) -> String {
        """
        {"id":"evt_\(payment)\(id)","object":"event","api_version":"2024-06-20","created":\(100 + id),"livemode":false,
        "type":"payment_intent.succeeded","data":{"object":{"id":"pi_\(payment)","object":"payment_intent","amount":10000,
        "amount_received":10000,"currency":"usd","status":"succeeded","latest_charge":"ch_\(payment)",
        "metadata":{"organizationId":"\(organization)","payment":"\(payment)"}}}}
        """
    }
}
