internal import Ledger
internal import Money
internal import Postgres
internal import Web

/// Gives organizations their share of what those spend whom they referred.
///
/// What is given is what the share of all spending so far lacks, so that it comes to the same whenever it is looked at, and a share
/// of a nano-dollar is never lost. It comes at most once in an interval, because each is a grant of its own.
extension Billing {
    /// Less is given later: one cent.
    private static let leastReferral = NanoDollars(10_000_000)

    /// - Returns: How many grants were appended.
    @discardableResult
    func grantReferrals() async throws(WebError) -> Int {
        var granted = 0
        for due in try await dueReferrals() {
            let grant = CreditGranted(grant: .mint(), kind: .referral, amount: due.amount, referred: due.referred)
            let event = try event(grant, .credit(due.referrer), version: due.version, organization: due.referrer)
            // Two organizations may have the same referrer: the second of them waits for the next look.
            if try await append([event]) != nil { granted += 1 }
        }
        return granted
    }

    private func dueReferrals() async throws(WebError) -> [(
        referrer: OrganizationID, referred: OrganizationID, amount: NanoDollars, version: Int64
    )] {
        try await rows(
            """
            SELECT referrer, organization, share - granted, version
            FROM (
                SELECT
                    r.referrer, r.organization, div(b.charged::numeric * $1, 1000000)::bigint AS share,
                    coalesce(g.granted, 0)::bigint AS granted, g.last, coalesce(o.version, 0) AS version
                FROM organizations.referrals AS r
                JOIN organizations.organizations AS a ON a.organization = r.referrer AND a.status = 'active'
                JOIN balances.organizations AS b ON b.organization = r.organization
                LEFT JOIN grants.organizations AS o ON o.organization = r.referrer
                CROSS JOIN LATERAL (
                    SELECT sum(amount) AS granted, max(granted_at) AS last FROM grants.grants WHERE referred = r.organization
                ) AS g
            ) AS due
            WHERE share - granted >= $2 AND (last IS NULL OR last <= clock_timestamp() - $3 * interval '1 second')
            ORDER BY last NULLS FIRST LIMIT 500
            """,
            [
                .int8(configuration.referralShare.partsPerMillion), .int8(Self.leastReferral.rawValue),
                .int8(configuration.referralInterval.components.seconds),
            ]
        ) { row in
            (
                OrganizationID(uuid: try row.decode(0)), OrganizationID(uuid: try row.decode(1)),
                NanoDollars(try row.decode(2, as: Int64.self)), try row.decode(3)
            )
        }
    }
}
