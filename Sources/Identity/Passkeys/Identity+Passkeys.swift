internal import FoundationEssentials
internal import JSON
internal import Ledger
internal import Logging
internal import Postgres

extension Identity {
    var relyingParty: RelyingParty {
        RelyingParty(
            id: configuration.passkeyDomain ?? IdentityConfiguration.host(of: configuration.pagesURL) ?? "localhost",
            origins: configuration.origins, requiresUserVerification: configuration.requiresUserVerification)
    }

    static let maximumPasskeys = 20

    /// What an authenticator sends to register: the parts of a `RegistrationResponseJSON`, decoded.
    struct NewPasskey: Sendable {
        var clientData: [UInt8]
        var attestation: [UInt8]
        var transports: [String] = []
        var name: String?
    }

    /// What an authenticator sends to sign in: the parts of an `AuthenticationResponseJSON`, decoded.
    struct PasskeySignature: Sendable {
        var credentialID: [UInt8]
        var clientData: [UInt8]
        var authenticatorData: [UInt8]
        var signature: [UInt8]
        /// The id of the account, where the authenticator knows it.
        var userHandle: [UInt8]?
    }

    /// The passkeys of a person, oldest first.
    func passkeys(of user: UserID) async throws(IdentityError) -> [Passkey] {
        try await database {
            try await postgres.query(
                "SELECT \(Passkey.columns) FROM identity.passkeys AS p WHERE p.user_id = $1 ORDER BY p.id", [.uuid(user.uuid)]
            ).map { try Passkey($0) }
        }
    }

    /// Adds a passkey to the account of a signed-in person, whose mailbox is told if it is confirmed. However full that is: whoever
    /// took a session must not hide a way in that stays after it.
    func register(_ new: NewPasskey, for user: UserID) async throws(IdentityError) -> Passkey {
        try checkName(new.name)
        let registration: RelyingParty.Registration
        do throws(RelyingParty.Refusal) {
            registration = try relyingParty.registration(clientData: new.clientData, attestation: new.attestation)
        } catch {
            throw .passkey(error)
        }
        guard let used = try await use(registration.challenge, .passkeyRegistration), used.user == user else {
            throw .passkey(.init("the challenge is none of ours, or was used already"))
        }
        let credential = registration.credential
        let known = Set(["ble", "cable", "hybrid", "internal", "nfc", "smart-card", "usb"])
        let (passkey, mailbox): (Passkey, String?) = try await database {
            let rows = try await postgres.query(
                """
                INSERT INTO identity.passkeys AS p (id, user_id, credential_id, public_key, counter, name, transports, aaguid,
                    user_verified, multi_device, backed_up)
                SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11
                WHERE (SELECT count(*) FROM identity.passkeys AS o WHERE o.user_id = $2) < \(Self.maximumPasskeys)
                ON CONFLICT ON CONSTRAINT passkeys_credential DO NOTHING
                RETURNING \(Passkey.columns),
                    (SELECT u.email FROM identity.users AS u WHERE u.id = p.user_id AND u.email_verified)
                """,
                [
                    .uuid(UUIDv7.next()), .uuid(user.uuid), .bytea(credential.credentialID), .bytea(credential.publicKey),
                    .int8(Int64(registration.data.counter)), new.name.map { .text($0) } ?? .null,
                    .textArray(new.transports.filter(known.contains)), .uuid(credential.aaguid),
                    .bool(registration.data.isUserVerified), .bool(registration.data.isBackupEligible),
                    .bool(registration.data.isBackedUp),
                ])
            guard let row = rows.first else {
                throw IdentityError(.conflict, status: 409, "This passkey is registered already, or there are too many")
            }
            return (try Passkey(row), try row.decode(Passkey.columnCount))
        }
        if let mailbox { mail(.passkeyAdded(email: mailbox)) }
        return passkey
    }

