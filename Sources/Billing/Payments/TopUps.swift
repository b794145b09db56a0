internal import JSON
internal import Ledger
internal import Money
internal import Postgres
internal import Web

extension Billing {
    /// The amounts that can be bought, US dollars.
    static let amounts: ClosedRange<Int64> = 5...10_000

    /// What a top-up would cost.
    struct Quote: Sendable {
        /// Why there is no bonus.
        enum Ineligibility: String, Sendable {
            case emailNotVerified = "email_not_verified"
            case alreadyPurchased = "already_purchased"
        }

        let amount: NanoDollars
        let fee: PaymentFee
        let total: NanoDollars
        let bonus: NanoDollars
        let ineligibility: Ineligibility?
        /// Version of the customer's stream at which the bonus was the organization's to have.
        let customerVersion: Int64
    }

    /// - Parameters:
    ///   - dollars: What is credited.
    ///   - card: What is paid with, where it is known.
    ///   - isFree: Whether the organization is on the free plan.
    ///   - isVerified: Whether the person has shown that the e-mail address is theirs.
    func quote(
        dollars: Int64, for organization: OrganizationID, card: Card?, isFree: Bool, isVerified: Bool
    ) async throws(WebError) -> Quote {
        guard let amount = NanoDollars(cents: dollars * 100) else { throw WebError.invalid("amount", "amount is too large.") }
        let (fee, total) = price(of: amount, card: card, isFree: isFree)
        let customer = try await purchases(of: organization)
        var bonus = NanoDollars.zero
        var ineligibility: Quote.Ineligibility?
        if configuration.firstPurchase > .one {
            if !isVerified {
                ineligibility = .emailNotVerified
            } else if customer.hasPurchased {
                ineligibility = .alreadyPurchased
            } else {
                let share = Int128(amount.rawValue) * Int128(configuration.firstPurchase.partsPerMillion - 1_000_000) / 1_000_000
                bonus = min(NanoDollars(Int64(clamping: share)), configuration.largestBonus)
            }
        }
        return Quote(
            amount: amount, fee: fee, total: total, bonus: bonus, ineligibility: ineligibility, customerVersion: customer.version)
    }

    /// What is charged for credits: the fee, and what the card pays in all.
    ///
    /// - Parameters:
    ///   - amount: Whole cents.
    ///   - card: nil counts as one of the seller's country.
    func price(of amount: NanoDollars, card: Card?, isFree: Bool) -> (fee: PaymentFee, total: NanoDollars) {
        let isInternational = card?.country.map { $0 != configuration.country } ?? false
        let fee = configuration.feeRule.fee(
            cents: amount.rawValue / NanoDollars.perCent, isInternational: isInternational, isFree: isFree)
        return (fee, NanoDollars(amount.rawValue + fee.total.rawValue))
    }

    /// Whether an organization has bought something. Payments that are begun before that are all promised the bonus, because most of
    /// them may be left as they are; the first that succeeds has it.
    private func purchases(of organization: OrganizationID) async throws(WebError) -> (hasPurchased: Bool, version: Int64) {
        try await rows(
            """
            SELECT
                EXISTS (SELECT FROM payments.payments WHERE organization = $1 AND posted = 2),
                coalesce((SELECT version FROM payments.customers WHERE organization = $1), 0)
            """, [.uuid(organization.uuid)]
        ) { (try $0.decode(0, as: Bool.self), try $0.decode(1, as: Int64.self)) }.first ?? (false, 0)
    }

    /// Begins a payment that a browser completes.
    ///
    /// - Parameters:
    ///   - customer: Stripe's, made before the quote.
    ///   - key: The client's name of the payment: asked for again within a day, it is the same at Stripe.
    /// - Returns: The secret with which the browser talks to Stripe about it.
    func startCheckout(
        _ quote: Quote, key: IdempotencyKey?, for organization: OrganizationID, customer: String, by caller: Caller
    ) async throws(WebError) -> String {
        let begun = try await begin(quote, kind: .checkout, method: nil, key: key, for: organization, by: caller)
        // Stripe would make a second one for the same payment.
        guard !begun.isOld else {
            if try await payment(begun.payment)?.posted == .succeeded {
                throw WebError(409, "The payment of this Idempotency-Key is paid already.", code: "payment_succeeded")
            }
            throw WebError(
                422, "The Idempotency-Key stands for a payment that was begun long ago; use another.", field: "idempotency-key",
                code: "idempotency_key_reused")
        }
        let charge = Charge(
            payment: begun.payment, organization: organization, kind: .checkout, customer: customer, method: nil,
            amount: quote.amount, total: begun.total)
        let intent = try await called { stripe throws(StripeClient.Failure) in
            try await stripe.post("/v1/payment_intents", charge.form, idempotencyKey: begun.payment.description)
        }
        guard let secret = intent["client_secret"]?.text else { throw WebError(502, "Stripe gave no secret.") }
        return secret
    }

