internal import FoundationEssentials
public import Ledger
public import Money
internal import Postgres

extension Management {
    /// Credits that were granted.
    public struct Grant: Sendable {
        public let id: GrantID
        public let change: Change
    }

    /// Gives an organization credits.
    ///
    /// - Parameter amount: More than zero.
    public func grantCredits(
        organization: OrganizationID, amount: NanoDollars, kind: GrantKind = .promotional, expiresAt: Timestamp? = nil
    ) async throws(ManagementError) -> Grant {
        guard amount > .zero else { throw .invalid("amount", "A grant must be more than zero.") }
        try await requireOrganization(organization)
        let id = GrantID.mint()
        // Any version: grants of one organization don't exclude each other, and the event's own id makes a retry safe.
        let event = try newEvent(
            CreditGranted(grant: id, kind: kind, amount: amount, expiresAt: expiresAt, priority: 0),
            stream: .credit(organization), expectedVersion: nil, organization: organization)
        return Grant(id: id, change: try await append(event))
    }

    /// Where to look at a balance from.
    public enum BalanceView: Sendable {
        /// As the ledger stands.
        case now
        /// As it was known at this time: events recorded at or before it.
        case at(Timestamp)
        /// As it was after this position.
        case position(Int64)
    }

    /// An organization's credits, folded from its events.
    public struct Balance: Sendable, Equatable {
        public let organization: OrganizationID
        /// Everything ever credited, less what was refunded or expired.
        public let credited: NanoDollars
        /// Everything charged for requests.
        public let charged: NanoDollars
        /// `credited` less `charged`.
        public let balance: NanoDollars
        /// The position up to which events were folded.
        public let position: Int64
    }

    /// Folds an organization's balance from the ledger itself, so that it is right whatever the read models say.
    public func balance(organization: OrganizationID, view: BalanceView = .now) async throws(ManagementError) -> Balance {
        try await requireOrganization(organization, orDeleted: true)
        let upTo: (position: Int64, recordedAt: Timestamp?) =
            switch view {
            case .now: (.max, nil)
            case .at(let time): (.max, time)
            case .position(let position): (position, nil)
            }
        do {
            let rows = try await postgres.query(
                """
                SELECT coalesce(sum(CASE
                         WHEN type IN ('credit.granted', 'credit.topped_up', 'credit.adjusted', 'credit.unfrozen')
                           THEN (data->>'amount')::bigint
                         WHEN stream_kind = 'credit' THEN -(data->>'amount')::bigint
                         ELSE 0 END), 0)::bigint AS credited,
                       coalesce(sum(CASE WHEN type LIKE 'request.%' THEN (data->>'charged')::bigint ELSE 0 END), 0)::bigint
                         AS charged,
                       (SELECT coalesce(max(position), 0) FROM ledger.events
                         WHERE position <= $2 AND ($3::timestamptz IS NULL OR recorded_at <= $3)) AS position,
                       min(position) FILTER (
                         WHERE stream_kind IN ('credit', 'request') AND (schema_version > 1 OR type <> ALL ($4))) AS unknown
                  FROM ledger.events
                 WHERE organization = $1 AND position <= $2 AND ($3::timestamptz IS NULL OR recorded_at <= $3)
                """,
                [
                    .uuid(organization.uuid), .int8(upTo.position),
                    upTo.recordedAt.map { .timestamptz($0.microseconds) } ?? .null,
                    .textArray(EventRegistry.standard.typeNames),
                ])
            guard let row = rows.first else {
                throw ManagementError(code: .unavailable, field: nil, message: "The ledger gave no balance.")
            }
            if let position = try row.decode("unknown", as: Int64?.self) {
                throw ManagementError(
                    code: .unavailable, field: nil,
                    message:
                        "The event at position \(position) is of a type or a version that this program does not know; update it.")
            }
            let credited = NanoDollars(try row.decode("credited", as: Int64.self))
            let charged = NanoDollars(try row.decode("charged", as: Int64.self))
            return Balance(
                organization: organization, credited: credited, charged: charged, balance: try credited.subtracting(charged),
                position: try row.decode("position", as: Int64.self))
        } catch let error as ManagementError {
            throw error
        } catch {
            throw ManagementError(code: .unavailable, field: nil, message: "The balance could not be read: \(error)")
        }
    }
}
