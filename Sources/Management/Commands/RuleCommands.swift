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
        _ = try await changeable(key, by: caller)
        guard try await rules(of: [key])[key, default: []].count < Self.mostRules else {
            throw WebError(400, "A key can have \(Self.mostRules) rules.", code: "limit_reached")
        }
        try await append(rule, to: key, by: caller)
    }

    /// Changes a rule of a key.
    ///
    /// - Parameter check: Looks at the rule as it will be; a type without its value is refused.
    func change(
        rule id: IAMRuleID, of key: APIKeyID, by caller: Caller,
        _ change: @Sendable (RuleRecord) throws(WebError) -> RuleChange?
    ) async throws(WebError) {
        try await retrying { () async throws(WebError) -> Bool? in
            let standing = try await standing(of: .apiKey(key), in: "keys")
            let record = try await changeable(key, by: caller)
            guard let change = try change(try await rule(id, of: key)) else { return true }
            let event = IAMRuleUpdated(rule: id, kind: change.kind, value: change.value, status: change.status)
            let done = try await commit(
                [draft(event, .apiKey(key), version: standing.version, organization: record.organization, by: caller)], by: caller
            )
            return done.map { _ in true }
        }
    }

    /// Takes a rule away.
    func delete(rule id: IAMRuleID, of key: APIKeyID, by caller: Caller) async throws(WebError) {
        try await retrying { () async throws(WebError) -> Bool? in
            let standing = try await standing(of: .apiKey(key), in: "keys")
            let record = try await changeable(key, by: caller)
            _ = try await rule(id, of: key)
            let done = try await commit(
                [
                    draft(
                        IAMRuleDeleted(rule: id), .apiKey(key), version: standing.version, organization: record.organization,
                        by: caller)
                ], by: caller)
            return done.map { _ in true }
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
