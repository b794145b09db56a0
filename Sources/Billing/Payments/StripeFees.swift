internal import JSON
internal import Ledger
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

    /// Records what Stripe kept of payments that succeeded.
    func recordFees() async throws(WebError) {
        guard let stripe else { return }
        let feeless = try await rows(
            """
            SELECT payment, organization, balance_transaction, version FROM payments.payments
            WHERE posted = 2 AND stripe_fee IS NULL AND balance_transaction IS NOT NULL AND organization IS NOT NULL LIMIT 50
            """
        ) { row in
            Feeless(
                payment: PaymentID(uuid: try row.decode(0)), organization: OrganizationID(uuid: try row.decode(1)),
                balanceTransaction: try row.decode(2), version: try row.decode(3))
        }
        for payment in feeless {
            let movement: StripeAnswer
            do {
                movement = try await stripe.get("/v1/balance_transactions/\(PercentEncoding.encode(payment.balanceTransaction))")
            } catch {
                throw Self.refused(error)
            }
            guard let cents = movement["fee"]?.int64, let amount = NanoDollars(cents: cents), amount >= .zero,
                movement["currency"]?.text?.lowercased() == "usd"
            else { continue }
            let recorded = try event(
                PaymentFeeRecorded(balanceTransaction: payment.balanceTransaction, amount: amount), .payment(payment.payment),
                version: payment.version, organization: payment.organization)
            _ = try await append([recorded])
        }
    }
}
