internal import Ledger
internal import Money
internal import Postgres
internal import Web

/// Asked for twice, a payment is begun once: its id is made of what makes two requests the same, and the version of its stream
/// lets one of them through.
extension Billing {
    /// A payment that was begun, by this request or by one before it.
    struct Begun: Sendable {
        let payment: PaymentID
        /// What the card is to be charged.
        let total: NanoDollars
        let isRepeated: Bool
        /// Whether Stripe may have forgotten that it was asked.
        let isOld: Bool
    }

    /// Begins a payment, or finds the one that was begun under the same key.
    ///
    /// - Parameter key: The client's name of the payment. Without one, equal payments with a card that Stripe keeps are the same
    ///   as long as none of them has ended, and the second is refused.
    /// - Throws: 409 while another is on its way, 422 for a key that stands for another payment.
    func begin(
        _ quote: Quote, kind: PaymentKind, method: String?, key: IdempotencyKey?, for organization: OrganizationID,
        by caller: Caller
    ) async throws(WebError) -> Begun {
        let payment = try await name(quote, kind: kind, method: method, key: key, of: organization)
        if try await start(payment, quote, kind: kind, method: method, for: organization, by: caller) {
            return Begun(payment: payment, total: quote.total, isRepeated: false, isOld: false)
        }
        // Whoever was first has appended at or before the ledger's end.
        await wait(for: try await end())
        guard let found = try await terms(of: payment) else {
            throw WebError(409, "Another payment was started at the same moment; try again.", retryAfter: 1)
        }
        guard key != nil else { throw Self.onItsWay(isNamed: false) }
        try found.check(amount: quote.amount, method: method)
        return Begun(payment: payment, total: found.total, isRepeated: true, isOld: found.isOld)
    }

    /// Answers for the payment that was begun under a key, without the card, which may be gone since.
    ///
    /// - Returns: Whether it is paid; false where there is none yet.
    /// - Throws: As ``pay(_:with:key:for:by:)`` does.
    func isPaid(
        under key: IdempotencyKey, dollars: Int64, with method: String, by organization: OrganizationID
    ) async throws(WebError) -> Bool {
        let payment = Self.name(key, kind: .savedCard, of: organization)
        guard let found = try await terms(of: payment) else { return false }
        guard let amount = NanoDollars(cents: dollars * 100) else { return false }
        try found.check(amount: amount, method: method)
        try Self.check(try await ending(of: payment), refusal: nil, under: key)
        return true
    }

    private static func name(_ key: IdempotencyKey, kind: PaymentKind, of organization: OrganizationID) -> PaymentID {
        PaymentID(foreign: "payment-key", "\(organization) \(kind.rawValue) \(key.text)")
    }

    private func name(
        _ quote: Quote, kind: PaymentKind, method: String?, key: IdempotencyKey?, of organization: OrganizationID
    ) async throws(WebError) -> PaymentID {
        if let key { return Self.name(key, kind: kind, of: organization) }
        guard let method else { return .mint() }
        let ended =
            try await rows(
                """
                SELECT count(*) FROM payments.payments
                WHERE organization = $1 AND kind = $2 AND method = $3 AND amount = $4 AND posted > 0
                """,
                [.uuid(organization.uuid), .text(kind.rawValue), .text(method), .int8(quote.amount.rawValue)]
            ) { try $0.decode(0, as: Int64.self) }.first ?? 0
        return PaymentID(
            foreign: "payment-after", "\(organization) \(kind.rawValue) \(method) \(quote.amount.rawValue) \(ended)")
    }

    private struct Terms: Sendable {
        let method: String?
        let amount: NanoDollars
        let total: NanoDollars
        let isOld: Bool

        /// - Throws: 422 for what is another payment.
        func check(amount: NanoDollars, method: String?) throws(WebError) {
            guard self.amount == amount, self.method == method else {
                throw WebError(
                    422, "The Idempotency-Key stands for another payment.", field: "idempotency-key",
                    code: "idempotency_key_reused")
            }
        }
    }

    private func terms(of payment: PaymentID) async throws(WebError) -> Terms? {
        try await rows(
            """
            SELECT method, amount, total, started_at < clock_timestamp() - interval '23 hours'
            FROM payments.payments WHERE payment = $1 AND amount IS NOT NULL
            """, [.uuid(payment.uuid)]
        ) { row in
            Terms(
                method: try row.decode(0), amount: NanoDollars(try row.decode(1, as: Int64.self)),
                total: NanoDollars(try row.decode(2, as: Int64.self)), isOld: try row.decode(3))
        }.first
    }

    /// What became of a payment that another request has begun. That one asks Stripe, or the worker when it could not: nobody else.
    ///
    /// - Throws: 409 when it has not ended in time.
    func ending(of payment: PaymentID) async throws(WebError) -> PaymentState {
        let deadline = ContinuousClock.now + .seconds(10)
        while true {
            if let state = try await self.payment(payment), state.posted != .nothing {
                await wait(for: try await end(), in: Self.shown)
                return state
            }
            guard ContinuousClock.now < deadline, !Task.isCancelled else {
                throw Self.onItsWay(isNamed: true)
            }
            try? await Task.sleep(for: .milliseconds(100))
        }
    }

    /// Says what became of a payment with a saved card.
    ///
    /// - Parameter refusal: Stripe's code, where it refused.
    /// - Throws: 400 for one that failed; 409 for one that Stripe has not ended, or of which the read models don't show it yet: the
    ///   card may have been charged.
    static func check(_ state: PaymentState?, refusal: String?, under key: IdempotencyKey?) throws(WebError) {
        let posted = state?.posted ?? .nothing
        guard posted != .succeeded else { return }
        guard posted == .failed || refusal != nil else { throw onItsWay(isNamed: key != nil) }
        throw WebError(400, "The payment did not succeed.", code: refusal ?? state?.failure ?? "payment_failed")
    }

    /// - Parameter isNamed: Whether asked for again it is the same payment. Nobody is invited to ask again who would buy again.
    private static func onItsWay(isNamed: Bool) -> WebError {
        isNamed
            ? WebError(
                409, "The payment of this Idempotency-Key is still on its way; ask again.", code: "payment_pending", retryAfter: 5
            )
            : WebError(
                409,
                "The same payment is on its way: look at the credits before you buy again, and send an Idempotency-Key.",
                code: "payment_pending")
    }
}