    /// Signs in with a passkey.
    func signIn(_ given: PasskeySignature, _ caller: Caller) async throws(IdentityError) -> NewSession {
        try await count(Attempt("sign-in address", configuration.limits.signInOfAddress, address: caller.address))
        let assertion: RelyingParty.Assertion
        do throws(RelyingParty.Refusal) {
            assertion = try relyingParty.assertion(
                clientData: given.clientData, authenticatorData: given.authenticatorData, signature: given.signature)
        } catch {
            throw .passkey(error)
        }
        // Used up whatever comes of it: a challenge is good for one attempt.
        guard try await use(assertion.challenge, .passkeySignIn) != nil else {
            throw .passkey(.init("the challenge is none of ours, or was used already"))
        }
        let found: (Passkey, User)? = try await database {
            try await postgres.query(
                """
                SELECT \(Passkey.columns), \(User.columns)
                FROM identity.passkeys AS p JOIN identity.users AS u ON u.id = p.user_id WHERE p.credential_id = $1
                """, [.bytea(given.credentialID)]
            ).first.map { (try Passkey($0), try User($0, from: Passkey.columnCount)) }
        }
        // One answer for a passkey that is not known and for a signature that is not its: neither is anybody's to learn.
        guard let (passkey, person) = found, let cose = try? CBORReader.read(passkey.publicKey), let key = CredentialKey(cose),
            key.isValid(assertion.signature, over: assertion.message),
            given.userHandle.map({ ConstantTime.equal($0, Self.handle(of: person.id)) }) ?? true
        else { throw .passkey(.init("the passkey is not known")) }
        guard assertion.data.isUserVerified || !passkey.isUserVerified else {
            throw .passkey(.init("the person was not verified, as they were when the passkey was made"))
        }
        guard assertion.data.isBackupEligible == passkey.isMultiDevice else {
            throw .passkey(.init("the passkey is another one"))
        }
        if configuration.requiresVerifiedEmail, !person.isEmailVerified {
            throw IdentityError(.emailNotVerified, status: 403, "Email not verified")
        }
        let counter = assertion.data
        return try await database {
            try await postgres.withTransaction { connection in
                // Whoever takes the account over holds its row, and then there is no such passkey.
                try await connection.query("SELECT id FROM identity.users WHERE id = $1 FOR SHARE", [.uuid(person.id.uuid)])
                try await advance(passkey, to: counter, over: connection)
                return try await beginSession(for: person, caller, over: connection)
            }
        }
    }

    /// Takes the counter of a signature. One that is not above the last says that there are two of the authenticator, unless
    /// it counts at all times zero. Compared and stored by one statement, so that of two copies one is refused.
    private func advance(
        _ passkey: Passkey, to data: AuthenticatorData, over connection: PostgresConnection
    ) async throws {
        let advanced = try await connection.query(
            """
            UPDATE identity.passkeys SET counter = $2, backed_up = $3, last_used_at = clock_timestamp()
            WHERE id = $1 AND (counter < $2 OR counter = 0 AND $2 = 0) RETURNING id
            """, [.uuid(passkey.id.uuid), .int8(Int64(data.counter)), .bool(data.isBackedUp)])
        guard advanced.isEmpty else { return }
        logger.warning("a passkey was refused: its counter did not move", metadata: ["passkey": "\(passkey.id)"])
        throw IdentityError.passkey(.init("the passkey's counter did not move: there may be a copy of it"))
    }

    /// Removes one passkey of a person; one of somebody else's is not found.
    func removePasskey(_ id: PasskeyID, of user: UserID) async throws(IdentityError) -> Bool {
        try await database {
            try await postgres.query(
                "DELETE FROM identity.passkeys WHERE id = $1 AND user_id = $2", [.uuid(id.uuid), .uuid(user.uuid)]
            ).affected == 1
        }
    }

    /// Names one passkey of a person.
    func renamePasskey(_ id: PasskeyID, of user: UserID, to name: String) async throws(IdentityError) -> Passkey? {
        try checkName(name)
        return try await database {
            try await postgres.query(
                "UPDATE identity.passkeys AS p SET name = $3 WHERE p.id = $1 AND p.user_id = $2 RETURNING \(Passkey.columns)",
                [.uuid(id.uuid), .uuid(user.uuid), .text(name)]
            ).first.map { try Passkey($0) }
        }
    }

    /// WebAuthn's user handle: the 16 bytes of the account's id.
    static func handle(of user: UserID) -> [UInt8] { withUnsafeBytes(of: user.uuid.uuid) { Array($0) } }
}

extension IdentityError {
    static func passkey(_ refusal: RelyingParty.Refusal) -> IdentityError {
        IdentityError(.invalidPasskey, status: 401, "The passkey was not accepted: \(refusal.reason)")
    }
}
