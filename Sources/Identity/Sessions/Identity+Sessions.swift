internal import Ledger
internal import Postgres

extension Identity {
    /// Who shows this token, or nil when it is none of ours, revoked or past its time. Using a session renews it.
    func session(_ token: SecretToken) async throws(IdentityError) -> (person: User, session: Session)? {
        try await database {
            let columns = "s.id, s.created_at, s.renewed_at, s.expires_at, s.address, s.user_agent"
            let rows = try await postgres.query(
                """
                SELECT \(columns), \(User.columns) FROM identity.sessions AS s JOIN identity.users AS u ON u.id = s.user_id
                WHERE s.token_digest = $1 AND s.expires_at > clock_timestamp()
                """, [.bytea(token.digest)])
            guard let row = rows.first else { return nil }
            let person = try User(row, from: 6)
            var session = try Session(row)
            if Timestamp.now > session.renewedAt.advanced(by: IdentityConfiguration.sessionRenewal) {
                let renewed = try await postgres.query(
                    """
                    UPDATE identity.sessions AS s
                    SET renewed_at = clock_timestamp(), expires_at = clock_timestamp() + make_interval(secs => $2)
                    WHERE s.id = $1 RETURNING \(columns)
                    """, [.uuid(session.id.uuid), .float8(Self.lifetimeSeconds)])
                // Revoked in between.
                guard let row = renewed.first else { return nil }
                session = try Session(row)
            }
            return (person, session)
        }
    }

    /// Begins a session with a new token, and ends the one whose token the client showed: what was planted in a browser
    /// before a person signed in is worth nothing after.
    func beginSession(for person: User, _ caller: Caller, over connection: PostgresConnection) async throws -> NewSession {
        let token = SecretToken()
        var before: UserID?
        if let old = caller.token {
            let ended = try await connection.query(
                "DELETE FROM identity.sessions WHERE token_digest = $1 RETURNING user_id", [.bytea(old.digest)])
            before = try ended.first.map { UserID(uuid: try $0.decode(0)) }
        }
        let rows = try await connection.query(
            """
            INSERT INTO identity.sessions AS s (id, user_id, token_digest, expires_at, address, user_agent)
            VALUES ($1, $2, $3, clock_timestamp() + make_interval(secs => $4), $5, $6)
            RETURNING s.id, s.created_at, s.renewed_at, s.expires_at, s.address, s.user_agent
            """,
            [
                .uuid(UUIDv7.next()), .uuid(person.id.uuid), .bytea(token.digest), .float8(Self.lifetimeSeconds),
                caller.address.map { .text($0) } ?? .null, caller.userAgent.map { .text(Self.stored($0)) } ?? .null,
            ])
        guard let row = rows.first else { throw IdentityError.unavailable }
        return NewSession(session: try Session(row), token: token, person: person, before: before)
    }

    /// Begins a session.
    func beginSession(for person: User, _ caller: Caller) async throws(IdentityError) -> NewSession {
        try await database {
            try await postgres.withTransaction { try await beginSession(for: person, caller, over: $0) }
        }
    }

    /// The sessions of a person that go on, newest first.
    func sessions(of user: UserID) async throws(IdentityError) -> [Session] {
        try await database {
            try await postgres.query(
                """
                SELECT s.id, s.created_at, s.renewed_at, s.expires_at, s.address, s.user_agent FROM identity.sessions AS s
                WHERE s.user_id = $1 AND s.expires_at > clock_timestamp() ORDER BY s.renewed_at DESC LIMIT 100
                """, [.uuid(user.uuid)]
            ).map { try Session($0) }
        }
    }

    /// Ends the session of a token; one that is none changes nothing.
    func endSession(_ token: SecretToken) async throws(IdentityError) {
        try await database {
            try await postgres.query("DELETE FROM identity.sessions WHERE token_digest = $1", [.bytea(token.digest)])
        }
    }

    /// Ends the sessions of a person, but for the one that is given.
    func endSessions(of user: UserID, except kept: SessionID? = nil) async throws(IdentityError) {
        try await database {
            try await postgres.query(
                "DELETE FROM identity.sessions WHERE user_id = $1 AND id IS DISTINCT FROM $2",
                [.uuid(user.uuid), kept.map { .uuid($0.uuid) } ?? .null])
        }
    }

    private static let lifetimeSeconds = Double(IdentityConfiguration.sessionLifetime.components.seconds)

    /// A user agent as it is kept: no control characters, not longer than anyone reads.
    private static func stored(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.filter { $0.value >= 0x20 && $0.value != 0x7F }.prefix(255)))
    }
}

extension Session {
    init(_ row: PostgresRow) throws {
        func time(_ column: Int) throws -> Timestamp {
            Timestamp(microseconds: try row.decode(column, as: PostgresTimestamp.self).microseconds)
        }
        self.init(
            id: SessionID(uuid: try row.decode(0)), createdAt: try time(1), renewedAt: try time(2), expiresAt: try time(3),
            address: try row.decode(4), userAgent: try row.decode(5))
    }
}