    /// Pays with a card that Stripe keeps, and answers when the credits are there.
    ///
    /// - Parameter key: The client's name of the payment: asked for again, the card is not charged again.
    /// - Throws: 400 when the card is refused, 409 while nobody knows.
    func pay(
        _ quote: Quote, with card: Card, key: IdempotencyKey?, for organization: OrganizationID, by caller: Caller
    ) async throws(WebError) {
        guard let customer = try await customer(of: organization) else {
            throw WebError.invalid("paymentMethodId", "The organization has no payment method.")
        }
        let begun = try await begin(quote, kind: .savedCard, method: card.id, key: key, for: organization, by: caller)
        let state: PaymentState?
        var refusal: String?
        if begun.isRepeated {
            state = try await ending(of: begun.payment)
        } else {
            (state, refusal) = try await charge(
                Charge(
                    payment: begun.payment, organization: organization, kind: .savedCard, customer: customer, method: card.id,
                    amount: quote.amount, total: begun.total))
        }
        try Self.check(state, refusal: refusal, under: key)
    }

    /// Records a payment before Stripe is asked for it.
    ///
    /// - Returns: false when it is begun already, or another has changed whether there is a bonus.
    func start(
        _ payment: PaymentID, _ quote: Quote, kind: PaymentKind, method: String?, for organization: OrganizationID,
        by caller: Caller
    ) async throws(WebError) -> Bool {
        var events = [
            try event(
                PaymentStarted(
                    kind: kind, method: method, amount: quote.amount, bonus: quote.bonus, fee: quote.fee, total: quote.total),
                .payment(payment), version: 0, organization: organization, by: caller)
        ]
        if quote.bonus > .zero {
            events.append(
                try event(
                    BonusPromised(payment: payment), .customer(organization), version: quote.customerVersion,
                    organization: organization, by: caller))
        }
        guard let position = try await append(events, by: caller) else { return false }
        await wait(for: position)
        return true
    }

    /// What Stripe is asked to charge.
    struct Charge: Sendable {
        let payment: PaymentID
        let organization: OrganizationID
        let kind: PaymentKind
        let customer: String
        /// The card that Stripe keeps; nil where the payer chooses one in a browser.
        let method: String?
        let amount: NanoDollars
        let total: NanoDollars

        var form: [(String, String)] {
            var form = [
                ("amount", String(total.rawValue / NanoDollars.perCent)), ("currency", "usd"), ("customer", customer),
                ("payment_method_types[]", "card"), ("metadata[organizationId]", organization.description),
                ("metadata[payment]", payment.description), ("metadata[kind]", kind.rawValue),
            ]
            if let method { form += [("payment_method", method), ("off_session", "true"), ("confirm", "true")] }
            return form
        }
    }

    /// Charges a card. The same charge again, after a crash or a lost answer, is the same payment at Stripe.
    ///
    /// - Returns: What became of it, as far as it is known, and Stripe's code for a refusal.
    @discardableResult
    func charge(_ charge: Charge) async throws(WebError) -> (state: PaymentState?, refusal: String?) {
        let stripe = try connected()
        var answer: JSONValue?
        var date = Timestamp.now.microseconds / 1_000_000
        var refusal: String?
        do {
            let charged = try await stripe.post(
                "/v1/payment_intents", charge.form, idempotencyKey: charge.payment.description)
            (answer, date) = (charged.value, charged.date)
        } catch {
            guard !error.isUnknown else { throw Self.refused(error) }
            answer = error.intent
            refusal = error.code ?? "refused"
            if answer?.fields == nil {
                // Refused before there was a payment at Stripe.
                let failed = try event(
                    PaymentFailed(intent: nil, code: refusal ?? "refused", total: charge.total, amount: charge.amount),
                    .payment(charge.payment), version: 1, organization: charge.organization)
                if let position = try await append([failed]) {
                    await wait(for: position, in: ["payments", "transactions"])
                }
            }
        }
        if let answer, answer.fields != nil {
            try await observe(answer, at: date, of: charge.payment.description)
        }
        return (try await settle(payment: charge.payment), refusal)
    }
}
