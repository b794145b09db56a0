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

    /// Forgets the attempts that were counted.
    func forget(_ attempt: Attempt) async throws(IdentityError) {
        try await database {
            try await postgres.query(
                "DELETE FROM identity.rate_limits WHERE scope = $1 AND key = $2", [.text(attempt.scope), .bytea(attempt.key)])
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
