internal import Ledger
internal import Postgres

/// Accounts whose mailbox was not confirmed, when somebody proves to read it: whoever made them may be somebody else.
extension Identity {
    /// Runs `body`, which takes over an account whose mailbox somebody has proved to read, after all that others had of it was ended.
    ///
    /// - Throws: 503 while another proof does the same, because what it ends last may be what the person made already, let in by the
    ///   first; and while as many other accounts are handed over as may be.
    func handingOver<R: Sendable>(_ person: User, _ body: () async throws -> R) async throws(IdentityError) -> R {
        try await database {
            guard !person.isEmailVerified else { return try await body() }
            guard handOverPlaces.take() else { throw IdentityError.contended }
            defer { handOverPlaces.leave() }
            // The transaction is only there for the lock, which ends with it, whatever becomes of the rest.
            return try await postgres.withTransaction { connection in
                let rows = try await connection.query(
                    "SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0))", [.text("hand-over \(person.id)")])
                guard try rows[0].decode(0, as: Bool.self) else { throw IdentityError.contended }
                try await vacate(person)
                return try await body()
            }
        }
    }

    /// Ends, before ``takeOver(_:hash:over:)``, everything by which others could be in an account whose mailbox was not confirmed,
    /// here and elsewhere; one that was is left as it is.
    ///
    /// What happens elsewhere is in no transaction with what happens here, so it comes first: when it fails, nobody has the
    /// account, and it begins again with the next proof.
    func vacate(_ person: User) async throws(IdentityError) {
        guard !person.isEmailVerified else { return }
        let isEmpty: Bool = try await database {
            try await postgres.withTransaction { connection in
                guard let state = try await lock(person.id, over: connection), !state.isVerified else { return false }
                try await removeWaysIn(of: person.id, over: connection)
                try await endSessions(of: person.id, over: connection)
                return true
            }
        }
        // Before, somebody in it could have made anew what is ended.
        if isEmpty { try await hooks.beforeHandOver(person) }
    }

    /// Gives an account to whoever has proved to read its mailbox: ends all sessions and, if the mailbox was not confirmed
    /// before, removes every other way in.
    ///
    /// - Parameter hash: the new password, nil to leave it, or to remove that of an unconfirmed account.
    /// - Returns: the account's mailbox; nil when the account is gone.
    /// - Throws: 503 when somebody came in after ``vacate(_:)``: by a passkey that was being checked at that moment.
    func takeOver(_ user: UserID, hash: PasswordHash?, over connection: PostgresConnection) async throws -> String? {
        guard let state = try await lock(user, over: connection) else { return nil }
        let ended = try await endSessions(of: user, over: connection)
        if !state.isVerified {
            guard ended == 0 else { throw IdentityError.contended }
            try await removeWaysIn(of: user, over: connection)
            try await connection.query(
                "UPDATE identity.users SET email_verified = true, updated_at = clock_timestamp() WHERE id = $1",
                [.uuid(user.uuid)])
        }
        if let hash { try await store(hash, of: user, over: connection) }
        try await revoke(.passwordReset, of: user, over: connection)
        for purpose in Self.purposesWithin { try await revoke(purpose, of: user, over: connection) }
        return state.email
    }

    private static let purposesWithin = [Purpose.emailVerification, .emailChange, .passkeyRegistration]

    private func lock(
        _ user: UserID, over connection: PostgresConnection
    ) async throws -> (email: String, isVerified: Bool)? {
        let rows = try await connection.query(
            "SELECT email, email_verified FROM identity.users WHERE id = $1 FOR UPDATE", [.uuid(user.uuid)])
        guard let row = rows.first else { return nil }
        return (email: try row.decode(0), isVerified: try row.decode(1))
    }

    private func removeWaysIn(of user: UserID, over connection: PostgresConnection) async throws {
        for table in ["credentials", "passkeys", "accounts"] {
            try await connection.query("DELETE FROM identity.\(table) WHERE user_id = $1", [.uuid(user.uuid)])
        }
        for purpose in Self.purposesWithin { try await revoke(purpose, of: user, over: connection) }
    }

    /// - Returns: how many went on.
    @discardableResult
    private func endSessions(of user: UserID, over connection: PostgresConnection) async throws -> Int {
        try await connection.query("DELETE FROM identity.sessions WHERE user_id = $1", [.uuid(user.uuid)]).affected
    }
}
