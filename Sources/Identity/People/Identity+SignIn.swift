internal import Ledger
internal import Logging
internal import Postgres

extension Identity {
    /// Signs in with a password. Every wrong guess gets the same answer after the same work, whether there is an account,
    /// whether it has a password, and whether it is verified.
    func signIn(email: String, password: String, callback: String?, _ caller: Caller) async throws(IdentityError) -> NewSession {
        guard email.utf8.count <= 254, !email.utf8.contains(0) else { throw .invalid("email", "This is not an e-mail address.") }
        guard password.utf8.count <= 512 else { throw .wrongCredentials }
        let counted = try await countPassword(of: email, caller)
        let known = try await credential(email: email)
        let isRight = try await hasher.verify(password, against: known?.hash, cost: configuration.passwordCost)
        guard isRight, let known, let stored = known.hash else { throw .wrongCredentials }
        try await forget(counted)
        if configuration.requiresVerifiedEmail, !known.person.isEmailVerified {
            repeatVerification(of: known.person, callback: callback)
            throw IdentityError(.emailNotVerified, status: 403, "Email not verified")
        }
        if stored.cost != configuration.passwordCost { await rehash(password, of: known.person, instead: stored) }
        return try await beginSession(for: known.person, by: stored, caller)
    }

    /// Begins a session for who has shown a password, if it is the account's still: checking it takes its time, and meanwhile it
    /// may have been changed, or the account may have gone to somebody else.
    ///
    /// - Parameter shown: The hash that the password was checked against.
    func beginSession(for person: User, by shown: PasswordHash, _ caller: Caller) async throws(IdentityError) -> NewSession {
        try await database {
            try await postgres.withTransaction { connection in
                guard try await hold(shown, of: person.id, "SHARE", over: connection) else {
                    throw IdentityError.wrongCredentials
                }
                return try await beginSession(for: person, caller, over: connection)
            }
        }
    }

    /// Holds a password that was shown, until the transaction ends. The account's row comes first, as for whoever takes the account
    /// over or deletes it; a change of the password holds no more than that.
    ///
    /// - Parameter strength: `SHARE`, or `UPDATE` for who changes it.
    /// - Returns: Whether it is the account's still.
    private func hold(
        _ shown: PasswordHash, of user: UserID, _ strength: String, over connection: PostgresConnection
    ) async throws -> Bool {
        try await connection.query("SELECT id FROM identity.users WHERE id = $1 FOR SHARE", [.uuid(user.uuid)])
        return try await connection.query(
            "SELECT user_id FROM identity.credentials WHERE user_id = $1 AND salt = $2 FOR \(strength)",
            [.uuid(user.uuid), .bytea(shown.salt)]
        ).first != nil
    }

    /// Whether this is the person's password; false for one who has none.
    func isPassword(_ password: String, of person: User, _ caller: Caller) async throws(IdentityError) -> Bool {
        try await shown(password, of: person, caller) != nil
    }

    /// What a password was checked against; nil where it is not the person's.
    private func shown(_ password: String, of person: User, _ caller: Caller) async throws(IdentityError) -> PasswordHash? {
        let counted = try await countPassword(of: person.email, caller)
        guard password.utf8.count <= 512 else { return nil }
        let stored = try await credential(email: person.email)?.hash
        guard try await hasher.verify(password, against: stored, cost: configuration.passwordCost) else { return nil }
        try await forget(counted)
        return stored
    }

    /// Changes the password and ends the other sessions; the one that asked goes on under a new token.
    func changePassword(
        of person: User, from current: String, to new: String, field: String = "newPassword", _ caller: Caller
    ) async throws(IdentityError) -> NewSession {
        try checkPassword(new, field: field)
        guard let shown = try await shown(current, of: person, caller) else { throw .wrongPassword }
        let hash = try await hasher.hash(new, cost: configuration.passwordCost)
        let session = try await replace(shown, with: hash, of: person, caller)
        mail(.passwordChanged(email: person.email))
        return session
    }

    /// Stores a password in the place of one that was shown, and ends all sessions but the one that it begins.
    func replace(
        _ shown: PasswordHash, with hash: PasswordHash, of person: User, _ caller: Caller
    ) async throws(IdentityError) -> NewSession {
        try await database {
            try await postgres.withTransaction { connection in
                // It takes its time to check one and to hash the other: the account may be somebody else's by now.
                guard try await hold(shown, of: person.id, "UPDATE", over: connection) else {
                    throw IdentityError.wrongPassword
                }
                try await store(hash, of: person.id, over: connection)
                // Whoever knew the old one may have asked for a change of the mailbox.
                for purpose in [Purpose.passwordReset, .emailChange, .passkeyRegistration] {
                    try await revoke(purpose, of: person.id, over: connection)
                }
                try await connection.query("DELETE FROM identity.sessions WHERE user_id = $1", [.uuid(person.id.uuid)])
                return try await beginSession(for: person, caller, over: connection)
            }
        }
    }

    /// The account of a mailbox with its password, if it has one.
    func credential(email: String) async throws(IdentityError) -> (person: User, hash: PasswordHash?)? {
        try await database {
            let rows = try await postgres.query(
                """
                SELECT \(User.columns), c.salt, c.hash, c.rounds, c.block_size, c.parallelism
                FROM identity.users AS u LEFT JOIN identity.credentials AS c ON c.user_id = u.id
                WHERE lower(u.email) = lower($1)
                """, [.text(email)])
            guard let row = rows.first else { return nil }
            let first = User.columnCount
            guard let salt = try row.decode(first, as: [UInt8]?.self) else { return (try User(row), nil) }
            let cost = PasswordCost(
                rounds: Int(try row.decode(first + 2, as: Int32.self)), blockSize: Int(try row.decode(first + 3, as: Int32.self)),
                parallelism: Int(try row.decode(first + 4, as: Int32.self)))
            return (try User(row), PasswordHash(cost: cost, salt: salt, hash: try row.decode(first + 1)))
        }
    }

    /// Stores the password under the present cost, if it is the account's still. Failing at it keeps nobody out: the old hash is as
    /// right as before.
    func rehash(_ password: String, of person: User, instead old: PasswordHash) async {
        do {
            // Under the same salt: it tells other sign-ins that the password is the one that they checked.
            let hash = try await hasher.hash(password, cost: configuration.passwordCost, salt: old.salt)
            try await postgres.query(
                """
                UPDATE identity.credentials
                SET hash = $3, rounds = $4, block_size = $5, parallelism = $6, updated_at = clock_timestamp()
                WHERE user_id = $1 AND salt = $2
                """,
                [
                    .uuid(person.id.uuid), .bytea(old.salt), .bytea(hash.hash), .int4(Int32(clamping: hash.cost.rounds)),
                    .int4(Int32(clamping: hash.cost.blockSize)), .int4(Int32(clamping: hash.cost.parallelism)),
                ])
        } catch {
            logger.info("a password was not hashed anew", metadata: ["error": "\(error)"])
        }
    }
}
