import Foundation
import HTTPTypes
import Ledger
import Money
import Postgres
import Projections
import TestSupport
import Testing
import Web

@testable import Management

/// What a page of each list reads, by the database's own count: rows found through an index, as many as a page looks at, and
/// none of a table's scan, however many rows there are.
@Suite struct ListCostTests {
    private static let rows = 40_000
    private static let changes = 6_000

    /// Tables that grow with what happens.
    private static let growing = ["requests.requests", "ledger.events", "transactions.transactions"]

    @Test func aPageReadsWhatItShowsAndNoMore() async throws {
        try await World.run { world in
            let tenant = Tenant()
            try await tenant.append(to: world)
            try await Self.fill(world, tenant)
            // One connection, so that the counters are those of this request.
            var service = world.database.configuration
            service.settings["role"] = "llmgateway_service"
            let client = PostgresClient(service, maximumConnections: 1, logger: quiet)
            let management = Management(
                appender: world.appender, postgres: client, reader: LedgerReader(client), patience: .seconds(60), logger: quiet)
            let routes = ManagementRoutes(
                management: management, sessions: TestSessions(), providerKeys: try World.providerKeys(client))
            let reader = World(
                database: world.database, management: management, appender: world.appender,
                responder: WebResponder([routes], logger: quiet))

            // A page of 50, filters that pass over, and the middle of everything.
            let middle = "\(Timestamp.now.microseconds - 20_000_000_000).\(Ledger.RequestID.mint())"
            for (path, most) in [
                ("/logs", 51), ("/logs?orgId={org}", 51), ("/logs?projectId={project}", 51), ("/logs?apiKeyId={ownerKey}", 51),
                ("/logs?orderBy=createdAt_asc", 51), ("/logs?cursor=\(middle)", 51), ("/logs?limit=100", 101),
                ("/logs?model=none", 2_000), ("/logs?orgId={org}&provider=none&cursor=\(middle)", 2_000),
                ("/logs?customHeaderKey=none", 500), ("/logs/{request}", 10), ("/logs/unique-models", 0),
                ("/activity?days=366", 0), ("/orgs/{org}/audit", 51), ("/orgs/{org}/audit?action=none", 2_000),
                ("/orgs/{org}/audit?cursor=3000", 51), ("/orgs/{org}/transactions?limit=50", 51), ("/keys/api", 0), ("/orgs", 0),
                ("/orgs/{org}/projects", 0), ("/team/{org}/members", 0), ("/keys/provider", 0),
            ] {
                // The counters are the database's, and projectors read too: what this reads is the least of some attempts.
                var least: [String: Reads] = [:]
                for _ in 0..<5 where !Self.growing.allSatisfy({ least[$0]?.isWithin(most) ?? false }) {
                    let before = try await Self.reads(client)
                    let answer = try await reader.send(.get, tenant.fill(path), as: tenant.owner)
                    #expect(answer.status == 200, "\(path): \(answer.text)")
                    let after = try await Self.reads(client)
                    for table in Self.growing {
                        let read = after[table, default: .none] - before[table, default: .none]
                        least[table] = least[table].map { min($0, read) } ?? read
                    }
                }
                for table in Self.growing {
                    let read = least[table, default: .none]
                    #expect(read.scanned == 0, "\(path) scans \(table)")
                    #expect(read.isWithin(most), "\(path) reads \(read.fetched) rows of \(table)")
                }
            }
            await client.shutdown()
        }
    }

    private struct Reads: Comparable {
        static let none = Reads(scanned: 0, fetched: 0)
        var scanned: Int64
        var fetched: Int64

        /// One more is looked at to see that the limit is reached.
        func isWithin(_ most: Int) -> Bool { scanned == 0 && fetched <= Int64(most) + 1 }

        static func - (left: Reads, right: Reads) -> Reads {
            Reads(scanned: left.scanned - right.scanned, fetched: left.fetched - right.fetched)
        }

        static func < (left: Reads, right: Reads) -> Bool { (left.scanned, left.fetched) < (right.scanned, right.fetched) }
    }

    /// What was read of each table until now, this connection's own reads included.
    private static func reads(_ client: PostgresClient) async throws -> [String: Reads] {
        _ = try await client.query("SELECT pg_stat_force_next_flush()")
        let rows = try await client.query(
            """
            SELECT schemaname || '.' || relname, seq_tup_read, coalesce(idx_tup_fetch, 0) FROM pg_stat_all_tables
            WHERE schemaname || '.' || relname = ANY ($1)
            """, [.textArray(growing)])
        return Dictionary(
            uniqueKeysWithValues: try rows.map { row in
                (try row.decode(0, as: String.self), Reads(scanned: try row.decode(1), fetched: try row.decode(2)))
            })
    }

    /// Requests of the tenant and of others, a second apart, and changes.
    private static func fill(_ world: World, _ tenant: Tenant) async throws {
        let grants = try (0..<changes).map { _ in
            try NewEvent(
                CreditGranted(grant: .mint(), kind: .promotional, amount: NanoDollars(1)), stream: .credit(tenant.organization),
                expectedVersion: nil, organization: tenant.organization)
        }
        let head = try await world.database.append(grants)
        for name in ["admission", "organizations", "keys", "provider_keys", "balances", "requests", "usage", "transactions"] {
            _ = try await waitUntil(projection: name, position: head, deadline: .seconds(60), client: world.database.client)
        }
        _ = try await world.database.client.query(
            """
            INSERT INTO requests.requests (
                request, organization, project, api_key, created_at, position, held, settled_late, status, requested_model, model,
                provider, stream)
            SELECT
                gen_random_uuid(), CASE WHEN n % 4 = 0 THEN gen_random_uuid() ELSE $1 END, $2, $3,
                now() - n * interval '1 second', $4, 0, false, 'authorized', 'm', 'm', 'p', false
            FROM generate_series(1, $5) AS n
            """,
            [
                .uuid(tenant.organization.uuid), .uuid(tenant.project.uuid), .uuid(tenant.ownerKey.uuid), .int8(head),
                .int4(Int32(rows)),
            ])
        _ = try await world.database.client.query("ANALYZE")
    }
}
