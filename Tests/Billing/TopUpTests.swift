import JSON
import Ledger
import Testing
import Web

@testable import Billing

/// Payments with a card that Stripe keeps.
@Suite struct TopUpTests {
    private struct Buyer {
        let world: World
        let stripe: StripeClient
        let organization: OrganizationID
        let card: Card

        init(_ world: World) async throws {
            self.world = world
            stripe = try #require(world.billing.stripe)
            organization = try await world.organizations(1)[0]
            try await world.caughtUp()
            let customer = try await world.billing.madeCustomer(of: organization, by: Caller(user: .mint()))
            let made = try await stripe.post(
                "/v1/payment_methods",
                [
                    ("type", "card"), ("card[number]", "4242424242424242"), ("card[exp_month]", "12"),
                    ("card[exp_year]", "2030"), ("card[cvc]", "123"),
                ], idempotencyKey: nil)
            card = try #require(Card(made.value))
            _ = try await stripe.post(
                "/v1/payment_methods/\(card.id)/attach", [("customer", customer)], idempotencyKey: nil)
        }

        func pay(_ dollars: Int64, key: IdempotencyKey? = nil) async throws {
            let quote = try await world.billing.quote(
                dollars: dollars, for: organization, card: card, isFree: false, isVerified: false)
            try await world.billing.pay(quote, with: card, key: key, for: organization, by: Caller(user: .mint()))
        }
    }

    /// The card may have been charged, and is charged again by whoever believes that it was not.
    @Test(.timeLimit(.minutes(2))) func aPaymentThatHasNotEndedHasNotFailed() async throws {
        let bank = try await Bank()
        defer { bank.end() }
        try await World.run(stripe: bank.url) { world in
            let buyer = try await Buyer(world)
            try await bank.answerPayments(#"{"status":"processing"}"#)
            let refused = await #expect(throws: WebError.self) { try await buyer.pay(20) }
            #expect(refused?.status == 409)
            #expect(refused?.code == "payment_pending")
            #expect(refused?.retryAfter == nil)
        }
    }
}
