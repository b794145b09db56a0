public import Ledger
internal import Logging
internal import Postgres
public import Web

/// People and organizations that want to be forgotten. What they did stays in the ledger, under ids that name nobody.
extension Management {
    /// Ends what a person has here, before the account itself is deleted: memberships, the API keys that they made, and
    /// organizations that have nobody else; and deletes what is written beside the ledger about them, and beside the events of
    /// organizations that were deleted and have nobody else.
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
        // While it can be told where they belong.
        if let verifiedEmail { try await erase(billingEmail: verifiedEmail, of: user) }
        for organization in organizations { try await leave(organization.id, by: caller) }
        _ = try await commit(
            [draft(UserDeleted(), .user(user), version: nil, organization: nil, by: caller)], by: caller)
        try await erasing {
            // Of two members who go at once, the later one finds the other gone.
            for organization in try await abandoned(by: user) { try await erase(organization: organization) }
            try await erasure.erase(actor: user)
            _ = try await postgres.query("DELETE FROM management.chats WHERE user_id = $1", [.uuid(user.uuid)])
            guard let verifiedEmail else { return }
            _ = try await postgres.query(
                "DELETE FROM management.texts WHERE body ? 'email' AND lower(body ->> 'email') = $1",
                [.text(verifiedEmail.lowercased())])
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

    private func erasing(_ work: () async throws -> Void) async throws(WebError) {
        do { try await work() } catch {
            logger.warning("a person could not be erased", metadata: ["error": "\(error)"])
            throw Self.away
        }
    }

    /// Takes an address out of the billing details of every organization that its owner belongs to or ever changed anything in:
    /// who leaves one or deletes it leaves the address there.
    private func erase(billingEmail address: String, of user: UserID) async throws(WebError) {
        try await erasing {
            _ = try await postgres.query(
                """
                UPDATE management.texts SET body = body - 'billingEmail'
                WHERE lower(body ->> 'billingEmail') = $1 AND organization IN (
                    SELECT m.organization FROM organizations.members AS m WHERE m.user_id = $2
                    UNION
                    SELECT e.organization FROM ledger.events AS e
                    WHERE e.stream_kind <> 'request' AND e.metadata ? 'actor' AND e.metadata ->> 'actor' = $2::text)
                """, [.text(address.lowercased()), .uuid(user.uuid)])
        }
    }

    /// The deleted organizations of a person that have no other member with an account: those that they deleted, in this attempt
    /// to erase them or long before it, and those that others deleted beneath them.
    private func abandoned(by user: UserID) async throws -> [OrganizationID] {
        try await postgres.query(
            """
            SELECT d.organization
            FROM (
                SELECT e.organization FROM ledger.events AS e
                WHERE e.stream_kind <> 'request' AND e.metadata ? 'actor' AND e.metadata ->> 'actor' = $1::text
                    AND e.type = 'organization.deleted'
                UNION
                SELECT m.organization
                FROM organizations.members AS m JOIN organizations.organizations AS o ON o.organization = m.organization
                WHERE m.user_id = $1 AND o.status = 'deleted'
            ) AS d
            WHERE NOT EXISTS (
                SELECT FROM organizations.members AS m
                WHERE m.organization = d.organization AND m.user_id <> $1 AND NOT EXISTS (
                    SELECT FROM ledger.events AS u
                    WHERE u.stream_kind = 'user' AND u.stream_id = m.user_id AND u.type = 'user.deleted'))
            """, [.uuid(user.uuid)]
        ).map { OrganizationID(uuid: try $0.decode(0)) }
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
        try await retrying { () async throws(WebError) -> Bool? in
            let standing = try await standing(of: .organization(id), in: "organizations")
            guard let record = try await organization(id, for: caller.user) else { return true }
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
                try await deleteKeys(of: id, mine: true, by: caller)
                let drafts = try await drafts(
                    of: removed, member: caller.user, to: nil, in: id, version: standing.version, by: caller)
                return try await commit(drafts, by: caller).map { _ in true }
            }
        }
    }
}
