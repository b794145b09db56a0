internal import Ledger
internal import Postgres

import struct FoundationEssentials.Data
import class FoundationEssentials.JSONDecoder
import struct FoundationEssentials.UUID

/// Reads an organization's policy from the read models `keys` and `organizations`, by one statement, which is one snapshot.
struct PolicyReader: Sendable {
    let postgres: PostgresClient
    /// The longest that one reading may take.
    static let deadline: Duration = .seconds(2)

    /// A policy that lacks an event is none.
    struct Parked: Error {}

    func read(_ organization: OrganizationID) async throws -> OrganizationPolicy {
        let rows = try await postgres.query(Self.sql, [.uuid(organization.uuid)], deadline: Self.deadline)
        var position: Int64 = 0
        var rules: [APIKeyID: [IAMRule]] = [:]
        var unreadable: [APIKeyID: [IAMRuleID]] = [:]
        var modes: [ProjectID: String] = [:]
        for row in rows {
            let id: UUID = try row.decode(1)
            let name: String = try row.decode(3)
            switch try row.decode(0, as: String.self) {
            case "position":
                guard name.isEmpty else { throw Parked() }
                position = try row.decode(5)
            case "rule":
                let rule = IAMRuleID(uuid: try row.decode(2))
                let value: [UInt8] = try row.decode(4)
                if let kind = IAMRuleType(rawValue: name),
                    let value = try? JSONDecoder().decode(IAMRuleValue.self, from: Data(value))
                {
                    rules[APIKeyID(uuid: id), default: []].append(IAMRule(id: rule, kind: kind, value: value))
                } else {
                    unreadable[APIKeyID(uuid: id), default: []].append(rule)
                }
            default: modes[ProjectID(uuid: id)] = name
            }
        }
        var keys = rules.mapValues { RuleSet($0, scope: .apiKey) }
        for (key, ids) in unreadable { keys[key] = RuleSet(rules[key] ?? [], scope: .apiKey, unreadable: ids) }
        return OrganizationPolicy(position: position, keys: keys, modes: modes)
    }

    private static let sql = """
        SELECT
            'position', $1::uuid, NULL::uuid, CASE WHEN EXISTS (
                SELECT FROM projections.parked AS p
                WHERE p.schema_name IN ('keys', 'organizations') AND p.organization = $1) THEN 'parked' ELSE '' END,
            NULL::jsonb, least(
                coalesce((SELECT c.position FROM projections.checkpoints AS c WHERE c.schema_name = 'keys'), 0),
                coalesce((SELECT c.position FROM projections.checkpoints AS c WHERE c.schema_name = 'organizations'), 0))
        UNION ALL
        SELECT 'rule', k.api_key, r.rule, r.kind, r.value, 0
        FROM keys.keys AS k JOIN keys.rules AS r ON r.api_key = k.api_key
        WHERE k.organization = $1 AND k.status <> 'deleted' AND r.status = 'active'
        UNION ALL
        SELECT 'mode', p.project, NULL, p.mode, NULL, 0
        FROM organizations.projects AS p WHERE p.organization = $1 AND p.status <> 'deleted'
        """
}
