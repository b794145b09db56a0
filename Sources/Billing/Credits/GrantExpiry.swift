internal import Ledger
internal import Money
internal import Postgres
internal import Web

/// Takes what is left of grants whose time has come.
///
/// A grant counts until its event `credit.expired`, so what a gateway admits is decided by the ledger alone and not by a clock. What
/// open requests hold is not taken: of such a grant a part expires now, and the rest when they have ended.
///
/// The expected version of the credit's stream refuses an amount that another event of the credit made untrue. A request's charge is
/// in the request's own stream, which no expectation of this one covers: what is recorded in the milliseconds between the look and
/// the event may have used a part of the grant, and then that part is taken of the grants that come next.
extension Billing {
    private struct Expiry: Sendable {
        let grant: GrantID
        let organization: OrganizationID
        let amount: NanoDollars
        /// Of the organization's credit, with which the amount is true.
        let version: Int64
    }

    /// - Returns: How many events were appended.
    @discardableResult
    func expireGrants() async throws(WebError) -> Int {
        var expired = 0
        while true {
            var last: Int64 = 0
            var done = 0
            for expiry in try await dueExpiries() {
                let event = try event(
                    CreditExpired(grant: expiry.grant, amount: expiry.amount), .credit(expiry.organization),
                    version: expiry.version, organization: expiry.organization)
                // Where the credit changed meanwhile, the next look decides.
                guard let position = try await append([event]) else { continue }
                done += 1
                last = max(last, position)
            }
            expired += done
            guard done > 0, await wait(for: last, in: ["grants", "admission"]) else { return expired }
        }
    }

    /// At most one of an organization, because the next depends on it.
    ///
    /// Only where both read models have every event of the organization: what is left of a grant would else be what charges that
    /// are missing have used already. So a projection that lags or has parked the organization postpones, and one that is never
    /// quite there for a busy organization as well: such an organization uses first what expires first.
    private func dueExpiries() async throws(WebError) -> [Expiry] {
        try await rows(
            """
            SELECT DISTINCT ON (g.organization) g.grant_id, g.organization, least(g.remaining, s.available)::bigint, o.version
            FROM grants.grants AS g
            JOIN grants.organizations AS o USING (organization)
            JOIN admission.scopes AS s ON s.scope = 'organization' AND s.id = g.organization
            WHERE g.remaining > 0 AND s.available > 0
                AND g.expires_at <= (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
                AND (SELECT max(e.position) FROM ledger.events AS e WHERE e.organization = g.organization)
                    <= (SELECT min(c.position) FROM projections.checkpoints AS c WHERE c.schema_name IN ('grants', 'admission'))
                AND NOT EXISTS (
                    SELECT FROM projections.parked AS p
                    WHERE p.organization = g.organization AND p.schema_name IN ('grants', 'admission'))
            ORDER BY g.organization, g.expires_at, g.position
            LIMIT 500
            """
        ) { row in
            Expiry(
                grant: GrantID(uuid: try row.decode(0)), organization: OrganizationID(uuid: try row.decode(1)),
                amount: NanoDollars(try row.decode(2, as: Int64.self)), version: try row.decode(3))
        }
    }
}
