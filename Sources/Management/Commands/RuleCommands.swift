internal import Ledger
internal import Web

/// What a PATCH of a rule sets; nil is left as it is.
struct RuleChange: Sendable {
    var kind: IAMRuleType?
    var value: IAMRuleValue?
    var status: EntityStatus?
}

extension Management {
    /// The most rules of one key or member: the gateway reads them all at once.
    static let mostRules = 100

    /// Adds a rule to a key.
    func addRule(_ rule: IAMRuleCreated, to key: APIKeyID, by caller: Caller) async throws(WebError) {
        try await append(to: key, by: caller) { () async throws(WebError) in
            guard try await rules(of: [key])[key, default: []].count < Self.mostRules else {
                throw WebError(400, "A key can have \(Self.mostRules) rules.", code: "limit_reached")
            }
            return rule
        }
    }

    /// Changes a rule of a key.
    ///
    /// - Parameter change: Looks at the rule as it is; a type without its value is refused.
    func change(
        rule id: IAMRuleID, of key: APIKeyID, by caller: Caller,
        _ change: @Sendable (RuleRecord) throws(WebError) -> RuleChange
    ) async throws(WebError) {
        try await append(to: key, by: caller) { () async throws(WebError) in
            let new = try change(try await rule(id, of: key))
            return IAMRuleUpdated(rule: id, kind: new.kind, value: new.value, status: new.status)
        }
    }

    /// Takes a rule away.
    func delete(rule id: IAMRuleID, of key: APIKeyID, by caller: Caller) async throws(WebError) {
        try await append(to: key, by: caller) { () async throws(WebError) in
            _ = try await rule(id, of: key)
            return IAMRuleDeleted(rule: id)
        }
    }

    /// The rule, when it is one of the key's: a rule is never found by its own id alone.
    func rule(_ id: IAMRuleID, of key: APIKeyID) async throws(WebError) -> RuleRecord {
        guard let rule = try await rules(of: [key])[key]?.first(where: { $0.id == id }) else {
            throw WebError.notFound("The API key has no such rule.")
        }
        return rule
    }
}
