internal import FoundationEssentials
internal import JSON
internal import Ledger
internal import Postgres

extension Identity {
    /// What a single-use token is for.
    enum Purpose: String, Sendable {
        case emailVerification = "email_verification"
        case emailChange = "email_change"
        case passwordReset = "password_reset"
        case passkeyRegistration = "passkey_registration"
        case passkeySignIn = "passkey_sign_in"
        case providerSignIn = "provider_sign_in"

        var lifetime: Duration {
            switch self {
            case .emailVerification, .emailChange: .seconds(24 * 3600)
            case .passwordReset: .seconds(3600)
            case .passkeyRegistration, .passkeySignIn: .seconds(300)
            case .providerSignIn: .seconds(600)
            }
        }
    }

    /// What a token that was just used stands for.
    struct Used: Sendable {
        let user: UserID?
        let details: JSONValue
    }

    /// Makes a single-use token.
    func issue(_ purpose: Purpose, for user: UserID?, details: JSONValue = .object([])) async throws(IdentityError) -> SecretToken
    {
        let token = SecretToken()
        try await database {
            try await postgres.query(
                """
                INSERT INTO identity.verifications (kind, digest, user_id, details, expires_at)
                VALUES ($1, $2, $3, $4, clock_timestamp() + make_interval(secs => $5))
                """,
                [
                    .text(purpose.rawValue), .bytea(token.digest), user.map { .uuid($0.uuid) } ?? .null, .jsonb(details.bytes),
                    .float8(Double(purpose.lifetime.components.seconds)),
                ])
        }
        return token
    }

    /// Whose a token is that could be used now.
    func holder(of token: SecretToken, _ purposes: Purpose...) async throws(IdentityError) -> User? {
        try await database {
            try await postgres.query(
                """
                SELECT \(User.columns) FROM identity.verifications AS v JOIN identity.users AS u ON u.id = v.user_id
                WHERE v.kind = ANY ($1) AND v.digest = $2 AND v.expires_at > clock_timestamp()
                """, [.textArray(purposes.map(\.rawValue)), .bytea(token.digest)]
            ).first.map { try User($0) }
        }
    }

    /// Uses a token up. Nil when it is none of this purpose, used already, or past its time.
    func use(_ token: SecretToken, _ purpose: Purpose) async throws(IdentityError) -> Used? {
        try await database {
            try await postgres.withConnection { try await use(token, purpose, over: $0) }
        }
    }

    /// The same, on a connection that may be within a transaction.
    func use(_ token: SecretToken, _ purpose: Purpose, over connection: PostgresConnection) async throws -> Used? {
        let rows = try await connection.query(
            """
            DELETE FROM identity.verifications WHERE kind = $1 AND digest = $2
            RETURNING user_id, details::text, expires_at > clock_timestamp()
            """, [.text(purpose.rawValue), .bytea(token.digest)])
        guard let row = rows.first, try row.decode(2, as: Bool.self) else { return nil }
        let details = try row.decode(1, as: String.self)
        return Used(
            user: try row.decode(0, as: UUID?.self).map { UserID(uuid: $0) }, details: try JSONValue(Array(details.utf8)))
    }

    /// Makes every open token of this purpose worthless: a newer one, or a change, has taken its place.
    func revoke(_ purpose: Purpose, of user: UserID, over connection: PostgresConnection) async throws {
        try await connection.query(
            "DELETE FROM identity.verifications WHERE user_id = $1 AND kind = $2", [.uuid(user.uuid), .text(purpose.rawValue)])
    }
}
