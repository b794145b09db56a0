import TestSupport
import Testing

/// Payments with a Stripe that is there.
@Suite(.serialized) struct BillingTests {
    @Test func whatIsPaidIsCreditedOnceAndWhatGoesBackIsTaken() async throws {
        let port = try freePort()
        let environment = stripeEnvironment(port).merging(["ADMIN_EMAILS": "boss@example.org"]) { $1 }
        try await withGateway(environment: environment) { gateway in
            try await gateway.python("billing.py", ["\(port)"], environment: ["STRIPE_TEST_SECRET": "whsec_test"])
        }
    }
}

/// A gateway that expects Stripe at a port of this machine.
func stripeEnvironment(_ port: Int) -> [String: String] {
    [
        "STRIPE_SECRET_KEY": "sk_test_12345", "STRIPE_API_URL": "http://127.0.0.1:\(port)",
        "STRIPE_WEBHOOK_SECRET": "whsec_test,whsec_next", "STRIPE_PUBLISHABLE_KEY": "pk_test_1",
        "STRIPE_PRO_MONTHLY_PRICE_ID": "price_month", "STRIPE_PRO_YEARLY_PRICE_ID": "price_year",
        "FIRST_TIME_CREDIT_BONUS_MULTIPLIER": "1.5", "INVOICE_SELLER": "Example Ltd|1 Main Street",
    ]
}
