internal import Ledger
internal import Money
internal import Postgres
internal import Web

import struct FoundationEssentials.UUID

/// An API key as the read models have it.
struct KeyRecord: Sendable {
    let id: APIKeyID
    let project: ProjectID
    let organization: OrganizationID
    let status: String
    let hint: String?
    let createdBy: UserID?
    let usageLimit: NanoDollars?
    let period: PeriodLimit?
    let requestsPerMinute: Int64?
    let tokensPerMinute: Int64?
    let expiresAt: Timestamp?
    let createdAt: Timestamp
    let updatedAt: Timestamp
    let description: String
    let charged: NanoDollars
    /// What was charged in the current period; nil without a limit of one.
    var periodCharged: NanoDollars?
    /// The reader's role in the key's organization.
    let role: MemberRole

    /// Whether the person may change the key: any key as an owner or admin, else one's own.
    func mayChange(_ user: UserID) -> Bool { Permission.changeAnyKey.isGranted(to: role) || createdBy == user }

    var maskedToken: String { (hint ?? "llmgtwy_") + String(repeating: "\u{2022}", count: 8) }

    /// - Parameter token: The secret, where it is shown for the one time.
    func json(creator: Person?, rules: [RuleRecord] = [], token: APIKeyToken? = nil) -> WebValue {
        var members: [(String, WebValue)] = [
            ("id", .id(id)), ("createdAt", .time(createdAt)), ("updatedAt", .time(updatedAt)),
            ("description", .string(description)), ("status", .string(status)), ("usageLimit", .amount(usageLimit)),
            ("usage", .amount(charged)), ("periodUsageLimit", .amount(period?.amount)),
            ("periodUsageDurationValue", .integer(optional: period?.count)),
            ("periodUsageDurationUnit", .string(optional: period?.unit.rawValue)),
            ("currentPeriodUsage", .amount(period == nil ? nil : periodCharged ?? .zero)),
            ("currentPeriodStartedAt", .time(period?.begins(at: .now))),
            ("requestsPerMinute", .integer(optional: requestsPerMinute)),
            ("tokensPerMinute", .integer(optional: tokensPerMinute)), ("expiresAt", .time(expiresAt)),
            ("projectId", .id(project)), ("createdBy", .id(createdBy)), ("creator", creator?.json ?? .null),
            ("iamRules", .array(rules.map(\.json))),
        ]
        if let token {
            members.append(("token", .string(token.secret)))
        } else {
            members.append(("maskedToken", .string(maskedToken)))
        }
        return .object(members)
    }
}

extension Person {
    var json: WebValue { ["id": .id(id), "name": .string(optional: name), "email": .string(email)] }
}

extension Management {
    private static let keyColumns = """
        SELECT k.api_key, k.project, k.organization, k.status, k.hint, k.created_by, k.usage_limit, k.period_amount,
            k.period_count, k.period_unit, k.requests_per_minute, k.tokens_per_minute, k.expires_at, k.created_at, k.updated_at,
            t.body, b.charged, m.role
        FROM organizations.members AS m
        JOIN organizations.organizations AS o ON o.organization = m.organization AND o.status <> 'deleted'
        JOIN organizations.projects AS p ON p.organization = o.organization AND p.status <> 'deleted'
        JOIN keys.keys AS k ON k.project = p.project
        LEFT JOIN management.texts AS t ON t.event = k.texts
        LEFT JOIN balances.keys AS b ON b.api_key = k.api_key
        WHERE m.user_id = $1
        """

    /// The key, deleted or not, when the person belongs to its organization.
    func key(_ id: APIKeyID, for user: UserID) async throws(WebError) -> KeyRecord? {
        let found = try await rows(
            Self.keyColumns + " AND k.api_key = $2", [.uuid(user.uuid), .uuid(id.uuid)], KeyRecord.init)
        return try await withPeriods(found).first
    }

