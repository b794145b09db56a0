internal import Ledger
internal import Web

/// Rules of members: the ceiling over all keys that a member made. They stay when the member leaves, as the keys do: what a
/// person was not allowed, their keys must not be allowed because the person has gone.
extension Management {
    /// The rules of a member, for whoever may see them: owners and admins those of all, a member their own.
    func memberRules(
        of user: UserID, in organization: OrganizationID, by caller: Caller
    ) async throws(WebError) -> [RuleRecord] {
        let record = try await permitted(
            organization, user == caller.user ? .read : .manageMembers, by: caller, stranger: Self.noAccess)
        _ = try await member(user, of: record.id)
        return try await memberRules(of: user, in: organization)
    }

    /// Adds a rule to a member.
    func addRule(_ rule: MemberRuleCreated, in organization: OrganizationID, by caller: Caller) async throws(WebError) {
        try await changingRules(of: rule.user, in: organization, by: caller) { rules throws(WebError) -> MemberRuleCreated? in
            guard rules.count < Self.mostRules else {
                throw WebError(400, "A member can have \(Self.mostRules) rules.", code: "limit_reached")
            }
            return rule
        }
    }

    /// Changes a rule of a member.
    func change(
        rule id: IAMRuleID, ofMember user: UserID, in organization: OrganizationID, by caller: Caller,
        _ change: @Sendable (RuleRecord) throws(WebError) -> RuleChange
    ) async throws(WebError) {
        try await changingRules(of: user, in: organization, by: caller) { rules throws(WebError) -> MemberRuleUpdated? in
            let new = try change(try Self.rule(id, among: rules))
            return MemberRuleUpdated(user: user, rule: id, kind: new.kind, value: new.value, status: new.status)
        }
    }

    /// Takes a rule of a member away.
    func delete(
        rule id: IAMRuleID, ofMember user: UserID, in organization: OrganizationID, by caller: Caller
    ) async throws(WebError) {
        try await changingRules(of: user, in: organization, by: caller) { rules throws(WebError) -> MemberRuleDeleted? in
            _ = try Self.rule(id, among: rules)
            return MemberRuleDeleted(user: user, rule: id)
        }
    }

    /// The rule, when it is one of these: a rule is never found by its own id alone.
    static func rule(_ id: IAMRuleID, among rules: [RuleRecord]) throws(WebError) -> RuleRecord {
        guard let rule = rules.first(where: { $0.id == id }) else { throw WebError.notFound("There is no such rule.") }
        return rule
    }

    private func changingRules<Event: EventData>(
        of user: UserID, in organization: OrganizationID, by caller: Caller,
        _ decide: @Sendable ([RuleRecord]) throws(WebError) -> Event?
    ) async throws(WebError) {
        try await retrying { () async throws(WebError) -> Bool? in
            let standing = try await standing(of: .organization(organization), in: "organizations")
            let record = try await permitted(organization, .manageMembers, by: caller, stranger: Self.noAccess)
            let member = try await member(user, of: organization)
            try Self.mayGive(member.role, as: record.role)
            guard let event = try decide(try await memberRules(of: user, in: organization)) else { return true }
            let done = try await commit(
                [draft(event, .organization(organization), version: standing.version, organization: organization, by: caller)],
                by: caller)
            return done.map { _ in true }
        }
    }

    private func member(_ user: UserID, of organization: OrganizationID) async throws(WebError) -> MemberRecord {
        guard let member = try await members(of: organization).first(where: { $0.user == user }) else {
            throw WebError.notFound("The organization has no such member.")
        }
        return member
    }
}
