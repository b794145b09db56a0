internal import Ledger
internal import Money
internal import Postgres
internal import Web

import struct FoundationEssentials.Data
import class FoundationEssentials.JSONDecoder

/// An IAM rule as the read model has it.
struct RuleRecord: Sendable {
    let id: IAMRuleID
    let key: APIKeyID
    let kind: IAMRuleType
    let value: IAMRuleValue
    let status: EntityStatus
    let createdAt: Timestamp
    let updatedAt: Timestamp

    var json: WebValue {
        [
            "id": .id(id), "createdAt": .time(createdAt), "updatedAt": .time(updatedAt), "apiKeyId": .id(key),
            "ruleType": .string(kind.rawValue), "ruleValue": value.json, "status": .string(status.rawValue),
        ]
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

extension RuleRecord {
    init(_ row: PostgresRow) throws {
        let created: PostgresTimestamp = try row.decode(5)
        let updated: PostgresTimestamp = try row.decode(6)
        let kind: String = try row.decode(2)
        let value: [UInt8] = try row.decode(3)
        let status: String = try row.decode(4)
        guard let kind = IAMRuleType(rawValue: kind), let status = EntityStatus(rawValue: status) else {
            throw UnreadableRow(what: "a rule of a kind that is not known")
        }
        self.init(
            id: IAMRuleID(uuid: try row.decode(0)), key: APIKeyID(uuid: try row.decode(1)), kind: kind,
            value: try JSONDecoder().decode(IAMRuleValue.self, from: Data(value)), status: status,
            createdAt: Timestamp(microseconds: created.microseconds), updatedAt: Timestamp(microseconds: updated.microseconds))
    }
}
