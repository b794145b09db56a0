internal import JSON
internal import Ledger
internal import Logging
internal import Money
internal import Postgres
internal import Web

extension Billing {
    private struct Feeless: Sendable {
        let payment: PaymentID
        let organization: OrganizationID
        let balanceTransaction: String
        let version: Int64
    }

    /// Records what Stripe kept of payments that succeeded; what it does not say within a week it does not say.
    func recordFees() async throws(WebError) {
        guard stripe != nil else { return }
        let feeless = try await rows(
            """
            SELECT payment, organization, balance_transaction, version FROM payments.payments
            WHERE posted = 2 AND stripe_fee IS NULL AND balance_transaction IS NOT NULL AND organization IS NOT NULL
                AND posted_at > clock_timestamp() - interval '7 days'
            ORDER BY posted_at DESC LIMIT 50
            """
        ) { row in
            Feeless(
                payment: PaymentID(uuid: try row.decode(0)), organization: OrganizationID(uuid: try row.decode(1)),
                balanceTransaction: try row.decode(2), version: try row.decode(3))
        }
        for payment in feeless {
            let movement: StripeAnswer
            do throws(WebError) {
                movement = try await called { stripe throws(StripeClient.Failure) in
                    try await stripe.get("/v1/balance_transactions/\(PercentEncoding.encode(payment.balanceTransaction))")
                }
            } catch {
                logger.info("a fee is not known yet", metadata: ["payment": "\(payment.payment)", "error": "\(error.message)"])
                continue
            }
            // The account settles in another currency, in which nothing is booked: no use to ask about the next.
            guard movement["currency"]?.text?.lowercased() == "usd" else { return }
            guard let cents = movement["fee"]?.int64, let amount = NanoDollars(cents: cents), amount >= .zero else { continue }
            let recorded = try event(
                PaymentFeeRecorded(balanceTransaction: payment.balanceTransaction, amount: amount), .payment(payment.payment),
                version: payment.version, organization: payment.organization)
            _ = try await append([recorded])
        }
    }
}
