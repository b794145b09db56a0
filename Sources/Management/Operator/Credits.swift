public import Ledger
public import Money

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
    ///   - amount: More than zero.
    ///   - expiresAt: When what is left of it is taken; in the future. nil is never.
    ///   - priority: Lower is used first, before what expires sooner and what is older.
    public func grantCredits(
        organization: OrganizationID, amount: NanoDollars, kind: GrantKind = .promotional, expiresAt: Timestamp? = nil,
        priority: Int64 = 0
    ) async throws(ManagementError) -> Grant {
        guard amount > .zero else { throw .invalid("amount", "A grant must be more than zero.") }
        if let expiresAt, expiresAt <= .now { throw .invalid("expiresAt", "A grant must expire in the future.") }
        try await requireOrganization(organization)
        let id = GrantID.mint()
        // Any version: grants of one organization don't exclude each other, and the event's own id makes a retry safe.
        let event = try newEvent(
            CreditGranted(grant: id, kind: kind, amount: amount, expiresAt: expiresAt, priority: priority),
            stream: .credit(organization), expectedVersion: nil, organization: organization)
        return Grant(id: id, change: try await append(event))
    }

    /// Puts an organization's credits right by hand.
    ///
    /// - Parameters:
    ///   - amount: With its sign; not zero.
    ///   - reason: Why, 1 to 500 characters. It stays in the ledger: no person belongs in it.
    ///   - corrects: The position of the event that was wrong.
    public func adjustCredits(
        organization: OrganizationID, amount: NanoDollars, reason: String, corrects: Int64? = nil
    ) async throws(ManagementError) -> Change {
        guard amount != .zero else { throw .invalid("amount", "An adjustment of nothing changes nothing.") }
        guard (1...500).contains(reason.count) else { throw .invalid("reason", "The reason must have 1 to 500 characters.") }
        try await requireOrganization(organization)
        if let corrects {
            let found: RecordedEvent?
            do { found = try await reader.event(at: corrects) } catch {
                throw ManagementError(code: .unavailable, field: nil, message: "The ledger could not be read: \(error)")
            }
            guard found?.organization == organization else {
                throw .notFound("corrects", "Position \(corrects) is no event of \(organization).")
            }
        }
        return try await append(
            try newEvent(
                CreditAdjusted(amount: amount, reason: reason, corrects: corrects), stream: .credit(organization),
                expectedVersion: nil, organization: organization))
    }
}
