internal import Ledger
internal import Money
internal import Postgres
internal import Web

import struct FoundationEssentials.UUID

extension Billing {
    private static let columns = """
        SELECT p.payment, p.organization, p.intent, p.amount, p.bonus, p.total, p.seen_base_amount, p.seen::integer, p.seen_amount,
            p.seen_refunded, p.failure, p.posted::integer, p.paid_total, p.paid_amount, p.paid_fee, p.paid_bonus, p.bonus_grant,
            p.refunded_total, p.refunded_amount, p.refunded_fee, p.refunded_bonus, p.frozen, p.lost, p.version,
            d.ids, d.amounts, d.seen, d.posted AS disputes_posted,
            (p.bonus > 0 AND p.posted < 2 AND EXISTS (
                SELECT FROM payments.payments AS q
                WHERE q.organization = p.organization AND q.paid_bonus > 0 AND q.payment <> p.payment)) IS TRUE AS is_bonus_taken,
            coalesce(c.version, 0) AS customer_version
        FROM payments.payments AS p
        CROSS JOIN LATERAL (
            SELECT
                coalesce(array_agg(t.dispute), '{}') AS ids, coalesce(array_agg(t.seen_amount), '{}') AS amounts,
                coalesce(array_agg(t.seen::integer), '{}') AS seen, coalesce(array_agg(t.posted::integer), '{}') AS posted
            FROM payments.disputes AS t WHERE t.intent = p.intent AND t.seen_amount IS NOT NULL
        ) AS d
        LEFT JOIN payments.customers AS c ON c.organization = p.organization
        """

    /// Payments of which the ledger lacks something. One of an organization that is not here waits until it is, which may be never:
    /// credits of nobody can't be booked. Who is deleted is still here.
    func duePayments(limit: Int64) async throws(WebError) -> [PaymentState] {
        try await rows(
            Self.columns + """
                 WHERE p.payment IN (
                    (SELECT payment FROM payments.payments JOIN organizations.organizations USING (organization) WHERE due LIMIT $1)
                    UNION
                    (SELECT q.payment FROM payments.disputes AS t JOIN payments.payments AS q ON q.intent = t.intent
                            JOIN organizations.organizations USING (organization)
                        WHERE t.seen > t.posted AND t.seen_amount IS NOT NULL AND q.seen = 2 AND q.seen_currency = 'usd'
                            AND (q.total IS NOT NULL OR q.seen_base_amount IS NOT NULL) LIMIT $1))
                """, [.int8(limit)], PaymentState.init)
    }

    func payment(_ id: PaymentID) async throws(WebError) -> PaymentState? {
        try await rows(
            Self.columns + " JOIN organizations.organizations AS o ON o.organization = p.organization WHERE p.payment = $1",
            [.uuid(id.uuid)], PaymentState.init
        ).first
    }

    /// Whether it was ever made here.
    func isHere(_ organization: OrganizationID) async throws(WebError) -> Bool {
        try await !rows(
            "SELECT 1 FROM organizations.organizations WHERE organization = $1", [.uuid(organization.uuid)], { _ in true }
        ).isEmpty
    }
}

extension PaymentState {
    init(_ row: PostgresRow) throws {
        func amount(_ column: Int) throws -> NanoDollars { NanoDollars(try row.decode(column, as: Int64.self)) }
        func stage(_ column: Int) throws -> Stage {
            Stage(rawValue: Int16(clamping: try row.decode(column, as: Int32.self))) ?? .nothing
        }
        payment = PaymentID(uuid: try row.decode(0))
        organization = OrganizationID(uuid: try row.decode(1))
        intent = try row.decode(2)
        let started: (Int64?, Int64?, Int64?) = (try row.decode(3), try row.decode(4), try row.decode(5))
        if case (let amount?, let bonus?, let total?) = started {
            terms = Terms(amount: NanoDollars(amount), bonus: NanoDollars(bonus), total: NanoDollars(total))
        }
        let base: Int64? = try row.decode(6)
        baseAmount = base.map(NanoDollars.init)
        seen = try stage(7)
        seenAmount = try row.decode(8, as: Int64?.self) ?? 0
        seenRefunded = try row.decode(9)
        failure = try row.decode(10)
        posted = try stage(11)
        let grant: UUID? = try row.decode(16)
        paid = Booked(
            total: try amount(12), amount: try amount(13), fee: try amount(14), bonus: try amount(15),
            grant: grant.map { GrantID(uuid: $0) })
        refunded = Booked(
            total: try amount(17), amount: try amount(18), fee: try amount(19), bonus: try amount(20), grant: paid.grant)
        frozen = try amount(21)
        lost = try amount(22)
        version = try row.decode(23)
        isBonusTaken = try row.decode(28)
        customerVersion = try row.decode(29)
        let ids: [String] = try row.decode(24)
        let amounts: [Int64] = try row.decode(25)
        let seenStages: [Int32] = try row.decode(26)
        let postedStages: [Int32] = try row.decode(27)
        disputes = ids.indices.map { index in
            Dispute(
                id: ids[index], amount: amounts[index],
                seen: Dispute.Stage(rawValue: Int16(clamping: seenStages[index])) ?? .nothing,
                posted: Dispute.Stage(rawValue: Int16(clamping: postedStages[index])) ?? .nothing)
        }
    }
}
