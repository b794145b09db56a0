public import Logging
public import Postgres

/// Deletes what lies beside the ledger about a person or an organization. Events stay: they hold ids that then name nobody, and
/// digests of what is gone, so the chain, every balance and every replay are what they were.
///
/// What retention or this deletes leaves the tables with the transaction and the files with the next VACUUM.
public struct Erasure: Sendable {
    private let client: PostgresClient
    private let logger: Logger
    /// A request that was under way when its organization was deleted has written everything by then, in seconds.
    private let settled: Int32

    /// - Parameters:
    ///   - client: the service's role.
    ///   - settled: seconds after which no request of a deleted organization can still write.
    public init(client: PostgresClient, settled: Int32 = 3600, logger: Logger) {
        self.client = client
        self.settled = settled
        self.logger = logger
    }

    /// Deletes from where and with what a person made changes.
    /// - Returns: how many annotations there were.
    @discardableResult
    public func erase(actor: UserID) async throws -> Int64 {
        try await client.query(
            """
            WITH erased AS (
                DELETE FROM ledger.annotations AS a USING ledger.events AS e
                WHERE e.stream_kind <> 'request' AND e.metadata ? 'actor' AND e.metadata ->> 'actor' = $1::text
                    AND a.event = e.id
                RETURNING 1)
            SELECT count(*) FROM erased
            """, [.uuid(actor.uuid)], deadline: .seconds(30))[0].decode(0)
    }

    /// Has everything beside a deleted organization's events erased: soon, and once more when nothing can come any more.
    public func request(organization: OrganizationID) async throws {
        _ = try await client.query(
            """
            INSERT INTO ledger.erasures (organization) VALUES ($1)
            ON CONFLICT (organization) DO UPDATE SET requested_at = clock_timestamp(), passed_at = NULL, ended_at = NULL
            """, [.uuid(organization.uuid)])
    }

    /// Erases what was requested and is due.
    /// - Returns: how many organizations were passed.
    @discardableResult
    public func pass() async throws -> Int {
        let due = try await client.query(
            """
            SELECT organization FROM ledger.erasures
            WHERE ended_at IS NULL
                AND (passed_at IS NULL OR requested_at < clock_timestamp() - $1::integer * interval '1 second')
            ORDER BY requested_at LIMIT 100
            """, [.int4(settled)]
        ).map { OrganizationID(uuid: try $0.decode(0)) }
        for organization in due {
            try await erase(organization)
            logger.info("erased", metadata: ["organization": "\(organization)"])
        }
        return due.count
    }

    private func erase(_ organization: OrganizationID) async throws {
        // A lost connection between two of these is harmless: the next pass begins again.
        for sql in [
            """
            DELETE FROM ledger.payloads AS p USING ledger.events AS e
            WHERE e.organization = $1 AND e.stream_kind = 'request' AND e.stream_version = 1 AND p.request = e.stream_id
            """,
            Self.webhooks,
            "DELETE FROM ledger.annotations AS a USING ledger.events AS e WHERE e.organization = $1 AND a.event = e.id",
            "DELETE FROM ledger.answers WHERE organization = $1",
            "DELETE FROM ledger.responses WHERE organization = $1",
        ] {
            _ = try await client.query(sql, [.uuid(organization.uuid)], deadline: .seconds(600))
        }
        _ = try await client.query(
            """
            UPDATE ledger.erasures SET passed_at = clock_timestamp(),
                ended_at = CASE WHEN requested_at < clock_timestamp() - $2::integer * interval '1 second' THEN clock_timestamp() END
            WHERE organization = $1
            """, [.uuid(organization.uuid), .int4(settled)])
    }

    /// Bodies of webhooks about an organization's payments and subscriptions. A webhook's event is of no organization: its facts name
    /// one, or a payment or a subscription of which others say whose it is.
    private static let webhooks = """
        WITH said AS MATERIALIZED (
            SELECT
                stream_id, data -> 'facts' -> 'payment' ->> 'organization' AS payer,
                data -> 'facts' -> 'subscription' ->> 'organization' AS subscriber,
                coalesce(data -> 'facts' -> 'payment' ->> 'intent', data -> 'facts' -> 'dispute' ->> 'intent') AS intent,
                coalesce(
                    data -> 'facts' -> 'subscription' ->> 'subscription', data -> 'facts' -> 'invoice' ->> 'subscription'
                ) AS subscription
            FROM ledger.events WHERE stream_kind = 'stripe'
        )
        DELETE FROM ledger.payloads AS p USING said AS s
        WHERE p.request = s.stream_id AND (
            $1::text IN (s.payer, s.subscriber)
            OR s.intent IN (SELECT o.intent FROM said AS o WHERE o.payer = $1::text)
            OR s.subscription IN (SELECT o.subscription FROM said AS o WHERE o.subscriber = $1::text))
        """

    /// Passes every few seconds until cancelled.
    public func run() async {
        while !Task.isCancelled {
            do {
                try await pass()
            } catch {
                logger.warning("an erasure did not run", metadata: ["error": "\(error)"])
            }
            try? await Task.sleep(for: .seconds(5))
        }
    }
}