    /// The keys of all of a person's projects or of one, oldest first.
    ///
    /// - Parameter mine: Only keys that the person made.
    func keys(of project: ProjectID?, for user: UserID, mine: Bool) async throws(WebError) -> [KeyRecord] {
        let found = try await rows(
            Self.keyColumns + """
                 AND ($2::uuid IS NULL OR k.project = $2) AND (NOT $3 OR k.created_by = $1)
                ORDER BY k.created_at, k.api_key
                """,
            [.uuid(user.uuid), project.map { .uuid($0.uuid) } ?? .null, .bool(mine)], KeyRecord.init)
        return try await withPeriods(found)
    }

    /// The keys with what those that have a limit a period were charged in the current one.
    private func withPeriods(_ keys: [KeyRecord]) async throws(WebError) -> [KeyRecord] {
        let now = Timestamp.now
        let limited = keys.compactMap { key in key.period.map { (key.id, $0.begins(at: now).microseconds / 1_000_000) } }
        guard !limited.isEmpty else { return keys }
        let sums = try await rows(
            """
            SELECT h.api_key, sum(h.charged)::bigint
            FROM unnest($1::uuid[], $2::bigint[]) AS p (api_key, begins)
            JOIN admission.hours AS h ON h.api_key = p.api_key AND h.hour >= p.begins
            GROUP BY h.api_key
            """, [.uuidArray(limited.map(\.0.uuid)), .int8Array(limited.map(\.1))]
        ) { row in (APIKeyID(uuid: try row.decode(0)), NanoDollars(try row.decode(1, as: Int64.self))) }
        let charged = Dictionary(uniqueKeysWithValues: sums)
        return keys.map { key in
            var key = key
            key.periodCharged = charged[key.id]
            return key
        }
    }

    /// The rules of these keys, oldest first.
    func rules(of keys: [APIKeyID]) async throws(WebError) -> [APIKeyID: [RuleRecord]] {
        guard !keys.isEmpty else { return [:] }
        let found = try await rows(
            """
            SELECT rule, api_key, kind, value, status, created_at, updated_at FROM keys.rules
            WHERE api_key = ANY ($1) ORDER BY created_at, rule
            """, [.uuidArray(keys.map(\.uuid))]
        ) { row in
            let key = APIKeyID(uuid: try row.decode(1))
            return (key: key, rule: try RuleRecord(row, bound: .key(key)))
        }
        return Dictionary(grouping: found, by: \.key).mapValues { $0.map(\.rule) }
    }
}

extension KeyRecord {
    init(_ row: PostgresRow) throws {
        let created: PostgresTimestamp = try row.decode(13)
        let updated: PostgresTimestamp = try row.decode(14)
        let creator: UUID? = try row.decode(5)
        let limit: Int64? = try row.decode(6)
        let expires: Int64? = try row.decode(12)
        let charged: Int64? = try row.decode(16)
        self.init(
            id: APIKeyID(uuid: try row.decode(0)), project: ProjectID(uuid: try row.decode(1)),
            organization: OrganizationID(uuid: try row.decode(2)), status: try row.decode(3), hint: try row.decode(4),
            createdBy: creator.map(UserID.init(uuid:)), usageLimit: limit.map(NanoDollars.init),
            period: try Self.period(row), requestsPerMinute: try row.decode(10), tokensPerMinute: try row.decode(11),
            expiresAt: expires.map(Timestamp.init(microseconds:)), createdAt: Timestamp(microseconds: created.microseconds),
            updatedAt: Timestamp(microseconds: updated.microseconds), description: try Texts.decode(row, 15)["name"] ?? "",
            charged: NanoDollars(charged ?? 0), role: MemberRole(rawValue: try row.decode(17)) ?? .developer)
    }

    private static func period(_ row: PostgresRow) throws -> PeriodLimit? {
        let amount: Int64? = try row.decode(7)
        let count: Int64? = try row.decode(8)
        let unit: String? = try row.decode(9)
        guard let amount, let count, let unit = unit.flatMap(PeriodLimit.Unit.init(rawValue:)) else { return nil }
        return PeriodLimit(amount: NanoDollars(amount), count: count, unit: unit)
    }
}
