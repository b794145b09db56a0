internal import Crypto
public import Ledger
internal import Mail
internal import Postgres
internal import Web

extension Identity {
    /// The people of these ids that have an account, in no order.
    public func users(_ ids: [UserID]) async throws(IdentityError) -> [User] {
        try await database {
            try await postgres.query(
                "SELECT \(User.columns) FROM identity.users AS u WHERE u.id = ANY ($1)", [.uuidArray(ids.map(\.uuid))]
            ).map { try User($0) }
        }
    }

    /// The person of an id, if the account is still there.
    public func user(_ id: UserID) async throws(IdentityError) -> User? { try await users([id]).first }

    /// The person who has this mailbox.
    public func user(email: String) async throws(IdentityError) -> User? {
        try await database {
            try await postgres.query(
                "SELECT \(User.columns) FROM identity.users AS u WHERE lower(u.email) = lower($1)", [.text(email)]
            ).first.map { try User($0) }
        }
    }

    /// Whether the person administers this installation: a verified mailbox that is on the list.
    public func isAdministrator(_ person: User) -> Bool {
        let email = person.email.lowercased()
        return person.isEmailVerified && configuration.administrators.contains { $0.lowercased() == email }
    }

    func countPeople() async throws(IdentityError) -> SignUps {
        try await database {
            let row = try await postgres.query(
                "SELECT count(*), count(*) FILTER (WHERE email_verified) FROM identity.users"
            ).first
            return SignUps(total: try row?.decode(0) ?? 0, verified: try row?.decode(1) ?? 0)
        }
    }

    /// Changes the name.
    func rename(_ user: UserID, to name: String?) async throws(IdentityError) {
        try checkName(name)
        try await database {
            try await postgres.query(
                "UPDATE identity.users SET name = $2, updated_at = clock_timestamp() WHERE id = $1",
                [.uuid(user.uuid), name.map { .text($0) } ?? .null])
        }
    }

    func completeOnboarding(_ user: UserID) async throws(IdentityError) {
        try await database {
            try await postgres.query(
                "UPDATE identity.users SET onboarding_completed = true, updated_at = clock_timestamp() WHERE id = $1",
                [.uuid(user.uuid)])
        }
    }

    /// Deletes a person: account, password, sessions, passkeys, links, mails that were kept. Events keep the id, which then names nobody.
    func delete(_ person: User) async throws(IdentityError) {
        try await hooks.beforeDeletion(person)
        try await database {
            try await postgres.query("DELETE FROM identity.users WHERE id = $1", [.uuid(person.id.uuid)])
        }
        await mailer.forget(person.email)
    }

    func checkName(_ name: String?) throws(IdentityError) {
        guard let name else { return }
        guard (1...255).contains(name.unicodeScalars.count),
            name.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F })
        else { throw .invalid("name", "The name must be 1 to 255 characters without control characters.") }
    }

    func checkEmail(_ email: String, field: String = "email") throws(IdentityError) {
        guard EmailText.isAddress(email) else { throw .invalid(field, "This is not an e-mail address.") }
    }

    func checkPassword(_ password: String, field: String = "password") throws(IdentityError) {
        guard password.unicodeScalars.count >= 8 else { throw .invalid(field, "The password must have at least 8 characters.") }
        guard password.utf8.count <= 512 else { throw .invalid(field, "The password must have at most 512 bytes.") }
    }
}
