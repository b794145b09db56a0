public import Ledger
public import Money
internal import Postgres

/// What an operator does with credits on the command line; what people pay is in the module Billing.
extension Management {
    /// Credits that were granted.
    public struct Grant: Sendable {
        public let id: GrantID
        public let change: Change
    }

    /// Gives an organization credits.
    ///
    /// - Parameters:
    ///   - amount: More than zero, at most ``CreditBounds/single``.
    ///   - expiresAt: When what is left of it is taken; in the future. nil is never.
    ///   - priority: Lower is used first, before what expires sooner and what is older.
    public func grantCredits(
        organization: OrganizationID, amount: NanoDollars, kind: GrantKind = .promotional, expiresAt: Timestamp? = nil,
        priority: Int64 = 0
    ) async throws(ManagementError) -> Grant {
        guard amount > .zero else { throw .invalid("amount", "A grant must be more than zero.") }
        if let expiresAt, expiresAt <= .now { throw .invalid("expiresAt", "A grant must expire in the future.") }
        try await requireOrganization(organization)
        try await checkBounds(of: organization, adding: amount)
        let id = GrantID.mint()
        // Any version: grants of one organization don't exclude each other, and the event's own id makes a retry safe.
        let event = try newEvent(
            CreditGranted(grant: id, kind: kind, amount: amount, expiresAt: expiresAt, priority: priority),
            stream: .credit(organization), expectedVersion: nil, organization: organization)
        return Grant(id: id, change: try await append(event))
    }

    /// Puts an organization's credits right by hand, also those of one that is closed.
    ///
    /// - Parameters:
    ///   - amount: With its sign; not zero. Of what brings the credits nearer to zero it may be any but the least, else at
    ///     most ``CreditBounds/single``.
    ///   - reason: Why, 1 to 500 characters. It stays in the ledger: no person belongs in it.
    ///   - corrects: The position of the event that was wrong.
    public func adjustCredits(
        organization: OrganizationID, amount: NanoDollars, reason: String, corrects: Int64? = nil
    ) async throws(ManagementError) -> Change {
        guard amount != .zero else { throw .invalid("amount", "An adjustment of nothing changes nothing.") }
        guard (1...500).contains(reason.count) else { throw .invalid("reason", "The reason must have 1 to 500 characters.") }
        try await requireOrganization(organization, isOpen: false)
        if let corrects {
            let found: RecordedEvent?
            do { found = try await reader.event(at: corrects) } catch {
                throw ManagementError(code: .unavailable, field: nil, message: "The ledger could not be read: \(error)")
            }
            guard found?.organization == organization else {
                throw .notFound("corrects", "Position \(corrects) is no event of \(organization).")
            }
        }
        try await checkBounds(of: organization, adding: amount)
        return try await append(
            try newEvent(
                CreditAdjusted(amount: amount, reason: reason, corrects: corrects), stream: .credit(organization),
                expectedVersion: nil, organization: organization))
    }

    /// Refuses what would take an organization's credits to where admission can't count them any more, and leaves it out for ever.
    ///
    /// No version of the stream is expected: ``CreditBounds/total`` leaves room for what others append at the same moment.
    private func checkBounds(of organization: OrganizationID, adding amount: NanoDollars) async throws(ManagementError) {
        let isTooMuch = ManagementError.invalid(
            "amount", "The amount is more than \(CreditBounds.single) USD, the most that is given or taken at once.")
        // Read models take the opposite of what is drawn, and this amount has none: they would stand still for everybody.
        guard amount.rawValue != .min else { throw isTooMuch }
        let before = try await credited(organization)
        let after = before + Int128(amount.rawValue)
        // A mistake from before there was a bound is taken back as it was made.
        guard after.magnitude > before.magnitude else { return }
        guard amount.rawValue.magnitude <= CreditBounds.single.rawValue.magnitude else { throw isTooMuch }
        guard after.magnitude <= CreditBounds.total else {
            throw .invalid("amount", "With this amount the organization's credits would be more than can be counted.")
        }
    }

    /// What an organization was ever credited, less what was taken back: nano-dollars.
    private func credited(_ organization: OrganizationID) async throws(ManagementError) -> Int128 {
        let sum: PostgresNumeric?
        let isUnknown: Bool?
        do {
            let row = try await postgres.query(
                """
                SELECT coalesce(sum(c.sign * c.amount), 0), coalesce(bool_or(c.sign IS NULL), false)
                FROM (
                    SELECT (data ->> 'amount')::numeric AS amount, CASE
                        WHEN type IN ('credit.granted', 'credit.topped_up', 'credit.adjusted', 'credit.unfrozen') THEN 1
                        WHEN type IN ('credit.refunded', 'credit.expired', 'credit.voided', 'credit.frozen') THEN -1
                    END AS sign
                    FROM ledger.events WHERE stream_kind = 'credit' AND stream_id = $1
                ) AS c
                """, [.uuid(organization.uuid)]
            ).first
            sum = try row?.decode(0)
            isUnknown = try row?.decode(1)
        } catch {
            throw ManagementError(code: .unavailable, field: nil, message: "The ledger could not be read: \(error)")
        }
        // Whether it gives or takes only the version knows that recorded it.
        guard isUnknown == false else {
            throw ManagementError(
                code: .unavailable, field: nil,
                message: "The ledger has credits of \(organization) that only a later version can count.")
        }
        guard let sum, let credited = Int128(sum.text) else {
            throw ManagementError(code: .unavailable, field: nil, message: "The ledger gave no sum of the credits.")
        }
        return credited
    }
}
