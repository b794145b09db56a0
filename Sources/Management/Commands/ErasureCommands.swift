public import Ledger
internal import Logging
internal import Postgres
public import Web

/// People and organizations that want to be forgotten. What they did stays in the ledger, under ids that name nobody.
extension Management {
    /// Ends what a person has here, before the account itself is deleted: memberships, the API keys that they made, and
    /// organizations that have nobody else; and deletes what is written beside the ledger about them.
    ///
    /// It may be asked again when it has failed half-way.
    ///
    /// - Parameter verifiedEmail: The address, when it was shown to be theirs: it is then taken out of invitations and billing
    ///   details. An address that anybody could have typed must not touch what others wrote.
    /// - Throws: 400 while an organization with other members has no other owner; nothing is changed then.
    public func erase(person user: UserID, verifiedEmail: String?) async throws(WebError) {
        let caller = Caller(user: user, source: "erasure")
        let organizations = try await organizations(of: user)
        for organization in organizations { _ = try await departure(of: user, from: organization) }
        for organization in organizations { try await leave(organization.id, by: caller) }
        _ = try await commit(
            [draft(UserDeleted(), .user(user), version: nil, organization: nil, by: caller)], by: caller)
        do {
            try await erasure.erase(actor: user)
            _ = try await postgres.query("DELETE FROM management.chats WHERE user_id = $1", [.uuid(user.uuid)])
            guard let verifiedEmail else { return }
            let address = PostgresValue.text(verifiedEmail.lowercased())
            _ = try await postgres.query(
                "DELETE FROM management.texts WHERE body ? 'email' AND lower(body ->> 'email') = $1", [address])
            _ = try await postgres.query(
                """
                UPDATE management.texts SET body = body - 'billingEmail'
                WHERE organization = ANY ($2) AND lower(body ->> 'billingEmail') = $1
                """, [address, .uuidArray(organizations.map(\.id.uuid))])
        } catch {
            logger.warning("a person could not be erased", metadata: ["error": "\(error)"])
            throw Self.away
        }
    }

    /// Deletes what lies beside a deleted organization's events: names, billing details, credentials at once; bodies and
    /// annotations of its requests within minutes.
    func erase(organization: OrganizationID) async throws {
        _ = try await postgres.query("DELETE FROM management.texts WHERE organization = $1", [.uuid(organization.uuid)])
        _ = try await postgres.query(
            "DELETE FROM management.provider_secrets WHERE organization = $1", [.uuid(organization.uuid)])
        try await erasure.request(organization: organization)
    }

    private enum Departure {
        /// Others stay.
        case leaves
        /// Nobody is left.
        case closes
    }

    private func departure(of user: UserID, from organization: OrganizationRecord) async throws(WebError) -> Departure {
        let members = try await members(of: organization.id)
        if members.allSatisfy({ $0.user == user }) { return .closes }
        guard members.contains(where: { $0.role == .owner && $0.user != user }) || organization.role != .owner else {
            throw WebError(
                400,
                "You are the only owner of an organization that has other members: make somebody else an owner, or delete it.",
                code: "last_owner")
        }
        return .leaves
    }

    private func leave(_ id: OrganizationID, by caller: Caller) async throws(WebError) {
        let closed = try await retrying { () async throws(WebError) -> Bool? in
            let standing = try await standing(of: .organization(id), in: "organizations")
            guard let record = try await organization(id, for: caller.user) else { return false }
            let removed = MemberRemoved(user: caller.user)
            switch try await departure(of: caller.user, from: record) {
            case .closes:
                let done = try await commit(
                    [
                        draft(removed, .organization(id), version: standing.version, organization: id, by: caller),
                        draft(OrganizationDeleted(), .organization(id), version: nil, organization: id, by: caller),
                    ], by: caller)
                return done.map { _ in true }
            case .leaves:
                // While the person is still a member, as only members may.
                for key in try await keys(of: nil, for: caller.user, mine: true)
                where key.organization == id && key.status != "deleted" {
                    try await delete(key: key.id, by: caller)
                }
                let done = try await commit(
                    [draft(removed, .organization(id), version: standing.version, organization: id, by: caller)], by: caller)
                return done.map { _ in false }
            }
        }
        guard closed else { return }
        do { try await erase(organization: id) } catch {
            logger.warning("an organization could not be erased", metadata: ["error": "\(error)"])
            throw Self.away
        }
    }
}
