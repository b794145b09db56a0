internal import Ledger
internal import Web

extension Management {
    /// How long an invitation can be accepted.
    static let inviteLife: Duration = .seconds(7 * 86_400)

    /// Invites an address; the person becomes a member by accepting.
    ///
    /// - Parameter count: Counts the invitation when nothing else stands in its way; throwing refuses it.
    /// - Throws: 400 for somebody who is a member or invited already, 403 for a role that the caller may not give.
    func invite(
        _ id: InviteID, email: String, role: MemberRole, to organization: OrganizationID, by caller: Caller,
        people: any SessionSource, count: () async throws(WebError) -> Void
    ) async throws(WebError) {
        var isCounted = false
        try await retrying { () async throws(WebError) -> Bool? in
            let standing = try await standing(of: .organization(organization), in: "organizations")
            let record = try await permitted(organization, .manageMembers, by: caller, stranger: Self.noAccess)
            try Self.mayGive(role, as: record.role)
            let members = try await members(of: organization)
            let known = try await people.people(members.map(\.user))
            guard !known.values.contains(where: { $0.email.lowercased() == email.lowercased() }) else {
                throw WebError.invalid("email", "This person is a member already.")
            }
            let open = try await pendingInvites(of: organization).filter(\.isOpen)
            guard !open.contains(where: { $0.email?.lowercased() == email.lowercased() }) else {
                throw WebError.invalid("email", "This person is invited already.")
            }
            let seats = PlanLimits(plan: record.plan).seats
            guard Int64(members.count + open.count) < seats else {
                throw WebError(403, "The plan \(record.plan) allows \(seats) members.", code: "limit_reached")
            }
            // Once, however often others are faster.
            if !isCounted { try await count() }
            isCounted = true
            let invited = MemberInvited(invite: id, role: role, expiresAt: Timestamp.now.advanced(by: Self.inviteLife))
            let done = try await commit(
                [
                    draft(
                        invited, .organization(organization), version: standing.version, organization: organization, by: caller,
                        texts: ["email": email])
                ], by: caller)
            return done.map { _ in true }
        }
    }

    /// Makes the caller a member.
    ///
    /// - Throws: 404 unless the caller has shown that the invited address is theirs: whose it is, nobody else learns.
    func accept(_ id: InviteID, to organization: OrganizationID, as person: Person?, by caller: Caller) async throws(WebError) {
        let missing = WebError.notFound("There is no such invitation.")
        try await retrying { () async throws(WebError) -> Bool? in
            let standing = try await standing(of: .organization(organization), in: "organizations")
            guard let person, person.isEmailVerified, let invite = try await invite(id, of: organization), invite.isOpen,
                invite.email?.lowercased() == person.email.lowercased()
            else { throw missing }
            guard try await !members(of: organization).contains(where: { $0.user == caller.user }) else {
                throw WebError(400, "You are a member already.")
            }
            let done = try await commit(
                [
                    draft(
                        MemberAdded(user: caller.user, role: invite.role, invite: id), .organization(organization),
                        version: standing.version, organization: organization, by: caller)
                ], by: caller)
            return done.map { _ in true }
        }
    }

    func withdraw(_ id: InviteID, of organization: OrganizationID, by caller: Caller) async throws(WebError) {
        try await retrying { () async throws(WebError) -> Bool? in
            let standing = try await standing(of: .organization(organization), in: "organizations")
            let record = try await permitted(organization, .manageMembers, by: caller, stranger: Self.noAccess)
            guard let invite = try await invite(id, of: organization), invite.status == "pending" else {
                throw WebError.notFound("There is no such invitation.")
            }
            try Self.mayGive(invite.role, as: record.role)
            let done = try await commit(
                [
                    draft(
                        MemberInviteWithdrawn(invite: id), .organization(organization), version: standing.version,
                        organization: organization, by: caller)
                ], by: caller)
            return done.map { _ in true }
        }
    }

    /// Gives a member another role.
    func change(
        member user: UserID, of organization: OrganizationID, role: MemberRole, by caller: Caller
    ) async throws(WebError) {
        try await changing(member: user, of: organization, to: role, by: caller) {
            record, member, owners throws(WebError) -> MemberRoleChanged? in
            try Self.mayGive(role, as: record.role)
            try Self.mayGive(member.role, as: record.role)
            if member.role == .owner, role != .owner, owners == 1 { throw Self.lastOwner }
            return member.role == role ? nil : MemberRoleChanged(user: user, role: role)
        }
    }

    /// Ends a membership; whoever is no owner or admin may end only their own.
    func remove(member user: UserID, from organization: OrganizationID, by caller: Caller) async throws(WebError) {
        try await changing(member: user, of: organization, to: nil, by: caller) {
            record, member, owners throws(WebError) -> MemberRemoved? in
            if user != caller.user { try Self.mayGive(member.role, as: record.role) }
            if member.role == .owner, owners == 1 { throw Self.lastOwner }
            return MemberRemoved(user: user)
        }
    }

    /// - Parameter role: What the member is after it; nil for no member.
    private func changing<Event: EventData>(
        member user: UserID, of organization: OrganizationID, to role: MemberRole?, by caller: Caller,
        _ decide: @Sendable (OrganizationRecord, MemberRecord, Int) throws(WebError) -> Event?
    ) async throws(WebError) {
        try await retrying { () async throws(WebError) -> Bool? in
            // The version that is expected below makes two owners who demote each other exclude each other.
            let standing = try await standing(of: .organization(organization), in: "organizations")
            let isLeaving = Event.self == MemberRemoved.self && user == caller.user
            let record = try await permitted(
                organization, isLeaving ? .read : .manageMembers, by: caller, stranger: Self.noAccess)
            let members = try await members(of: organization)
            guard let member = members.first(where: { $0.user == user }) else {
                throw WebError.notFound("The organization has no such member.")
            }
            guard let event = try decide(record, member, members.count { $0.role == .owner }) else { return true }
            let drafts = try await drafts(
                of: event, member: user, to: role, in: organization, version: standing.version, by: caller)
            return try await commit(drafts, by: caller).map { _ in true }
        }
    }

    /// A change of a member, and with it the end of the open invitations that they made and could not make any more: by one to
    /// another address of theirs they would come back as what they were.
    ///
    /// - Parameter role: What the member is after it; nil for no member.
    func drafts(
        of change: some EventData, member user: UserID, to role: MemberRole?, in organization: OrganizationID, version: Int64,
        by caller: Caller
    ) async throws(WebError) -> [Draft] {
        let stream = StreamName.organization(organization)
        var drafts = [try draft(change, stream, version: version, organization: organization, by: caller)]
        for invite in try await openInvites(to: organization, by: user) where !Self.mayInvite(as: invite.role, role) {
            drafts.append(
                try draft(
                    MemberInviteWithdrawn(invite: invite.id), stream, version: nil, organization: organization, by: caller))
        }
        return drafts
    }

    private static func mayInvite(as role: MemberRole, _ own: MemberRole?) -> Bool {
        guard let own, Permission.manageMembers.isGranted(to: own) else { return false }
        return isGiven(role, by: own)
    }

    private static let lastOwner = WebError(400, "An organization needs an owner.", code: "last_owner")

    /// An admin neither makes owners nor touches them.
    static func mayGive(_ role: MemberRole, as own: MemberRole) throws(WebError) {
        guard isGiven(role, by: own) else { throw WebError.forbidden("Only an owner can do this to an owner.") }
    }

    private static func isGiven(_ role: MemberRole, by own: MemberRole) -> Bool { role != .owner || own == .owner }
}
