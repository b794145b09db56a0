public import Ledger
public import Money
internal import Postgres

import struct FoundationEssentials.UUID

/// A credit that an organization was given or bought, and what became of it. Amounts are nano-dollars.
public struct CreditGrant: Sendable, Hashable {
    /// A top-up's has the uuid of its payment, an adjustment's that of its event.
    public let id: GrantID
    /// What bought it.
    public let payment: PaymentID?
    /// `paid`, `promotional`, `referral` or `adjustment`.
    public let kind: String
    /// Lower is used first; then what expires sooner, then what is older.
    public let priority: Int64
    public let expiresAt: Timestamp?
    /// Of the event that gave it.
    public let position: Int64
    public let grantedAt: Timestamp
    public let amount: NanoDollars
    /// What came back because a dispute was won.
    public let returned: NanoDollars
    /// By requests, and by takings beyond what other grants had left.
    public let used: NanoDollars
    public let refunded: NanoDollars
    public let voided: NanoDollars
    public let frozen: NanoDollars
    public let expired: NanoDollars
    /// What is left; never below zero.
    public let remaining: NanoDollars
}

extension Finance {
    /// An organization's grants by age.
    ///
    /// - Parameters:
    ///   - isOpen: Those alone of which something is left.
    ///   - after: The position of the last that was read.
    public func grants(
        of organization: OrganizationID, isOpen: Bool = false, after: Int64 = 0, limit: Int64
    ) async throws(FinanceError) -> [CreditGrant] {
        try await require(organization)
        try await wait(for: "grants", upTo: try await head())
        return try await rows(
            """
            SELECT grant_id, kind, priority, expires_at, position, granted_at, payment, amount, returned, used, refunded, voided, frozen,
                expired, remaining
            FROM grants.grants
            WHERE organization = $1 AND position > $2 AND (NOT $3 OR remaining > 0)
            ORDER BY position LIMIT $4
            """, [.uuid(organization.uuid), .int8(after), .bool(isOpen), .int8(limit)]
        ) { row in
            func amount(_ column: Int) throws -> NanoDollars { NanoDollars(try row.decode(column, as: Int64.self)) }
            let expiry: Int64? = try row.decode(3)
            let granted: PostgresTimestamp = try row.decode(5)
            let payment: UUID? = try row.decode(6)
            return CreditGrant(
                id: GrantID(uuid: try row.decode(0)), payment: payment.map { PaymentID(uuid: $0) }, kind: try row.decode(1),
                priority: try row.decode(2), expiresAt: expiry.map { Timestamp(microseconds: $0) },
                position: try row.decode(4), grantedAt: Timestamp(microseconds: granted.microseconds), amount: try amount(7),
                returned: try amount(8), used: try amount(9), refunded: try amount(10), voided: try amount(11),
                frozen: try amount(12), expired: try amount(13), remaining: try amount(14))
        }
    }
}
