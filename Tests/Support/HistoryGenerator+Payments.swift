import Foundation
import Ledger
import Money

/// Payments and subscriptions with everything that can happen to them, their figures in keeping with one another.
extension HistoryGenerator {
    private static let perCent: Int64 = 10_000_000

    /// One payment from its start to its end.
    mutating func payment() throws {
        let organization = pick(organizations)
        let payment = PaymentID(uuid: uuid())
        let stream = StreamName.payment(payment)
        let intent = "pi_\(payment)"
        let cents = Int64(500 + chance(20_000))
        let (amount, fee) = (NanoDollars(cents * Self.perCent), NanoDollars(cents / 20 * Self.perCent))
        let total = NanoDollars(amount.rawValue + fee.rawValue)
        let bonus = chance(3) == 0 ? NanoDollars(amount.rawValue / 2) : .zero
        let isOurs = chance(4) > 0
        func said(_ status: StripePayment.Status, refunded: Int64 = 0) -> StripeFacts {
            StripeFacts(
                payment: StripePayment(
                    intent: intent, charge: "ch_\(payment)", payment: payment, organization: organization, status: status,
                    currency: "usd", amount: total.rawValue / Self.perCent, refunded: refunded,
                    failure: status == .failed ? "card_declined" : nil, baseAmount: isOurs ? nil : amount,
                    balanceTransaction: status == .succeeded ? "txn_\(payment)" : nil))
        }
        var version: Int64 = 0
        if isOurs {
            try put(
                PaymentStarted(
                    kind: pick([.checkout, .savedCard, .autoTopUp]), method: "pm_1", amount: amount, bonus: bonus,
                    fee: PaymentFee(rule: "added", processing: .zero, international: .zero, platform: fee), total: total), stream,
                version, organization)
            version += 1
        }
        if chance(4) == 0 {
            try say(said(.failed))
            try put(
                PaymentFailed(intent: intent, code: "card_declined", total: total, amount: amount), stream, version, organization)
            version += 1
            guard chance(2) == 0 else { return }
        }
        try say(said(.succeeded))
        let grant = bonus > .zero ? GrantID(uuid: uuid()) : nil
        try put(
            PaymentSucceeded(intent: intent, total: total, amount: amount, fee: fee, bonus: bonus, grant: grant), stream, version,
            organization)
        version += 1
        try put(CreditToppedUp(amount: amount, fee: fee, payment: payment), .credit(organization), nil, organization)
        if let grant {
            try put(CreditGranted(grant: grant, kind: .promotional, amount: bonus), .credit(organization), nil, organization)
            try put(BonusGiven(payment: payment), .customer(organization), nil, organization)
        }
        try put(
            InvoiceIssued(
                payment: payment, lines: [.init(item: "credits", amount: amount), .init(item: "fees", amount: fee)], total: total),
            .invoices, nil, organization)
        if chance(2) == 0 {
            try put(
                PaymentFeeRecorded(balanceTransaction: "txn_\(payment)", amount: NanoDollars(cents / 30 * Self.perCent)), stream,
                version, organization)
            version += 1
        }
        switch chance(4) {
        case 0:
            try say(said(.succeeded, refunded: total.rawValue / Self.perCent))
            try put(
                PaymentRefunded(total: total, amount: amount, fee: fee, bonus: bonus, frozen: .zero, lost: .zero), stream,
                version,
                organization)
            try put(CreditRefunded(amount: amount, payment: payment), .credit(organization), nil, organization)
            if let grant {
                try put(CreditVoided(grant: grant, amount: bonus, payment: payment), .credit(organization), nil, organization)
            }
        case 1:
            let frozen = NanoDollars(amount.rawValue + bonus.rawValue)
            let id = "dp_\(payment)"
            func dispute(_ status: StripeDispute.Status) -> StripeFacts {
                StripeFacts(
                    dispute: StripeDispute(
                        dispute: id, intent: intent, status: status, currency: "usd", amount: total.rawValue / Self.perCent))
            }
            try say(dispute(.opened))
            try put(DisputeOpened(dispute: id, amount: total, frozen: frozen), stream, version, organization)
            try put(CreditFrozen(amount: frozen, payment: payment), .credit(organization), nil, organization)
            version += 1
            if chance(2) == 0 {
                try say(dispute(.won))
                try put(
                    DisputeWon(dispute: id, amount: total, frozen: NanoDollars(-frozen.rawValue)), stream, version, organization)
                try put(CreditUnfrozen(amount: frozen, payment: payment), .credit(organization), nil, organization)
            } else {
                try say(dispute(.lost))
                try put(DisputeLost(dispute: id, amount: total, frozen: frozen), stream, version, organization)
            }
        default: break
        }
    }

    /// One subscription from its start, to its end or not.
    mutating func subscription() throws {
        let organization = pick(organizations)
        let name = "sub_\(uuid().lowercase)"
        let id = SubscriptionID(foreign: "stripe", name)
        let stream = StreamName.subscription(id)
        var version: Int64 = 0
        func said(_ status: String, cancels: Bool = false, periodEnd: Int64, isOver: Bool = false) -> StripeFacts {
            StripeFacts(
                subscription: StripeSubscription(
                    subscription: name, customer: "cus_1", organization: organization, status: status, cycle: "monthly",
                    periodEnd: periodEnd, cancelsAtPeriodEnd: cancels, endedAt: isOver ? 1_770_000_000 : nil))
        }
        try say(said("active", periodEnd: 1_772_000_000))
        try put(
            SubscriptionStarted(subscription: name, plan: "pro", cycle: "monthly", trialEnd: nil), stream, version, organization)
        try put(SubscriptionRenewed(periodEnd: 1_772_000_000), stream, version + 1, organization)
        version += 2
        let bill = "in_\(uuid().lowercase)"
        func billed(_ isPaid: Bool) -> StripeFacts {
            StripeFacts(
                invoice: StripeInvoice(
                    invoice: bill, subscription: name, isPaid: isPaid, currency: "usd", paid: isPaid ? 5_000 : 0, due: 5_000,
                    attempts: 1))
        }
        let amount = NanoDollars(5_000 * Self.perCent)
        if chance(2) == 0 {
            try say(billed(false))
            try put(SubscriptionPaymentFailed(invoice: bill, amount: amount, attempts: 1), stream, version, organization)
            version += 1
        }
        try say(billed(true))
        try put(SubscriptionPaid(invoice: bill, amount: amount), stream, version, organization)
        version += 1
        try put(
            InvoiceIssued(
                subscription: id, stripeInvoice: bill, lines: [.init(item: "subscription", amount: amount)], total: amount),
            .invoices, nil, organization)
        guard chance(2) == 0 else { return }
        try say(said("active", cancels: true, periodEnd: 1_772_000_000))
        try put(SubscriptionCancelled(periodEnd: 1_772_000_000), stream, version, organization)
        try say(said("canceled", cancels: true, periodEnd: 1_772_000_000, isOver: true))
        try put(SubscriptionEnded(), stream, version + 1, organization)
    }

    /// By a webhook or an answer.
    private mutating func say(_ facts: StripeFacts) throws {
        let id = EventID(uuid: uuid())
        let created = Int64(1_769_900_400 + chance(1_000_000))
        if chance(3) == 0 {
            try put(StripeObjectRetrieved(created: created, facts: facts), .stripe(id), 0, nil)
        } else {
            try put(
                StripeWebhookReceived(
                    event: "evt_\(id)", kind: "charge.updated", created: created, digest: String(repeating: "0a", count: 32),
                    facts: facts), .stripe(id), 0, nil)
        }
    }
}
