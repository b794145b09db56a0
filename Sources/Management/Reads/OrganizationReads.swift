internal import Ledger
internal import Money
internal import Postgres
internal import Web

import struct FoundationEssentials.UUID

/// An organization as the read models and the texts beside the ledger have it.
struct OrganizationRecord: Sendable {
    let id: OrganizationID
    let status: String
    let plan: String
    let retention: String
    let autoTopUp: Bool
    let threshold: NanoDollars?
    let amount: NanoDollars?
    let monthlyLimit: NanoDollars?
    /// Until when the plan is paid for; nil for one that no subscription gives.
    let planExpiresAt: Timestamp?
    let createdAt: Timestamp
    let updatedAt: Timestamp
    let texts: [String: String]
    let credits: NanoDollars
    /// What was granted for whom the organization referred.
    let referralEarnings: NanoDollars
    /// The reader's role.
    let role: MemberRole

    var json: WebValue {
        [
            "id": .id(id), "createdAt": .time(createdAt), "updatedAt": .time(updatedAt), "name": .string(texts["name"] ?? ""),
            "billingEmail": .string(optional: texts["billingEmail"]),
            "billingCompany": .string(optional: texts["billingCompany"]),
            "billingAddress": .string(optional: texts["billingAddress"]),
            "billingTaxId": .string(optional: texts["billingTaxId"]),
            "billingNotes": .string(optional: texts["billingNotes"]), "credits": .amount(credits), "plan": .string(plan),
            "planExpiresAt": .time(planExpiresAt), "retentionLevel": .string(retention), "status": .string(status),
            "autoTopUpEnabled": .bool(autoTopUp), "autoTopUpThreshold": .amount(threshold), "autoTopUpAmount": .amount(amount),
            "autoTopUpMonthlyLimit": .amount(monthlyLimit), "referralEarnings": .amount(referralEarnings),
            "role": .string(role.rawValue),
        ]
    }
}

extension Management {
    private static let organizationColumns = """
        SELECT o.organization, o.status, o.plan, o.retention, o.auto_top_up, o.auto_top_up_threshold, o.auto_top_up_amount,
            o.created_at, o.updated_at, t.body, b.balance::numeric, m.role, o.auto_top_up_monthly_limit, (
                SELECT max(s.posted_period_end) FROM payments.subscriptions AS s
                WHERE s.posted_organization = o.organization AND NOT s.is_ended), (
                SELECT coalesce(sum(e.credit_amount), 0)::bigint FROM transactions.transactions AS e
                WHERE e.organization = o.organization AND e.type = 'credit_gift' AND e.description = 'referral')
        FROM organizations.members AS m
        JOIN organizations.organizations AS o ON o.organization = m.organization
        LEFT JOIN management.texts AS t ON t.event = o.texts
        LEFT JOIN balances.organizations AS b ON b.organization = o.organization
        WHERE m.user_id = $1 AND o.status <> 'deleted'
        """

    /// The organizations that a person belongs to, oldest first.
    func organizations(of user: UserID) async throws(WebError) -> [OrganizationRecord] {
        try await rows(
            Self.organizationColumns + " ORDER BY o.created_at, o.organization", [.uuid(user.uuid)], OrganizationRecord.init)
    }

    /// The organization, when it is there and the person belongs to it.
    func organization(_ id: OrganizationID, for user: UserID) async throws(WebError) -> OrganizationRecord? {
        try await rows(
            Self.organizationColumns + " AND o.organization = $2", [.uuid(user.uuid), .uuid(id.uuid)], OrganizationRecord.init
        ).first
    }

    /// Whether there is such an organization, whoever asks.
    func isActive(_ id: OrganizationID) async throws(WebError) -> Bool {
        try await !rows(
            "SELECT 1 FROM organizations.organizations WHERE organization = $1 AND status = 'active'", [.uuid(id.uuid)],
            { _ in true }
        ).isEmpty
    }

    /// How many organizations a person owns.
    func ownedOrganizations(by user: UserID) async throws(WebError) -> Int64 {
        try await rows(
            """
            SELECT count(*) FROM organizations.members AS m JOIN organizations.organizations AS o USING (organization)
            WHERE m.user_id = $1 AND m.role = 'owner' AND o.status <> 'deleted'
            """, [.uuid(user.uuid)], { try $0.decode(0, as: Int64.self) }
        ).first ?? 0
    }
}

extension OrganizationRecord {
    init(_ row: PostgresRow) throws {
        let created: PostgresTimestamp = try row.decode(7)
        let updated: PostgresTimestamp = try row.decode(8)
        let threshold: Int64? = try row.decode(5)
        let amount: Int64? = try row.decode(6)
        let balance: PostgresNumeric? = try row.decode(10)
        let limit: Int64? = try row.decode(12)
        let expires: Int64? = try row.decode(13)
        self.init(
            id: OrganizationID(uuid: try row.decode(0)), status: try row.decode(1), plan: try row.decode(2),
            retention: try row.decode(3), autoTopUp: try row.decode(4), threshold: threshold.map(NanoDollars.init),
            amount: amount.map(NanoDollars.init), monthlyLimit: limit.map(NanoDollars.init),
            planExpiresAt: expires.map { Timestamp(microseconds: $0 * 1_000_000) },
            createdAt: Timestamp(microseconds: created.microseconds),
            updatedAt: Timestamp(microseconds: updated.microseconds), texts: try Texts.decode(row, 9),
            credits: NanoDollars(balance?.clamped ?? 0), referralEarnings: NanoDollars(try row.decode(14, as: Int64.self)),
            role: MemberRole(rawValue: try row.decode(11)) ?? .developer)
    }
}
