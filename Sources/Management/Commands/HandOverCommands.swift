public import Ledger
public import Web

/// Accounts that go from whoever made them to whoever reads their mailbox.
extension Management {
    /// Ends what an account has opened to others, before another person has it: whoever made it gave an address that they never
    /// showed to be theirs, and would go on spending by an API key, or come back by another account that they made an owner.
    ///
    /// Who has the account stays in organizations that only it owns, because the credits there may be theirs, alone and without
    /// keys; those that somebody else owns as well it leaves.
    ///
    /// It may be asked again when it has failed half-way.
    ///
    /// - Throws: 202 when something is recorded and not obeyed yet, 503 when others go on changing what is to be ended.
    public func handOver(person user: UserID) async throws(WebError) {
        let caller = Caller(user: user, source: "hand-over")
        for _ in 0..<Self.handOverRounds {
            // Members who are still there invite others, and who was invited comes in, until they are found out.
            if try await endNext(of: caller) { continue }
            if try await organizations(of: user).isEmpty { try await welcome(user) }
            return
        }
        throw WebError.unavailable("Others change the account's organizations at the same moment; try again shortly.")
    }

    private static let handOverRounds = 5

    /// Ends what is there now.
    ///
    /// - Returns: Whether there was anything.
    private func endNext(of caller: Caller) async throws(WebError) -> Bool {
        try await catchUp()
        var isFound = false
        for organization in try await organizations(of: caller.user) {
            let isShared = try await members(of: organization.id).contains { $0.user != caller.user && $0.role == .owner }
            if organization.role == .owner, !isShared {
                if try await clear(organization.id, by: caller) { isFound = true }
            } else {
                try await depart(from: organization.id, by: caller)
                isFound = true
            }
        }
        return isFound
    }

    private func depart(from organization: OrganizationID, by caller: Caller) async throws(WebError) {
        try await unlessOvertaken { () async throws(WebError) in
            try await deleteKeys(of: organization, mine: true, by: caller)
            try await remove(member: caller.user, from: organization, by: caller)
        }
    }

    /// Leaves an organization to its only owner.
    ///
    /// - Returns: Whether anybody or anything else was in it.
    private func clear(_ organization: OrganizationID, by owner: Caller) async throws(WebError) -> Bool {
        // The invitations come first, so that nobody comes in while others are sent away; then the members, so that nobody makes
        // anew what is ended below.
        let invites = try await pendingInvites(of: organization)
        for invite in invites {
            try await unlessOvertaken { () async throws(WebError) in
                try await withdraw(invite.id, of: organization, by: owner)
            }
        }
        let others = try await members(of: organization).filter { $0.user != owner.user }
        for other in others {
            try await unlessOvertaken { () async throws(WebError) in
                try await remove(member: other.user, from: organization, by: owner)
            }
        }
        var hadKeys = true
        try await unlessOvertaken { () async throws(WebError) in
            hadKeys = try await deleteKeys(of: organization, mine: false, by: owner) > 0
        }
        // Requests would go where they lead. They may be the person's own too, and nobody could write them again.
        let providerKeys = try await providerKeys(of: organization, for: owner.user).filter {
            $0.status == EntityStatus.active.rawValue
        }
        for key in providerKeys {
            try await unlessOvertaken { () async throws(WebError) in
                try await change(providerKey: key.id, status: .inactive, by: owner)
            }
        }
        return hadKeys || !invites.isEmpty || !others.isEmpty || !providerKeys.isEmpty
    }

    /// Takes a step that may be refused because somebody else was faster: the next round looks at what is left.
    private func unlessOvertaken(_ step: () async throws(WebError) -> Void) async throws(WebError) {
        do throws(WebError) {
            try await step()
        } catch {
            guard [400, 403, 404].contains(error.status) else { throw error }
        }
    }
}
