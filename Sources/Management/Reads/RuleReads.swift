internal import Ledger
internal import Money
internal import Postgres
internal import Web

import struct FoundationEssentials.Data
import class FoundationEssentials.JSONDecoder

/// An IAM rule as the read model has it.
struct RuleRecord: Sendable {
    /// What it binds.
    enum Bound: Sendable {
        case key(APIKeyID)
        /// All keys that the person made.
        case member(UserID)
    }

    let id: IAMRuleID
    let bound: Bound
    let kind: IAMRuleType
    let value: IAMRuleValue
    let status: EntityStatus
    let createdAt: Timestamp
    let updatedAt: Timestamp

    var json: WebValue {
        let binds: (String, WebValue) =
            switch bound {
            case .key(let key): ("apiKeyId", .id(key))
            case .member(let user): ("memberId", .id(user))
            }
        return .object([
            ("id", .id(id)), ("createdAt", .time(createdAt)), ("updatedAt", .time(updatedAt)), binds,
            ("ruleType", .string(kind.rawValue)), ("ruleValue", value.json), ("status", .string(status.rawValue)),
        ])
    }
}

extension IAMRuleValue {
    /// Only the members that the rule has; prices are US dollars a token.
    var json: WebValue {
        var members: [(String, WebValue)] = []
        if let models { members.append(("models", .array(models.map(WebValue.string)))) }
        if let providers { members.append(("providers", .array(providers.map(WebValue.string)))) }
        if let pricing { members.append(("pricingType", .string(pricing))) }
        if let maxInputPrice { members.append(("maxInputPrice", .string(maxInputPrice.decimalPerUnit))) }
        if let maxOutputPrice { members.append(("maxOutputPrice", .string(maxOutputPrice.decimalPerUnit))) }
        if let networks { members.append(("ipCidrs", .array(networks.map(WebValue.string)))) }
        return .object(members)
    }
}

extension Management {
    /// The rules of a member, oldest first.
    func memberRules(of user: UserID, in organization: OrganizationID) async throws(WebError) -> [RuleRecord] {
        try await rows(
            """
            SELECT rule, user_id, kind, value, status, created_at, updated_at FROM organizations.member_rules
            WHERE organization = $1 AND user_id = $2 ORDER BY created_at, rule
            """, [.uuid(organization.uuid), .uuid(user.uuid)]
        ) { try RuleRecord($0, bound: .member(user)) }
    }
}

extension RuleRecord {
    init(_ row: PostgresRow, bound: Bound) throws {
        let created: PostgresTimestamp = try row.decode(5)
        let updated: PostgresTimestamp = try row.decode(6)
        let kind: String = try row.decode(2)
        let value: [UInt8] = try row.decode(3)
        let status: String = try row.decode(4)
        guard let kind = IAMRuleType(rawValue: kind), let status = EntityStatus(rawValue: status) else {
            throw UnreadableRow(what: "a rule of a kind that is not known")
        }
        self.init(
            id: IAMRuleID(uuid: try row.decode(0)), bound: bound, kind: kind,
            value: try JSONDecoder().decode(IAMRuleValue.self, from: Data(value)), status: status,
            createdAt: Timestamp(microseconds: created.microseconds), updatedAt: Timestamp(microseconds: updated.microseconds))
    }
}
