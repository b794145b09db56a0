internal import Credentials
internal import Ledger
internal import Logging
internal import Postgres

import struct FoundationEssentials.Data
import class FoundationEssentials.JSONDecoder
import struct FoundationEssentials.UUID

/// Reads an organization's policy from the read models `keys`, `organizations` and `provider_keys`, and its credentials beside
/// them, by one statement, which is one snapshot.
struct PolicyReader: Sendable {
    let postgres: PostgresClient
    let secrets: ProviderSecrets
    let logger: Logger
    /// The longest that one reading may take.
    static let deadline: Duration = .seconds(2)

    /// A policy that lacks an event is none.
    struct Parked: Error {}

    func read(_ organization: OrganizationID) async throws -> OrganizationPolicy {
        let rows = try await postgres.query(Self.sql, [.uuid(organization.uuid)], deadline: Self.deadline)
        var position: Int64 = 0
        var keys = RuleSets<APIKeyID>(scope: .apiKey)
        var members = RuleSets<UserID>(scope: .member)
        var modes: [ProjectID: ProjectMode] = [:]
        var cacheSeconds: [ProjectID: Int64] = [:]
        var accounts: [String: [OwnAccount]] = [:]
        for row in rows {
            let id: UUID = try row.decode(1)
            let name: String = try row.decode(3)
            switch try row.decode(0, as: String.self) {
            case "position":
                guard name.isEmpty else { throw Parked() }
                position = try row.decode(5)
            case "rule": try keys.add(row, named: name, of: APIKeyID(uuid: id))
            case "member": try members.add(row, named: name, of: UserID(uuid: id))
            case "account":
                if let account = try account(row, ProviderKeyID(uuid: id), of: organization) {
                    accounts[name, default: []].append(account)
                }
            default:
                // A mode that a later version knows must not spend what it may not.
                guard let mode = ProjectMode(rawValue: name) else { throw UnknownMode(name: name) }
                modes[ProjectID(uuid: id)] = mode
                let seconds: Int64 = try row.decode(5)
                if seconds > 0 { cacheSeconds[ProjectID(uuid: id)] = seconds }
            }
        }
        return OrganizationPolicy(
            position: position, members: members.compiled, keys: keys.compiled, modes: modes, cacheSeconds: cacheSeconds,
            accounts: accounts)
    }

    /// The rules of one level, by whom they bind.
    private struct RuleSets<Bound: Hashable> {
        let scope: RuleSet.Scope
        private var rules: [Bound: [IAMRule]] = [:]
        private var unreadable: [Bound: [IAMRuleID]] = [:]

        init(scope: RuleSet.Scope) { self.scope = scope }

        mutating func add(_ row: PostgresRow, named name: String, of bound: Bound) throws {
            let rule = IAMRuleID(uuid: try row.decode(2))
            let value: [UInt8] = try row.decode(4)
            if let kind = IAMRuleType(rawValue: name),
                let value = try? JSONDecoder().decode(IAMRuleValue.self, from: Data(value))
            {
                rules[bound, default: []].append(IAMRule(id: rule, kind: kind, value: value))
            } else {
                unreadable[bound, default: []].append(rule)
            }
        }

        var compiled: [Bound: RuleSet] {
            var sets = rules.mapValues { RuleSet($0, scope: scope) }
            for (bound, ids) in unreadable { sets[bound] = RuleSet(rules[bound] ?? [], scope: scope, unreadable: ids) }
            return sets
        }
    }

    private struct UnknownMode: Error {
        let name: String
    }

    /// nil for a credential that can't be read here: requests go on without it, and the operator hears of it.
    private func account(
        _ row: PostgresRow, _ id: ProviderKeyID, of organization: OrganizationID
    ) throws -> OwnAccount? {
        let baseURL: String? = try row.decode(6)
        let options = try (try row.decode(4, as: [UInt8]?.self)).map {
            try JSONDecoder().decode(ProviderKeyOptions.self, from: Data($0)).named
        }
        do {
            return OwnAccount(
                id: id, credential: try secrets.credential(try row.decode(7), for: id, of: organization), baseURL: baseURL,
                options: options ?? [:])
        } catch let failure as EncryptionKeys.Failure {
            logger.error("a provider key can't be used", metadata: ["provider_key": "\(id)", "error": "\(failure)"])
            return nil
        }
    }

    private static let sql = """
        SELECT
            'position', $1::uuid, NULL::uuid, CASE WHEN EXISTS (
                SELECT FROM projections.parked AS p
                WHERE p.schema_name IN ('keys', 'organizations', 'provider_keys') AND p.organization = $1)
                THEN 'parked' ELSE '' END,
            NULL::jsonb, least(
                coalesce((SELECT c.position FROM projections.checkpoints AS c WHERE c.schema_name = 'keys'), 0),
                coalesce((SELECT c.position FROM projections.checkpoints AS c WHERE c.schema_name = 'organizations'), 0),
                coalesce((SELECT c.position FROM projections.checkpoints AS c WHERE c.schema_name = 'provider_keys'), 0)),
            NULL::text, NULL::bytea
        UNION ALL
        SELECT 'rule', k.api_key, r.rule, r.kind, r.value, 0, NULL, NULL
        FROM keys.keys AS k JOIN keys.rules AS r ON r.api_key = k.api_key
        WHERE k.organization = $1 AND k.status <> 'deleted' AND r.status = 'active'
        UNION ALL
        SELECT 'member', m.user_id, m.rule, m.kind, m.value, 0, NULL, NULL
        FROM organizations.member_rules AS m WHERE m.organization = $1 AND m.status = 'active'
        UNION ALL
        SELECT 'mode', p.project, NULL, p.mode, NULL, CASE WHEN p.caching THEN p.cache_seconds ELSE 0 END, NULL, NULL
        FROM organizations.projects AS p WHERE p.organization = $1 AND p.status <> 'deleted'
        UNION ALL
        SELECT * FROM (
            SELECT 'account', k.provider_key, NULL::uuid, coalesce(k.name, k.provider), k.options, 0, k.base_url, s.ciphertext
            FROM provider_keys.keys AS k JOIN management.provider_secrets AS s USING (provider_key)
            WHERE k.organization = $1 AND s.organization = $1 AND k.status = 'active'
            ORDER BY k.place, k.created_at, k.provider_key
        ) AS accounts
        """
}
