import Crypto
import Foundation
import HTTPTransport
import Ledger
import Logging
import Money
import Postgres
import Projections
import TestSupport

@testable import Billing

let quiet = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

/// A ledger with the read models that billing needs.
struct World: Sendable {
    static let projections = ["organizations", "balances", "payments", "transactions", "journal", "admission", "grants"]
    static let secret = "whsec_test"

    let database: LedgerDatabase
    let appender: Appender
    let billing: Billing
    let client: PostgresClient

    /// - Parameter stripe: Where Stripe is; without one nobody is asked.
    static func run(stripe: String? = nil, _ body: @escaping (World) async throws -> Void) async throws {
        try await LedgerDatabase.with { database in
            // What the gateway may do, and no more.
            var service = database.configuration
            service.settings["role"] = "llmgateway_service"
            let client = PostgresClient(service, maximumConnections: 8, acquireDeadline: .seconds(60), logger: quiet)
            let signal = LedgerSignal()
            let appender = Appender(configuration: service, signal: signal, logger: quiet)
            let transport = HTTPTransport(logger: quiet)
            var tasks = [Task { _ = try? await appender.run() }]
            for name in projections {
                let definition = try ProjectionDefinition.load(folder: "\(TestEnvironment.root)/projections/\(name)")
                let projector = Projector(
                    definition: definition, configuration: database.configuration, signal: signal, pace: .milliseconds(1),
                    logger: quiet)
                tasks.append(Task { await projector.run() })
            }
            var configuration = BillingConfiguration()
            configuration.webhookSecrets = [secret]
            configuration.referralInterval = .zero
            configuration.firstPurchase = Multiplier(partsPerMillion: 1_500_000)
            configuration.monthlyPrice = "price_month"
            configuration.yearlyPrice = "price_year"
            let billing = Billing(
                appender: appender, postgres: client, transport: transport, secretKey: stripe.map { _ in "sk_test_12345" },
                apiURL: stripe ?? "http://127.0.0.1:1", configuration: configuration, logger: quiet)
            let world = World(database: database, appender: appender, billing: billing, client: client)
            for name in projections {
                _ = try await waitUntil(projection: name, position: 1, deadline: .seconds(60), client: client)
            }
            var failure: (any Error)?
            do { try await body(world) } catch { failure = error }
            await appender.shutdown()
            for task in tasks {
                task.cancel()
                await task.value
            }
            await client.shutdown()
            await transport.shutdown()
            if let failure { throw failure }
        }
    }

    /// Waits until every read model has everything.
    func caughtUp() async throws {
        let head = try await database.head()
        for name in Self.projections {
            guard try await waitUntil(projection: name, position: head, deadline: .seconds(60), client: client) else {
                throw Behind(projection: name)
            }
        }
    }

    struct Behind: Error { let projection: String }

    /// Appends events as they are, in commands of at most 128.
    func append(_ events: [NewEvent]) async throws {
        for start in stride(from: 0, to: events.count, by: 128) {
            _ = try await appender.append(
                try Command(Array(events[start..<min(start + 128, events.count)])), deadline: .seconds(60))
        }
    }

    /// Organizations that do nothing but pay.
    func organizations(_ count: Int) async throws -> [OrganizationID] {
        let ids = (0..<count).map { _ in OrganizationID.mint() }
        try await append(
            ids.map { try NewEvent(OrganizationCreated(), stream: .organization($0), expectedVersion: 0, organization: $0) })
        return ids
    }

    /// Delivers a webhook as Stripe does.
    @discardableResult
    func deliver(_ body: String) async throws -> Bool {
        let time = Timestamp.now.microseconds / 1_000_000
        let bytes = Array(body.utf8)
        let code = HMAC<SHA256>.authenticationCode(
            for: Array("\(time).".utf8) + bytes, using: SymmetricKey(data: Array(Self.secret.utf8)))
        let signature = "t=\(time),v1=" + code.map { String(format: "%02x", $0) }.joined()
        return try await billing.receive(webhook: bytes, signature: signature)
    }

    /// Books all that is due and waits for the read models.
    func settle() async throws {
        repeat {
            try await caughtUp()
        } while try await billing.settlePayments() + billing.settleSubscriptions() > 0
        try await caughtUp()
    }

    /// What a projection's `verify.sql` finds wrong.
    func problems(_ name: String) async throws -> [String] {
        let definition = try ProjectionDefinition.load(folder: "\(TestEnvironment.root)/projections/\(name)")
        return try await Comparer(definition: definition, configuration: database.configuration, logger: quiet).verify()
    }

    /// What an organization has, without what depends on when it came: times, versions, positions.
    func digests() async throws -> [String: Int] {
        let rows = try await client.query(
            """
            SELECT jsonb_build_object(
                'plan', o.plan,
                'balance', (SELECT jsonb_agg(to_jsonb(b) - 'organization') FROM balances.organizations AS b
                    WHERE b.organization = o.organization),
                'accounts', (SELECT jsonb_object_agg(a.account, a.balance) FROM journal.accounts AS a
                    WHERE a.organization = o.organization AND a.balance <> 0),
                'payments', (SELECT jsonb_agg(jsonb_build_array(p.seen, p.posted, p.paid_total, p.paid_amount, p.paid_fee,
                        p.paid_bonus, p.refunded_total, p.refunded_amount, p.refunded_fee, p.refunded_bonus, p.frozen, p.lost)
                    ORDER BY p.intent) FROM payments.payments AS p WHERE p.organization = o.organization),
                'subscriptions', (SELECT jsonb_agg(jsonb_build_array(s.status, s.cycle, s.period_end, s.cancels, s.seen_over,
                        s.is_started, s.is_ended)) FROM payments.subscriptions AS s WHERE s.organization = o.organization),
                'invoices', (SELECT jsonb_agg(i.total ORDER BY i.total) FROM payments.invoices AS i
                    WHERE i.organization = o.organization))::text AS digest
            FROM organizations.organizations AS o
            """, [], deadline: .seconds(60))
        var counts: [String: Int] = [:]
        for row in rows { counts[try row.decode(0, as: String.self), default: 0] += 1 }
        return counts
    }
}
