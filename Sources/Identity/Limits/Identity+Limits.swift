internal import Crypto
internal import Postgres
internal import Web

extension Identity {
    /// Something that is counted: a scope with the address or the account within it.
    struct Attempt: Sendable {
        let scope: String
        let limit: RateLimit
        let key: [UInt8]

        init(_ scope: String, _ limit: RateLimit, address: String?) {
            self.init(scope, limit, subject: Attempt.client(address))
        }

        init(_ scope: String, _ limit: RateLimit, account: String) {
            self.init(scope, limit, subject: Array(account.lowercased().utf8))
        }

        /// The account as one client tries it.
        init(_ scope: String, _ limit: RateLimit, account: String, address: String?) {
            self.init(scope, limit, subject: Array("\(account.lowercased())\n".utf8) + Attempt.client(address))
        }

        private init(_ scope: String, _ limit: RateLimit, subject: [UInt8]) {
            self.scope = scope
            self.limit = limit
            key = Array(SHA256.hash(data: subject))
        }

        private static func client(_ address: String?) -> [UInt8] {
            let address = address ?? "unknown"
            return IPAddress(address)?.ofOneClient ?? Array(address.utf8)
        }
    }

    /// Counts the attempts, in this order, and refuses when one of them is beyond its limit. Counting and comparing are one
    /// statement: attempts at the same moment are told apart by the row's lock.
    func count(_ attempts: Attempt...) async throws(IdentityError) {
        let rows = try await database {
            try await postgres.query(
                """
                INSERT INTO identity.rate_limits AS r (scope, key, attempts, resets_at)
                SELECT a.scope, a.key, 1, clock_timestamp() + make_interval(secs => a.seconds)
                FROM unnest($1::text[], $2::bytea[], $3::bigint[]) AS a (scope, key, seconds)
                ON CONFLICT ON CONSTRAINT rate_limits_pkey DO UPDATE SET
                    attempts = CASE WHEN r.resets_at <= clock_timestamp() THEN 1 ELSE least(r.attempts, 1000000) + 1 END,
                    resets_at = CASE WHEN r.resets_at <= clock_timestamp() THEN excluded.resets_at ELSE r.resets_at END
                RETURNING r.scope, r.attempts, ceil(extract(epoch FROM r.resets_at - clock_timestamp()))::bigint
                """,
                [
                    .textArray(attempts.map(\.scope)), .byteaArray(attempts.map(\.key)),
                    .int8Array(attempts.map { Int64($0.limit.window.components.seconds) }),
                ]
            ).map {
                (
                    scope: try $0.decode(0, as: String.self), count: try $0.decode(1, as: Int32.self),
                    seconds: try $0.decode(2, as: Int64.self)
                )
            }
        }
        for row in rows {
            guard let attempt = attempts.first(where: { $0.scope == row.scope }), row.count > attempt.limit.attempts else {
                continue
            }
            throw IdentityError(
                .tooManyRequests, status: 429, "Too many attempts; try again later", retryAfter: max(1, Int(row.seconds)))
        }
        await sweep()
    }

    /// Counts challenges that were asked for: each is a row until it is used or past its time.
    func countChallenge(_ caller: Caller) async throws(IdentityError) {
        try await count(Attempt("challenge address", configuration.limits.signInOfAddress, address: caller.address))
    }

    /// Counts an attempt at the password of an account. What one client tries too often is refused before it counts for the
    /// account, so that nobody alone keeps its person out.
    ///
    /// - Returns: what to forget when the password was right.
    func countPassword(of email: String, _ caller: Caller) async throws(IdentityError) -> [Attempt] {
        let limits = configuration.limits
        let here = Attempt("sign-in account", limits.signInOfAccount, account: email, address: caller.address)
        let anywhere = Attempt("sign-in account anywhere", limits.signInOfAccountAnywhere, account: email)
        try await count(Attempt("sign-in address", limits.signInOfAddress, address: caller.address), here)
        try await count(anywhere)
        return [here, anywhere]
    }

    /// Forgets the attempts that were counted.
    func forget(_ attempts: [Attempt]) async throws(IdentityError) {
        try await database {
            try await postgres.query(
                """
                DELETE FROM identity.rate_limits AS r USING unnest($1::text[], $2::bytea[]) AS a (scope, key)
                WHERE r.scope = a.scope AND r.key = a.key
                """, [.textArray(attempts.map(\.scope)), .byteaArray(attempts.map(\.key))])
        }
    }

    /// Removes some of what is past its time, once in a while: nobody waits for a table to be empty.
    private func sweep() async {
        guard Int.random(in: 0..<50) == 0 else { return }
        background.run("sweep what is past its time") { [postgres] in
            for (table, column) in [("rate_limits", "resets_at"), ("verifications", "expires_at"), ("sessions", "expires_at")] {
                try await postgres.query(
                    """
                    DELETE FROM identity.\(table) WHERE ctid = ANY (ARRAY(
                        SELECT ctid FROM identity.\(table) WHERE \(column) < clock_timestamp() LIMIT 500 FOR UPDATE SKIP LOCKED))
                    """)
            }
        }
    }
}
