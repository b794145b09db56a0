import Foundation
import HTTPTransport
import Ledger
import Postgres
import TestSupport
import Testing

@testable import Billing

/// T15: the process dies between the receipt of webhooks and their commit, or the answer after it, and Stripe sends them again.
@Suite struct DyingReceiverTests {
    @Test(.timeLimit(.minutes(5))) func whatADeadProcessReceivedIsBookedOnce() async throws {
        try await World.run { world in
            let moments = DyingReceiver.Moment.allCases
            let organizations = try await world.organizations(moments.count + 1)
            let samples = organizations.map { StripeSamples($0).payment }
            for (moment, bodies) in zip(moments, samples) {
                let receiver = DyingReceiver(moment: moment, bodies: bodies)
                // Nobody can commit while it waits for the lock.
                let holder = try await PostgresConnection.connect(world.database.configuration, logger: quiet)
                if moment == .beforeTheCommit {
                    try await holder.script("BEGIN; SELECT pg_advisory_xact_lock(ledger.append_lock_key())")
                }
                await #expect(processExitsWith: .signal(SIGKILL)) {
                    [receiver = receiver as DyingReceiver, url = world.database.url as String] in
                    try await receiver.run(url: url)
                }
                if moment == .beforeTheCommit {
                    #expect(try await Self.kept(bodies, world) == 0)
                    try await holder.script("COMMIT")
                }
                await holder.close()
                if moment == .beforeItIsSent { #expect(try await Self.kept(bodies, world) == 0) }
                if moment == .beforeTheAnswer { #expect(try await Self.kept(bodies, world) == bodies.count) }
            }
            // Stripe was never answered; the last organization's had no trouble.
            for _ in 0..<2 {
                for body in samples.joined() { try await world.deliver(body) }
                try await world.settle()
            }
            for bodies in samples { #expect(try await Self.kept(bodies, world) == bodies.count) }
            let digests = try await world.digests()
            #expect(digests.count == 1 && digests.values.first == organizations.count, "\(digests)")
            try await OrderTests.check(world)
        }
    }

    /// How many events the ledger has of these webhooks.
    private static func kept(_ bodies: [String], _ world: World) async throws -> Int {
        let ids = try bodies.map { try StripeSamples.kept($0).id.uuid }
        let rows = try await world.client.query(
            "SELECT FROM ledger.events WHERE stream_kind <> 'request' AND id = ANY ($1)", [.uuidArray(ids)])
        return rows.count
    }
}

/// The process that dies.
struct DyingReceiver: Codable, Sendable {
    enum Moment: String, Codable, Sendable, CaseIterable {
        /// Everything is received and waits to be sent to the ledger.
        case beforeItIsSent
        /// The ledger has it and has not committed it.
        case beforeTheCommit
        /// It is committed, and Stripe does not hear of it.
        case beforeTheAnswer
    }

    let moment: Moment
    let bodies: [String]

    func run(url: String) async throws {
        var service = try PostgresConfiguration(url: url)
        service.settings["role"] = "llmgateway_service"
        let client = PostgresClient(service, maximumConnections: 4, logger: quiet)
        let appender = Appender(configuration: service, logger: quiet)
        if moment != .beforeItIsSent { _ = Task { try? await appender.run() } }
        var configuration = BillingConfiguration()
        configuration.webhookSecrets = [World.secret]
        let billing = Billing(
            appender: appender, postgres: client, transport: HTTPTransport(logger: quiet), secretKey: nil,
            apiURL: "http://127.0.0.1:1", configuration: configuration, logger: quiet)
        let receiving = bodies.map { body in Task { try await World.deliver(body, to: billing) } }
        switch moment {
        case .beforeItIsSent: try await eventually("all is received") { appender.statistics.queued == bodies.count }
        case .beforeTheCommit:
            try await eventually("the ledger has it") {
                try await !client.query(
                    """
                    SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
                        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                    """
                ).isEmpty
            }
        case .beforeTheAnswer: for task in receiving { _ = try await task.value }
        }
        kill(getpid(), SIGKILL)
    }
}
