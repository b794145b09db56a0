internal import JSON
internal import Ledger
internal import Money

/// Reads from Stripe's objects what the books need. An object that says nothing to them gives no facts.
///
/// What an event of Stripe's is called does not matter, only the object that it carries: its state is true whichever event
/// brought it, and whenever.
enum StripeObjects {
    static func facts(of object: JSONValue) -> StripeFacts {
        switch object["object"]?.text {
        case "payment_intent": StripeFacts(payment: paymentIntent(object))
        case "charge": StripeFacts(payment: charge(object))
        case "dispute": StripeFacts(dispute: dispute(object))
        case "subscription": StripeFacts(subscription: subscription(object))
        case "invoice": StripeFacts(invoice: invoice(object))
        default: StripeFacts()
        }
    }

    private static func paymentIntent(_ object: JSONValue) -> StripePayment? {
        guard let intent = object["id"]?.text, let amount = object["amount"]?.int64, let currency = object["currency"]?.text,
            let origin = Origin(metadata: object["metadata"], intent: intent)
        else { return nil }
        let failure = object["last_payment_error"]
        let status: StripePayment.Status
        switch object["status"]?.text {
        case "succeeded": status = .succeeded
        case "canceled": status = .failed
        // Off the session nobody is there who could act, and with an error before it is a card that was declined.
        case "requires_action" where object["metadata"]?["kind"]?.text == PaymentKind.autoTopUp.rawValue: status = .failed
        case "requires_payment_method" where failure?.fields != nil: status = .failed
        default: status = .pending
        }
        let charge = object["latest_charge"]
        return StripePayment(
            intent: intent, charge: identifier(charge), payment: origin.payment, organization: origin.organization,
            status: status,
            currency: currency.lowercased(),
            amount: status == .succeeded ? object["amount_received"]?.int64 ?? amount : amount,
            refunded: charge?["amount_refunded"]?.int64 ?? 0,
            failure: status == .failed ? failure?["code"]?.text ?? object["status"]?.text : nil, baseAmount: origin.baseAmount,
            balanceTransaction: identifier(charge?["balance_transaction"]))
    }

    private static func charge(_ object: JSONValue) -> StripePayment? {
        guard let charge = object["id"]?.text, let intent = identifier(object["payment_intent"]),
            let amount = object["amount"]?.int64, let currency = object["currency"]?.text,
            let origin = Origin(metadata: object["metadata"], intent: intent)
        else { return nil }
        let status: StripePayment.Status
        switch object["status"]?.text {
        case "succeeded" where object["captured"]?.flag != false: status = .succeeded
        case "failed": status = .failed
        default: status = .pending
        }
        return StripePayment(
            intent: intent, charge: charge, payment: origin.payment, organization: origin.organization, status: status,
            currency: currency.lowercased(), amount: status == .succeeded ? object["amount_captured"]?.int64 ?? amount : amount,
            refunded: object["amount_refunded"]?.int64 ?? 0,
            failure: status == .failed ? object["failure_code"]?.text ?? "failed" : nil, baseAmount: origin.baseAmount,
            balanceTransaction: identifier(object["balance_transaction"]))
    }

    private static func dispute(_ object: JSONValue) -> StripeDispute? {
        guard let dispute = object["id"]?.text, let intent = identifier(object["payment_intent"]),
            let amount = object["amount"]?.int64, let currency = object["currency"]?.text, let status = object["status"]?.text
        else { return nil }
        let stage: StripeDispute.Status
        switch status {
        case "won", "charge_refunded": stage = .won
        case "lost": stage = .lost
        case "needs_response", "under_review": stage = .opened
        // An inquiry (`warning_…`) has taken no money, and one that was prevented neither.
        default: return nil
        }
        return StripeDispute(dispute: dispute, intent: intent, status: stage, currency: currency.lowercased(), amount: amount)
    }

    private static func subscription(_ object: JSONValue) -> StripeSubscription? {
        guard let id = object["id"]?.text, let customer = identifier(object["customer"]), let status = object["status"]?.text
        else { return nil }
        let item = object["items"]?["data"]?.elements?.first
        let recurring = item?["price"]?["recurring"] ?? item?["plan"] ?? object["plan"]
        let cycle: String?
        switch recurring?["interval"]?.text {
        case "month": cycle = "monthly"
        case "year": cycle = "yearly"
        default: cycle = nil
        }
        return StripeSubscription(
            subscription: id, customer: customer, organization: organization(object["metadata"]), status: status, cycle: cycle,
            // Newer versions of the API say it of the item only.
            periodEnd: object["current_period_end"]?.int64 ?? item?["current_period_end"]?.int64,
            trialStart: object["trial_start"]?.int64, trialEnd: object["trial_end"]?.int64,
            cancelsAtPeriodEnd: object["cancel_at_period_end"]?.flag ?? false, cancelledAt: object["canceled_at"]?.int64,
            endedAt: object["ended_at"]?.int64)
    }

    private static func invoice(_ object: JSONValue) -> StripeInvoice? {
        let parent = object["parent"]?["subscription_details"]?["subscription"]
        guard let id = object["id"]?.text, let subscription = identifier(object["subscription"]) ?? identifier(parent),
            let currency = object["currency"]?.text
        else { return nil }
        return StripeInvoice(
            invoice: id, subscription: subscription, isPaid: object["status"]?.text == "paid" || object["paid"]?.flag == true,
            currency: currency.lowercased(), paid: object["amount_paid"]?.int64 ?? 0, due: object["amount_due"]?.int64 ?? 0,
            attempts: object["attempt_count"]?.int64 ?? 0)
    }

    /// What the metadata of a payment says about where it came from.
    private struct Origin {
        let payment: PaymentID
        let organization: OrganizationID?
        /// Of a payment that another version of the gateway started.
        let baseAmount: NanoDollars?

        /// nil for a payment that is none of ours, of a subscription for example.
        init?(metadata: JSONValue?, intent: String) {
            organization = StripeObjects.organization(metadata)
            if let own = metadata?["payment"]?.text.flatMap(PaymentID.init) {
                payment = own
                baseAmount = nil
                return
            }
            guard organization != nil, let text = metadata?["baseAmount"]?.text, let amount = try? NanoDollars(decimal: text),
                amount > .zero
            else { return nil }
            payment = PaymentID(foreign: "stripe", intent)
            baseAmount = amount
        }
    }

    private static func organization(_ metadata: JSONValue?) -> OrganizationID? {
        metadata?["organizationId"]?.text.flatMap(OrganizationID.init)
    }

    /// The id of what a field refers to, which may be there whole.
    private static func identifier(_ value: JSONValue?) -> String? { value?.text ?? value?["id"]?.text }
}
