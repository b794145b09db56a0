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
    /// - Throws: 202 when something is recorded and not obeyed yet.
    public func handOver(person user: UserID) async throws(WebError) {
        let caller = Caller(user: user, source: "hand-over")
        for organization in try await organizations(of: user) {
            let others = try await members(of: organization.id).filter { $0.user != user }
            if organization.role == .owner, !others.contains(where: { $0.role == .owner }) {
                try await clear(organization.id, of: others, by: caller)
            } else {
                try await deleteKeys(of: organization.id, mine: true, by: caller)
                try await remove(member: user, from: organization.id, by: caller)
            }
        }
        if try await organizations(of: user).isEmpty { try await welcome(user) }
    }

    /// Leaves an organization to its only owner.
    private func clear(
        _ organization: OrganizationID, of others: [MemberRecord], by owner: Caller
    ) async throws(WebError) {
        // First, so that nobody makes anew what is ended here.
        for other in others { try await remove(member: other.user, from: organization, by: owner) }
        for invite in try await pendingInvites(of: organization) {
            try await withdraw(invite.id, of: organization, by: owner)
        }
        try await deleteKeys(of: organization, mine: false, by: owner)
        // Requests would go where they lead. They may be the person's own too, and nobody could write them again.
        for key in try await providerKeys(of: organization, for: owner.user) where key.status == EntityStatus.active.rawValue {
            try await change(providerKey: key.id, status: .inactive, by: owner)
        }
    }
}
