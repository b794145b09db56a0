import JSON
import Ledger
import Testing
import Web

@testable import Billing

/// The plan at a Stripe that sends no webhooks.
@Suite struct SubscriptionTests {
    /// An organization that may buy, and what a person does at Stripe's pages.
    private struct Buyer {
        let world: World
        let stripe: StripeClient
        let organization: OrganizationID

        init(_ world: World) async throws {
            self.world = world
            stripe = try #require(world.billing.stripe)
            organization = try await world.organizations(1)[0]
            try await world.caughtUp()
            for (plan, interval) in [("price_month", "month"), ("price_year", "year")] {
                _ = try await stripe.post(
                    "/v1/plans",
                    [("id", plan), ("amount", "5000"), ("currency", "usd"), ("interval", interval), ("product[name]", "Pro")],
                    idempotencyKey: nil)
            }
        }

        /// The id of a page of Stripe's.
        func page(isYearly: Bool) async throws -> String {
            let url = try await world.billing.startSubscription(
                isYearly: isYearly, for: organization, by: Caller(user: .mint()))
            return try #require(url.split(separator: "/").last.map { String($0) })
        }

        /// Pays on a page, and returns the subscription's id.
        func pay(_ page: String) async throws -> String {
            let paid = try await stripe.post("/_config/complete/\(page)", idempotencyKey: nil)
            return try #require(paid["subscription"]?.text)
        }

        /// Buys beside whatever there is, as two pages did when both could be open.
        func payTwice() async throws -> String {
            let customer = try #require(try await world.billing.customer(of: organization))
            let page = try await stripe.post(
                "/v1/checkout/sessions",
                [
                    ("mode", "subscription"), ("customer", customer), ("line_items[0][price]", "price_month"),
                    ("subscription_data[trial_period_days]", "7"),
                    ("subscription_data[metadata][organizationId]", organization.description),
                ], idempotencyKey: nil)
            let bought = try await pay(try #require(page["id"]?.text))
            let said = try await stripe.get("/v1/subscriptions/\(bought)")
            try await world.billing.observe(said.value, at: said.date, of: bought)
            try await world.settle()
            return bought
        }

        func change(_ change: Billing.SubscriptionChange) async throws {
            try await world.billing.change(subscriptionOf: organization, change)
        }

        func isCancelled(_ subscription: String) async throws -> Bool? {
            try await stripe.get("/v1/subscriptions/\(subscription)")["cancel_at_period_end"]?.flag
        }
    }

    @Test(.timeLimit(.minutes(2))) func onlyOnePageCanBePaidOn() async throws {
        let bank = try await Bank()
        defer { bank.end() }
        try await World.run(stripe: bank.url) { world in
            let buyer = try await Buyer(world)
            let first = try await buyer.page(isYearly: false)
            let second = try await buyer.page(isYearly: true)
            #expect(first != second)
            await #expect(throws: StripeClient.Failure.self) { try await buyer.pay(first) }
            let bought = try await buyer.pay(second)
            // Nobody has told of it: Stripe is asked, and what it says is booked.
            let refused = await #expect(throws: WebError.self) { try await buyer.page(isYearly: false) }
            #expect(refused?.status == 400)
            try await world.settle()
            #expect(try await world.billing.plan(of: buyer.organization) == "pro")
            #expect(try await world.billing.subscriptions(of: buyer.organization).map(\.subscription) == [bought])
        }
    }

    @Test(.timeLimit(.minutes(2))) func ofSeveralSubscriptionsNoneGoesOnUnseen() async throws {
        let bank = try await Bank()
        defer { bank.end() }
        try await World.run(stripe: bank.url) { world in
            let buyer = try await Buyer(world)
            let yearly = try await buyer.pay(try await buyer.page(isYearly: true))
            await #expect(throws: WebError.self) { try await buyer.page(isYearly: true) }
            let monthly = try await buyer.payTwice()
            #expect(try await world.billing.subscriptions(of: buyer.organization).map(\.subscription) == [yearly, monthly])
            try await buyer.change(.cancel)
            #expect(try await buyer.isCancelled(yearly) == true)
            #expect(try await buyer.isCancelled(monthly) == true)
            await #expect(throws: WebError.self) { try await buyer.change(.cancel) }
            // Nobody who takes it back wants to pay twice.
            try await buyer.change(.resume)
            #expect(try await buyer.isCancelled(yearly) == false)
            #expect(try await buyer.isCancelled(monthly) == true)
            await #expect(throws: WebError.self) { try await buyer.change(.resume) }
        }
    }
}
