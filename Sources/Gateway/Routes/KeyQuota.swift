internal import Ledger
internal import Money
internal import Postgres

/// What the read models say of an API key and of its organization's credits.
struct KeyQuota: Sendable {
    let key: APIKeyID
    let status: String
    let projectStatus: String
    let organizationStatus: String
    /// The first characters of the token.
    let hint: String?
    let limit: NanoDollars?
    let period: PeriodLimit?
    let requestsPerMinute: Int64?
    let tokensPerMinute: Int64?
    let expiresAt: Timestamp?
    let charged: NanoDollars
    /// What was charged in the current period; zero without a limit of one.
    var periodCharged: NanoDollars = .zero
    /// What the organization was credited in all, less what was refunded, expired, voided or frozen.
    let credited: NanoDollars
    let organizationCharged: NanoDollars
    /// When the last event was recorded that the balances have.
    let asOf: Timestamp?

    private static let deadline: Duration = .seconds(2)

    /// - Parameter digest: SHA-256 of the token that was sent: one that was rolled away may still be known here as the key's.
    /// - Returns: nil for a key that is not there or has another token.
    static func read(_ key: APIKeyID, digest: [UInt8], from postgres: PostgresClient) async throws -> KeyQuota? {
        let rows = try await postgres.query(
            """
            SELECT k.status, p.status, o.status, k.hint, k.usage_limit, k.period_amount, k.period_count, k.period_unit,
                k.requests_per_minute, k.tokens_per_minute, k.expires_at, b.charged,
                (c.granted + c.topped_up + c.adjusted - c.refunded - c.expired - c.voided - c.frozen)::numeric, c.charged,
                (
                    SELECT e.recorded_at FROM projections.checkpoints AS q JOIN ledger.events AS e ON e.position = q.position
                    WHERE q.schema_name = 'balances'
                )
            FROM keys.keys AS k
            JOIN admission.keys AS a ON a.api_key = k.api_key AND a.token_sha256 = encode($2, 'hex')
            JOIN organizations.projects AS p ON p.project = k.project
            JOIN organizations.organizations AS o ON o.organization = p.organization
            LEFT JOIN balances.keys AS b ON b.api_key = k.api_key
            LEFT JOIN balances.organizations AS c ON c.organization = o.organization
            WHERE k.api_key = $1
            """, [.uuid(key.uuid), .bytea(digest)], deadline: deadline)
        guard let row = rows.first else { return nil }
        var quota = try KeyQuota(key, row)
        if let period = quota.period {
            let sum = try await postgres.query(
                "SELECT coalesce(sum(charged), 0)::bigint FROM admission.hours WHERE api_key = $1 AND hour >= $2",
                [.uuid(key.uuid), .int8(period.begins(at: .now).microseconds / 1_000_000)], deadline: deadline)
            quota.periodCharged = NanoDollars(try sum[0].decode(0, as: Int64.self))
        }
        return quota
    }

    private init(_ key: APIKeyID, _ row: PostgresRow) throws {
        func amount(_ column: Int) throws -> NanoDollars? { try row.decode(column, as: Int64?.self).map(NanoDollars.init) }
        self.key = key
        status = try row.decode(0)
        projectStatus = try row.decode(1)
        organizationStatus = try row.decode(2)
        hint = try row.decode(3)
        limit = try amount(4)
        let count: Int64? = try row.decode(6)
        let unit = try row.decode(7, as: String?.self).flatMap(PeriodLimit.Unit.init(rawValue:))
        if let amount = try amount(5), let count, let unit {
            period = PeriodLimit(amount: amount, count: count, unit: unit)
        } else {
            period = nil
        }
        requestsPerMinute = try row.decode(8)
        tokensPerMinute = try row.decode(9)
        expiresAt = try row.decode(10, as: Int64?.self).map(Timestamp.init(microseconds:))
        charged = try amount(11) ?? .zero
        credited = NanoDollars(try row.decode(12, as: PostgresNumeric?.self)?.clamped ?? 0)
        organizationCharged = try amount(13) ?? .zero
        asOf = try row.decode(14, as: PostgresTimestamp?.self).map { Timestamp(microseconds: $0.microseconds) }
    }
}
