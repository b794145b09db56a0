public import Ledger
internal import Money
internal import Postgres

extension Finance {
    /// A balance at any moment.
    ///
    /// It is the sum of the whole blocks before the moment, which the projection `balance_history` keeps, and of the events
    /// since; where that has not been made yet, of all events. So it is right whatever the read models say of today.
    ///
    /// - Throws: `notFound` for an organization that the ledger does not know, `unknownEvent` where a newer program wrote.
    public func balance(of organization: OrganizationID, _ view: BalanceView = .now) async throws(FinanceError) -> Balance {
        try await require(organization)
        let position: Int64
        switch view {
        case .now: position = try await head()
        case .position(let given): position = try await min(given, head())
        case .at(let time): position = try await self.position(at: time)
        case .effective(let time): return try await effective(organization, time)
        }
        return try await balance(of: organization, upTo: position)
    }

    /// - Parameter position: Of the ledger; the organization is known to be there.
    func balance(of organization: OrganizationID, upTo position: Int64) async throws(FinanceError) -> Balance {
        let counted = try await checkpoint(limit: position) / Self.block * Self.block
        let kept =
            counted == 0
            ? "SELECT 0::bigint AS credited, 0::bigint AS charged"
            : """
            SELECT coalesce(sum(credited), 0)::bigint AS credited, coalesce(sum(charged), 0)::bigint AS charged
            FROM balance_history.blocks WHERE organization = $1 AND block < $2 / 4096
            """
        return try await sum(
            """
            WITH kept AS (\(kept)),
            since AS (\(Self.fold) WHERE organization = $1 AND position > $2 AND position <= $3)
            SELECT k.credited + s.credited, k.charged + s.charged, s.unknown FROM kept AS k, since AS s
            """, [.uuid(organization.uuid), .int8(counted), .int8(position)], organization, position)
    }

    /// What is known now of a moment.
    private func effective(_ organization: OrganizationID, _ time: Timestamp) async throws(FinanceError) -> Balance {
        let head = try await head()
        let counted = try await checkpoint(limit: head)
        guard counted > 0 else {
            return try await sum(
                """
                SELECT f.credited, f.charged, f.unknown
                FROM (\(Self.fold) WHERE organization = $1 AND position <= $2 AND occurred_at <= $3) AS f
                """, [.uuid(organization.uuid), .int8(head), .timestamptz(time.microseconds)], organization, head)
        }
        // Whole hours, whole minutes of the hour, the events of the minute, and what the projection has not come to yet.
        return try await sum(
            """
            WITH moment AS (
                SELECT date_trunc('hour', $4::timestamptz, 'UTC') AS hour, date_trunc('minute', $4::timestamptz, 'UTC') AS minute
            ),
            kept AS (
                SELECT coalesce(sum(credited), 0)::bigint AS credited, coalesce(sum(charged), 0)::bigint AS charged
                FROM (
                    SELECT credited, charged FROM balance_history.hours
                    WHERE organization = $1 AND hour < (SELECT hour FROM moment)
                    UNION ALL
                    SELECT credited, charged FROM balance_history.minutes
                    WHERE organization = $1 AND minute >= (SELECT hour FROM moment) AND minute < (SELECT minute FROM moment)
                ) AS k
            ),
            place AS (
                SELECT coalesce(min(first_position), 0) AS first, coalesce(max(last_position), -1) AS last
                FROM balance_history.minutes WHERE organization = $1 AND minute = (SELECT minute FROM moment)
            ),
            minute AS (
                \(Self.fold)
                WHERE organization = $1 AND position >= (SELECT first FROM place) AND position <= (SELECT last FROM place)
                    AND position <= $2 AND occurred_at >= (SELECT minute FROM moment) AND occurred_at <= $4
            ),
            since AS (\(Self.fold) WHERE organization = $1 AND position > $2 AND position <= $3 AND occurred_at <= $4)
            SELECT
                k.credited + m.credited + s.credited, k.charged + m.charged + s.charged, coalesce(m.unknown, s.unknown)
            FROM kept AS k, minute AS m, since AS s
            """,
            [.uuid(organization.uuid), .int8(counted), .int8(head), .timestamptz(time.microseconds)], organization, head)
    }

    /// Positions of a block of `balance_history`.
    private static let block: Int64 = 4_096

    /// How events change a balance: the columns `credited`, `charged` and the position of one that nobody knows.
    private static let fold: String = {
        let known = EventRegistry.standard.typeNames.map { "'\($0)'" }.joined(separator: ", ")
        return """
            SELECT
                coalesce(sum(CASE
                    WHEN type IN ('credit.granted', 'credit.topped_up', 'credit.adjusted', 'credit.unfrozen')
                        THEN (data ->> 'amount')::bigint
                    WHEN stream_kind = 'credit' THEN - (data ->> 'amount')::bigint
                    ELSE 0
                END), 0)::bigint AS credited,
                coalesce(sum(CASE WHEN stream_kind = 'request' THEN (data ->> 'charged')::bigint ELSE 0 END), 0)::bigint AS charged,
                min(position) FILTER (
                    WHERE stream_kind IN ('credit', 'request') AND (schema_version > 1 OR type NOT IN (\(known)))) AS unknown
            FROM ledger.events
            """
    }()

    private func sum(
        _ sql: String, _ values: [PostgresValue], _ organization: OrganizationID, _ position: Int64
    ) async throws(FinanceError) -> Balance {
        let found = try await rows(sql, values) { row in
            (
                NanoDollars(try row.decode(0, as: Int64.self)), NanoDollars(try row.decode(1, as: Int64.self)),
                try row.decode(2, as: Int64?.self)
            )
        }
        guard let (credited, charged, unknown) = found.first else {
            throw FinanceError(.unavailable, "The ledger gave no balance.")
        }
        if let unknown {
            throw FinanceError(
                .unknownEvent,
                "The event at position \(unknown) is of a type or a version that this program does not know; update it.")
        }
        do {
            return Balance(
                organization: organization, credited: credited, charged: charged, balance: try credited.subtracting(charged),
                position: position)
        } catch {
            throw FinanceError(.unavailable, "The balance does not fit: \(error)")
        }
    }

    /// How far `balance_history` is, at most `limit`; 0 where it has not been made.
    private func checkpoint(limit: Int64) async throws(FinanceError) -> Int64 {
        try await rows(
            "SELECT least(position, $1) FROM projections.checkpoints WHERE schema_name = 'balance_history'", [.int8(limit)],
            { try $0.decode(0, as: Int64.self) }
        ).first ?? 0
    }

    func require(_ organization: OrganizationID) async throws(FinanceError) {
        let found = try await rows(
            "SELECT 1 FROM ledger.events WHERE stream_kind = 'organization' AND stream_id = $1 LIMIT 1",
            [.uuid(organization.uuid)], { _ in true })
        guard !found.isEmpty else {
            throw FinanceError(.notFound, field: "organization", "There is no organization \(organization).")
        }
    }
}
