internal import Hummingbird
internal import Ledger
internal import Web

extension ManagementRoutes {
    /// The rules of members, `/team/{organization}/members/{member}/iam`; the member `me` is the caller.
    func addMemberRules(to router: Router<WebContext>) {
        router.get("/team/:id/members/:member/iam") { request, context in
            let caller = try await caller(request, context)
            let (organization, user) = try member(of: context, caller)
            let rules = try await management.memberRules(of: user, in: organization, by: caller)
            return Response.json(["rules": .array(rules.map(\.json))])
        }
        router.post("/team/:id/members/:member/iam") { request, context in
            let caller = try await caller(request, context)
            let (organization, user) = try member(of: context, caller)
            let body = try await WebBody.read(NewRule.self, from: request)
            let rule = MemberRuleCreated(
                user: user, rule: .mint(), kind: body.ruleType, value: try body.ruleValue.value(for: body.ruleType),
                status: body.status ?? .active)
            try await checkProviders(of: body.ruleValue, in: organization, caller)
            try await management.addRule(rule, in: organization, by: caller)
            return try await shown(rule.rule, user, organization, "IAM rule created successfully")
        }
        router.patch("/team/:id/members/:member/iam/:rule") { request, context in
            let caller = try await caller(request, context)
            let (organization, user) = try member(of: context, caller)
            let rule: IAMRuleID = try id("rule", of: context)
            let body = try await WebBody.read(RulePatch.self, from: request)
            try await checkProviders(of: body.ruleValue, in: organization, caller)
            try await management.change(
                rule: rule, ofMember: user, in: organization, by: caller,
                { (record) throws(WebError) in try body.change(of: record) })
            return try await shown(rule, user, organization, "IAM rule updated successfully")
        }
        router.delete("/team/:id/members/:member/iam/:rule") { request, context in
            let caller = try await caller(request, context)
            let (organization, user) = try member(of: context, caller)
            try await management.delete(rule: try id("rule", of: context), ofMember: user, in: organization, by: caller)
            return Response.json(["message": "IAM rule deleted successfully"])
        }
    }

    private func member(of context: WebContext, _ caller: Caller) throws(WebError) -> (OrganizationID, UserID) {
        let organization: OrganizationID = try id("id", of: context, else: Management.noAccess)
        if context.part("member") == "me" { return (organization, caller.user) }
        return (organization, try id("member", of: context))
    }

    private func shown(
        _ id: IAMRuleID, _ user: UserID, _ organization: OrganizationID, _ message: String
    ) async throws(WebError) -> Response {
        let rule = try Management.rule(id, among: try await management.memberRules(of: user, in: organization))
        return Response.json(["message": .string(message), "rule": rule.json])
    }
}
