import Ledger
import Money
import Testing

extension EventTests {
    /// The events of payments, subscriptions and what is made of them.
    static func surviveBilling() throws {
        let one = NanoDollars(1)
        let facts = StripeFacts(
            payment: StripePayment(
                intent: "pi_1", charge: "ch_1", payment: .mint(), organization: .mint(), status: .failed, currency: "usd",
                amount: 5, refunded: 1, failure: "card_declined", baseAmount: one, balanceTransaction: "txn_1"),
            dispute: StripeDispute(dispute: "dp_1", intent: "pi_1", status: .won, currency: "usd", amount: 5),
            subscription: StripeSubscription(subscription: "sub_1", customer: "cus_1", status: "active", periodEnd: 5),
            invoice: StripeInvoice(
                invoice: "in_1", subscription: "sub_1", isPaid: true, currency: "usd", paid: 5, due: 5, attempts: 1))
        try survives(StripeWebhookReceived(event: "evt_1", kind: "a.b", created: 7, digest: "0a", facts: facts))
        try survives(StripeObjectRetrieved(created: 7, facts: StripeFacts()))
        try survives(CustomerCreated(customer: "cus_1"))
        try survives(AutoTopUpStarted(payment: .mint()))
        try survives(BonusPromised(payment: .mint()))
        try survives(BonusGiven(payment: .mint()))
        let fee = PaymentFee(rule: "added", processing: .zero, international: one, platform: one)
        try survives(PaymentStarted(kind: .savedCard, method: "pm_1", amount: one, bonus: one, fee: fee, total: one))
        try survives(PaymentSucceeded(intent: "pi_1", total: one, amount: one, fee: .zero, bonus: one, grant: .mint()))
        try survives(PaymentFailed(intent: nil, code: "card_declined", total: one, amount: one))
        try survives(PaymentRefunded(total: one, amount: one, fee: .zero, bonus: one, frozen: .zero, lost: .zero))
        try survives(PaymentFeeRecorded(balanceTransaction: "txn_1", amount: one))
        try survives(DisputeOpened(dispute: "dp_1", amount: one, frozen: one))
        try survives(DisputeWon(dispute: "dp_1", amount: one, frozen: NanoDollars(-1)))
        try survives(DisputeLost(dispute: "dp_1", amount: one, frozen: one))
        let priced = CataloguePriced.Mapping(model: "m", provider: "p", upstreamModel: "m-1", prices: ["prices.input": "3"])
        try survives(CataloguePriced(catalogueVersion: "c0ffee", mappings: [priced]))
        let changed = CataloguePriceChanged(priced, catalogueVersion: "c0ffee", previous: ["prices.input": "2.5"])
        #expect(changed.stream == priced.changes && changed.prices == priced.prices)
        try survives(
            CataloguePriceChanged(
                model: "m", provider: "p", upstreamModel: "m-1", catalogueVersion: "c0ffee", prices: ["prices.input": "2.5"],
                previous: [:]))
        try survives(CreditVoided(grant: .mint(), amount: one, payment: .mint()))
        try survives(CreditFrozen(amount: one, payment: .mint()))
        try survives(CreditUnfrozen(amount: one, payment: .mint()))
        try survives(SubscriptionStarted(subscription: "sub_1", plan: "pro", cycle: nil, trialEnd: 7))
        try survives(SubscriptionRenewed(periodEnd: 7))
        try survives(SubscriptionChanged(cycle: "yearly"))
        try survives(SubscriptionCancelled(periodEnd: nil))
        try survives(SubscriptionResumed())
        try survives(SubscriptionEnded())
        try survives(SubscriptionPaid(invoice: "in_1", amount: one))
        try survives(SubscriptionPaymentFailed(invoice: "in_1", amount: one, attempts: 2))
        try survives(
            InvoiceIssued(payment: .mint(), stripeInvoice: "in_1", lines: [.init(item: "credits", amount: one)], total: one))
    }
}
