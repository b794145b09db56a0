internal import Ledger
internal import Logging
internal import Mail
internal import Postgres

extension Identity {
    /// Makes an account with a password.
    ///
    /// Where mailboxes must be verified there is no session yet, and the answer is the same whether the address had an
    /// account: a person is told by mail. Otherwise the person is signed in at once, and an address that is taken is refused.
    ///
    /// - Returns: the person as they may be shown, and the session if there is one.
    func signUp(
        email: String, password: String, name: String?, callback: String?, _ caller: Caller
    ) async throws(IdentityError) -> (person: User, session: NewSession?) {
        try checkEmail(email)
        try checkName(name)
        try checkPassword(password)
        try await count(
            Attempt("sign-up address", configuration.limits.signUpOfAddress, address: caller.address),
            Attempt("sign-up account", configuration.limits.signUpOfAccount, account: email))
        let hash = try await hasher.hash(password, cost: configuration.passwordCost)
        let id = UserID.mint()
        guard configuration.requiresVerifiedEmail else {
            guard let person = try await insert(id, email: email, name: name, hash: hash) else {
                throw IdentityError(.userExists, status: 422, "User already exists", field: "email")
            }
            await welcome(person, caller)
            sendVerification(of: person, callback: callback)
            return (person, try await beginSession(for: person, by: hash, caller))
        }
        background.run("sign up") {
            if let person = try await insert(id, email: email, name: name, hash: hash) {
                await welcome(person, caller)
                try await mailVerification(of: person, callback: callback)
            } else if let person = try await user(email: email) {
                mail(.accountExists(email: person.email, pagesURL: configuration.pagesURL))
            }
        }
        return (User(id: id, email: email, name: name), nil)
    }

    /// Inserts a person; nil when somebody has the mailbox.
    func insert(
        _ id: UserID, email: String, name: String?, hash: PasswordHash?, isVerified: Bool = false
    ) async throws(IdentityError) -> User? {
        try await database {
            try await postgres.withTransaction { connection in
                let rows = try await connection.query(
                    """
                    INSERT INTO identity.users AS u (id, email, name, email_verified) VALUES ($1, $2, $3, $4)
                    ON CONFLICT DO NOTHING RETURNING \(User.columns)
                    """, [.uuid(id.uuid), .text(email), name.map { .text($0) } ?? .null, .bool(isVerified)])
                guard let row = rows.first else { return nil }
                let person = try User(row)
                if let hash { try await store(hash, of: id, over: connection) }
                return person
            }
        }
    }

    /// Sets a person's password.
    func store(_ hash: PasswordHash, of user: UserID, over connection: PostgresConnection) async throws {
        try await connection.query(
            """
            INSERT INTO identity.credentials (user_id, salt, hash, rounds, block_size, parallelism)
            VALUES ($1, $2, $3, $4, $5, $6)
            ON CONFLICT ON CONSTRAINT credentials_pkey DO UPDATE SET salt = excluded.salt, hash = excluded.hash,
                rounds = excluded.rounds, block_size = excluded.block_size, parallelism = excluded.parallelism,
                updated_at = clock_timestamp()
            """,
            [
                .uuid(user.uuid), .bytea(hash.salt), .bytea(hash.hash), .int4(Int32(clamping: hash.cost.rounds)),
                .int4(Int32(clamping: hash.cost.blockSize)), .int4(Int32(clamping: hash.cost.parallelism)),
            ])
    }

    /// Tells whoever composed the process that somebody came.
    func welcome(_ person: User, _ caller: Caller) async {
        do {
            try await hooks.signedUp(person, caller.referral)
        } catch {
            logger.warning("a new account could not be set up", metadata: ["user": "\(person.id)", "error": "\(error)"])
        }
    }
}
