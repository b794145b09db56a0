internal import Ledger
internal import Money
internal import Postgres
internal import Web

/// A movement of credits as the read model has it.
struct TransactionRecord: Sendable {
    let position: Int64
    let json: WebValue

    init(_ row: PostgresRow) throws {
        position = try row.decode(1)
        let created: PostgresTimestamp = try row.decode(7)
        let time = Timestamp(microseconds: created.microseconds)
        let amount: Int64? = try row.decode(4)
        let credited: Int64? = try row.decode(5)
        json = [
            "id": .id(EventID(uuid: try row.decode(0))), "createdAt": .time(time), "updatedAt": .time(time),
            "organizationId": .id(OrganizationID(uuid: try row.decode(2))), "type": .string(try row.decode(3)),
            "amount": .amount(amount.map(NanoDollars.init)),
            "creditAmount": .amount(credited.map(NanoDollars.init)), "currency": "USD",
            "status": .string(try row.decode(8)), "stripePaymentIntentId": .string(optional: try row.decode(9)),
            "stripeInvoiceId": .string(optional: try row.decode(10)), "description": .string(optional: try row.decode(6)),
        ]
    }
}

extension Management {
    /// The movements of an organization's credits, newest first.
    ///
    /// - Parameter before: Only those of lower positions.
    func transactions(
        of organization: OrganizationID, before: Int64?, limit: Int64
    ) async throws(WebError) -> [TransactionRecord] {
        try await rows(
            """
            SELECT t.event, t.position, t.organization, t.type, t.amount, t.credit_amount, t.description, t.created_at, t.status,
                p.intent, t.bill
            FROM transactions.transactions AS t
            LEFT JOIN payments.payments AS p ON p.payment = t.payment
            WHERE t.organization = $1 AND t.position < $2 ORDER BY t.position DESC LIMIT $3
            """, [.uuid(organization.uuid), .int8(before ?? .max), .int8(limit)], TransactionRecord.init)
    }

    /// How many organizations came by this one's referral.
    func referredCount(of organization: OrganizationID) async throws(WebError) -> Int64 {
        try await rows(
            "SELECT count(*) FROM organizations.referrals WHERE referrer = $1", [.uuid(organization.uuid)],
            { try $0.decode(0, as: Int64.self) }
        ).first ?? 0
    }

    /// What the installation has given in credits and was paid for them.
    struct Earnings: Sendable {
        /// Credits that were topped up or granted, for money or not, less those that were paid back.
        let issued: NanoDollars
        /// What was paid, fees included, less what was paid back.
        let revenue: NanoDollars
        /// Organizations that paid at least once.
        let payingCustomers: Int64
    }

    func earnings() async throws(WebError) -> Earnings {
        let found = try await rows(
            """
            SELECT
                coalesce(sum(credit_amount) FILTER (
                    WHERE type IN (
                        'credit_topup', 'credit_manual_payment', 'credit_gift', 'credit_refund', 'credit_void', 'credit_freeze',
                        'credit_unfreeze')), 0)::bigint,
                -- A refund by hand has no amount of its own: what it took back was paid back.
                coalesce(sum(coalesce(amount, CASE type WHEN 'credit_refund' THEN credit_amount END)), 0)::bigint,
                count(DISTINCT organization) FILTER (WHERE amount > 0)
            FROM transactions.transactions WHERE status = 'completed'
            """, []
        ) { row in
            Earnings(
                issued: NanoDollars(try row.decode(0, as: Int64.self)), revenue: NanoDollars(try row.decode(1, as: Int64.self)),
                payingCustomers: try row.decode(2))
        }
        return found.first ?? Earnings(issued: .zero, revenue: .zero, payingCustomers: 0)
    }
}
