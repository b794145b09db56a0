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
        json = [
            "id": .id(EventID(uuid: try row.decode(0))), "createdAt": .time(time), "updatedAt": .time(time),
            "organizationId": .id(OrganizationID(uuid: try row.decode(2))), "type": .string(try row.decode(3)),
            "amount": .amount(amount.map(NanoDollars.init)),
            "creditAmount": .amount(NanoDollars(try row.decode(5, as: Int64.self))), "currency": "USD",
            // An event is there when it has happened.
            "status": "completed", "stripePaymentIntentId": nil, "stripeInvoiceId": nil,
            "description": .string(optional: try row.decode(6)),
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
            SELECT event, position, organization, type, amount, credit_amount, description, created_at
            FROM transactions.transactions WHERE organization = $1 AND position < $2 ORDER BY position DESC LIMIT $3
            """, [.uuid(organization.uuid), .int8(before ?? .max), .int8(limit)], TransactionRecord.init)
    }

    /// How many organizations came by this one's referral.
    func referredCount(of organization: OrganizationID) async throws(WebError) -> Int64 {
        try await rows(
            "SELECT count(*) FROM organizations.referrals WHERE referrer = $1", [.uuid(organization.uuid)],
            { try $0.decode(0, as: Int64.self) }
        ).first ?? 0
    }
}
