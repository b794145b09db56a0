internal import Hummingbird
internal import Ledger
internal import Web

extension ManagementRoutes {
    private struct NewMember: Decodable, Sendable {
        let email: String
        let role: MemberRole
    }

    private struct MemberPatch: Decodable, Sendable { let role: MemberRole }

    func addMembers(to router: Router<WebContext>) {
        router.get("/team/:id/members") { request, context in
            let caller = try await caller(request, context)
            let organization = try organization(of: context)
            let record = try await management.permitted(organization, .read, by: caller, stranger: Management.noAccess)
            let members = try await management.members(of: organization)
            let people = try await sessions.people(members.map(\.user))
            // Who was invited is for those who may invite.
            let invites =
                Permission.manageMembers.isGranted(to: record.role) ? try await management.pendingInvites(of: organization) : []
            return Response.json([
                "members": .array(members.map { $0.json(people[$0.user]) }), "invites": .array(invites.map(\.json)),
                "seatLimit": .integer(PlanLimits(plan: record.plan).seats),
            ])
        }
        router.post("/team/:id/members") { request, context in
            let caller = try await caller(request, context)
            let organization = try organization(of: context)
            let body = try await WebBody.read(NewMember.self, from: request)
            let email = try EmailText.check(body.email, field: "email")
            let id = InviteID.mint()
            try await management.invite(
                id, email: email, role: body.role, to: organization, by: caller, people: sessions
            ) { () async throws(WebError) in
                try await mayInvite(caller.user, organization)
            }
            invited(
                Invitation(
                    email: email, role: body.role, id: id.description, organization: organization.description))
            return Response.json([
                "message": "Invitation created successfully", "member": nil,
                "invite": (try await management.invite(id, of: organization))?.json ?? nil,
            ])
        }
        router.patch("/team/:id/members/:member") { request, context in
            let caller = try await caller(request, context)
            let organization = try organization(of: context)
            let user: UserID = try id("member", of: context)
            let body = try await WebBody.read(MemberPatch.self, from: request)
            try await management.change(member: user, of: organization, role: body.role, by: caller)
            let member = try await management.members(of: organization).first { $0.user == user }
            let people = try await sessions.people([user])
            return Response.json(["message": "Member role updated successfully", "member": member?.json(people[user]) ?? nil])
        }
        router.delete("/team/:id/members/:member") { request, context in
            let caller = try await caller(request, context)
            try await management.remove(
                member: try id("member", of: context), from: try organization(of: context), by: caller)
            return Response.json(["message": "Member removed successfully"])
        }
        router.delete("/team/:id/invites/:invite") { request, context in
            let caller = try await caller(request, context)
            try await management.withdraw(try id("invite", of: context), of: try organization(of: context), by: caller)
            return Response.json(["message": "Invitation withdrawn successfully"])
        }
        router.get("/user/me/invites") { request, context in
            let caller = try await caller(request, context)
            let person = try await sessions.people([caller.user])[caller.user]
            return Response.json(["invites": .array(try await management.invites(to: person).map(\.json))])
        }
        router.post("/team/:id/invites/:invite/accept") { request, context in
            let caller = try await caller(request, context)
            let person = try await sessions.people([caller.user])[caller.user]
            let organization: OrganizationID = try id("id", of: context)
            try await management.accept(try id("invite", of: context), to: organization, as: person, by: caller)
            let member = try await management.members(of: organization).first { $0.user == caller.user }
            return Response.json(["message": "Invitation accepted successfully", "member": member?.json(person) ?? nil])
        }
    }

    private func organization(of context: WebContext) throws(WebError) -> OrganizationID {
        try id("id", of: context, else: Management.noAccess)
    }
}
