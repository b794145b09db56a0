internal import JSON
internal import Ledger
internal import Postgres

extension Identity {
    /// Mails a new link to whoever has this mailbox and has not confirmed it; the answer never says whether anybody has.
    func requestVerification(email: String, callback: String?, _ caller: Caller) async throws(IdentityError) {
        try await countMail(email, caller)
        background.run("mail a verification") {
            guard let person = try await user(email: email), !person.isEmailVerified, try await mayMail(.verification, email)
            else { return }
            try await mailVerification(of: person, callback: callback)
        }
    }

    /// Confirms a mailbox, or a change of it, by the token of its mail, for whoever shows that the account is theirs.
    ///
    /// The token alone shows that somebody reads the mailbox, or that a program there opens links. The account may be another's
    /// who gave an address that is not theirs, so the token stays good until a session or the password of the account comes with
    /// it. Whoever reads the mailbox and has neither takes the account over by a new password.
    ///
    /// - Parameters:
    ///   - person: who is signed in, if anybody is.
    ///   - password: of the account, from somebody who is not.
    /// - Returns: the person as they are now.
    func verify(
        _ token: SecretToken, signedIn person: UserID?, password: String? = nil, _ caller: Caller
    ) async throws(IdentityError) -> User {
        guard let holder = try await holder(of: token, .emailVerification, .emailChange) else { throw .invalidToken }
        if holder.id != person { try await checkLinkPassword(password, of: holder, caller) }
        let outcome: (person: User, oldEmail: String?)? = try await database {
            try await postgres.withTransaction { connection in
                if let used = try await use(token, .emailVerification, over: connection) {
                    return try await confirm(used, over: connection).map { ($0, nil) }
                }
                guard let used = try await use(token, .emailChange, over: connection) else { return nil }
                return try await change(used, over: connection)
            }
        }
        guard let outcome else { throw .invalidToken }
        if let old = outcome.oldEmail { mail(.emailChanged(email: old)) }
        return outcome.person
    }

    private func checkLinkPassword(_ password: String?, of holder: User, _ caller: Caller) async throws(IdentityError) {
        guard let password else { throw .othersLink }
        guard try await isPassword(password, of: holder, caller) else {
            throw IdentityError(.invalidPassword, status: 400, "Invalid password", field: "password")
        }
    }

    private func confirm(_ used: Used, over connection: PostgresConnection) async throws -> User? {
        guard let user = used.user, let email = used.details["email"]?.text else { return nil }
        // The mailbox that was mailed to, which may not be the account's any more.
        let rows = try await connection.query(
            """
            UPDATE identity.users AS u SET email_verified = true, updated_at = clock_timestamp()
            WHERE u.id = $1 AND u.email = $2 RETURNING \(User.columns)
            """, [.uuid(user.uuid), .text(email)])
        guard let row = rows.first else { return nil }
        try await revoke(.emailVerification, of: user, over: connection)
        return try User(row)
    }

    private func change(_ used: Used, over connection: PostgresConnection) async throws -> (person: User, oldEmail: String?)? {
        guard let user = used.user, let email = used.details["email"]?.text, let old = used.details["old"]?.text else {
            return nil
        }
        let rows = try await connection.query(
            """
            UPDATE identity.users AS u SET email = $2, email_verified = true, updated_at = clock_timestamp()
            WHERE u.id = $1 AND u.email = $3
                AND NOT EXISTS (SELECT FROM identity.users AS o WHERE lower(o.email) = lower($2) AND o.id <> $1)
            RETURNING \(User.columns)
            """, [.uuid(user.uuid), .text(email), .text(old)])
        guard let row = rows.first else { return nil }
        for purpose in [Purpose.emailChange, .emailVerification, .passwordReset] {
            try await revoke(purpose, of: user, over: connection)
        }
        return (try User(row), old)
    }

    /// Mails a link to a new mailbox; the account uses it only when the link was opened. A mailbox that somebody else has
    /// gets no mail, and the answer does not say so.
    func requestEmailChange(of person: User, to email: String, field: String = "newEmail", callback: String?, _ caller: Caller)
        async throws(IdentityError)
    {
        try checkEmail(email, field: field)
        guard email != person.email else { throw .invalid(field, "This is the account's address already.") }
        try await countMail(email, caller)
        // By the person who asks: what strangers had sent there keeps nobody from an address of their own, and is not theirs to
        // know.
        try await count(
            Attempt("mail email change", configuration.limits.mailOfAccount, account: "\(person.id)\n\(email)"))
        background.run("mail a change of address") {
            if let other = try await self.user(email: email), other.id != person.id { return }
            guard try await mayMail(.emailChange, email) else { return }
            try await postgres.withConnection { try await revoke(.emailChange, of: person.id, over: $0) }
            let details = JSONValue.members([("email", .string(email)), ("old", .string(person.email))])
            let token = try await issue(.emailChange, for: person.id, details: details)
            mail(.emailChange(email: email, link: link("/auth/verify-email", token, callback: callback)))
        }
    }

    /// Mails a link that sets a new password, if anybody has this mailbox.
    ///
    /// - Parameter redirect: the page that asks for the new password; it gets `?token=`.
    func requestPasswordReset(email: String, redirect: String?, _ caller: Caller) async throws(IdentityError) {
        try await countMail(email, caller)
        background.run("mail a password reset") {
            guard let person = try await user(email: email), try await mayMail(.passwordReset, email) else { return }
            let token = try await issue(.passwordReset, for: person.id)
            let page = configuration.destination(redirect) ?? configuration.pagesURL + "/reset-password"
            let separator = page.contains("?") ? "&" : "?"
            mail(.passwordReset(email: person.email, link: "\(page)\(separator)token=\(token.secret)"))
        }
    }

    /// Sets a new password by the token of a mail, and ends every session. The token came by mail, so the mailbox is the
    /// person's; whatever else opens an account whose mailbox was not confirmed before may be somebody else's, and is removed.
    /// Passkeys of a confirmed one stay, and the person hears how many there are: one may be of whoever made them forget.
    func resetPassword(_ token: SecretToken, to password: String) async throws(IdentityError) {
        try checkPassword(password, field: "newPassword")
        // Hashing costs what a stranger's guess at a token must not.
        guard let holder = try await holder(of: token, .passwordReset) else { throw .invalidToken }
        let hash = try await hasher.hash(password, cost: configuration.passwordCost)
        let changed: (email: String, passkeys: Int64)? = try await handingOver(holder) {
            try await postgres.withTransaction { connection in
                guard let user = try await use(token, .passwordReset, over: connection)?.user,
                    let email = try await takeOver(user, hash: hash, over: connection)
                else { return nil }
                let counted = try await connection.query(
                    "SELECT count(*) FROM identity.passkeys WHERE user_id = $1", [.uuid(user.uuid)])
                return (email: email, passkeys: try counted[0].decode(0))
            }
        }
        guard let changed else { throw .invalidToken }
        mail(.passwordChanged(email: changed.email, passkeys: changed.passkeys))
    }
}
