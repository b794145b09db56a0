import CPostgres
import Foundation
import Ledger
import Money
import Postgres
import Projections
import TestSupport
import Testing

/// T6: sessions that keep something open for long.
@Suite(.timeLimit(.minutes(120))) struct StallTests {
    enum Stall: CaseIterable {
        /// The append is answered, and COMMIT never comes.
        case beforeCommit
        /// The call of `ledger.append` is sent without the Sync that would end it, as by a machine that dies between two packets.
        case inMidMessage
    }

    /// For how long a stalled client may keep everybody waiting. The watchdog looks every second for who has waited for its client for
    /// two; the rest is for machines that do other things as well.
    private static let soon: Duration = .seconds(20)

    @Test(arguments: Stall.allCases) func `a client that stalls in mid-append is ended`(stall: Stall) async throws {
        try await LedgerDatabase.with { database in
            let stalled = try StalledClient(database.url.replacing(/user=[^&]*/, with: "user=llmgateway_service"), stall)
            defer { stalled.close() }
            let began = ContinuousClock.now
            let client = PostgresClient(database.service, maximumConnections: 1, logger: database.logger)
            let watchdog = Watchdog(client: client, logger: database.logger)
            let watching = Task { await watchdog.run() }
            let event = try NewEvent(
                CreditGranted(grant: .mint(), kind: .paid, amount: NanoDollars(5)), stream: .credit(.mint()),
                expectedVersion: nil, organization: nil)
            let result = try await withFaultAppender(database) { appender in
                try await appender.append(Command(event), deadline: .seconds(60))
            }
            // What the stalled client appended was never committed.
            #expect(result == .appended(first: 3, last: 3))
            #expect(began.duration(to: .now) < Self.soon)
            // The lock is free a moment before its holder's process is gone, and before the watchdog has heard of it.
            for _ in 0..<500 where !stalled.isEnded || watchdog.ended == 0 { try await Task.sleep(for: .milliseconds(20)) }
            #expect(stalled.isEnded)
            #expect(watchdog.ended == 1)
            watching.cancel()
            await watching.value
            await client.shutdown()
        }
    }

    /// Nothing waits for the oldest transaction: positions are in commit order, so there is no horizon to watch.
    @Test func `what others keep open elsewhere holds up neither appends nor projections`() async throws {
        let seed = TestEnvironment.seed("open transactions")
        try await LedgerDatabase.with { database in
            try await OpenTransactions.with(database.url) {
                let workload = try AppendWorkload(seed: seed, events: 1_600)
                let definition = try ProjectionDefinition.load(folder: "\(TestEnvironment.root)/projections/balances")
                let projector = Projector(
                    definition: definition, configuration: database.configuration, signal: nil, pace: .milliseconds(1),
                    logger: database.logger)
                let projecting = Task { await projector.run() }
                try await withFaultAppender(database) { appender in try await workload.append(appender) }
                #expect(
                    try await waitUntil(
                        projection: "balances", position: Int64(workload.events) + 2, deadline: .seconds(60),
                        client: database.client))
                projecting.cancel()
                await projecting.value
            }
        }
    }

    /// Admission beside them: each request is let in, its hold ends, and what a seed of Redis would be made of has come to the end.
    @Test func `what others keep open elsewhere keeps no request out and no hold open`() async throws {
        try await withGateway { gateway in
            let key = try await GatewayClient.shop(gateway)
            let connection = try await PostgresConnection.connect(
                PostgresConfiguration(url: gateway.database.url), logger: LedgerDatabase.quiet)
            try await OpenTransactions.with(gateway.database.url) {
                for _ in 0..<24 {
                    let answer = try await GatewayClient.chat(gateway, key)
                    #expect(answer.status == 200, "\(answer.body)")
                }
                try await eventually("all that was held is charged in the admission tables") {
                    let rows = try await connection.query(
                        """
                        SELECT (SELECT count(*) FROM admission.holds), (SELECT sum(charged)::bigint FROM admission.keys),
                            (SELECT coalesce(sum((data ->> 'charged')::bigint), 0)::bigint FROM ledger.events
                                WHERE type = 'request.completed')
                        """)
                    let figures: [Int64] = try (0..<3).map { try rows[0].decode($0) }
                    return figures[0] == 0 && figures[1] == figures[2] && figures[2] > 0
                }
            }
            await connection.close()
        }
    }

    /// The long form alone measures: on a machine that does other things as well the figures say nothing.
    @Test(.enabled(if: TestEnvironment.soak)) func `open transactions do not slow appends`() async throws {
        var random = SeededGenerator(seed: TestEnvironment.seed("rate behind open transactions"))
        try await LedgerDatabase.with { database in
            func rate() async throws -> Double {
                let workload = try AppendWorkload(seed: random.next(), events: 40_000)
                let clock = ContinuousClock()
                let start = clock.now
                try await withFaultAppender(database) { appender in try await workload.append(appender) }
                return Double(workload.events) / ((clock.now - start) / .seconds(1))
            }
            var ratios: [Double] = []
            for _ in 0..<9 {
                let free = try await rate()
                ratios.append(try await OpenTransactions.with(database.url) { try await rate() } / free)
            }
            print("appends behind open transactions, ratios: \(ratios.sorted())")
            #expect(ratios.sorted()[4] >= 0.9)
        }
    }

    /// The gateway's own watchdog: a request that came while the ledger was blocked is answered, and the metric names the fault.
    @Test func `a gateway survives a stalled client and says so`() async throws {
        try await withGateway { gateway in
            let key = try await GatewayClient.shop(gateway)
            let url = gateway.database.url.replacing(/user=[^&]*/, with: "user=llmgateway_service")
            let stalled = try StalledClient(url, .inMidMessage)
            defer { stalled.close() }
            let began = ContinuousClock.now
            let answer = try await GatewayClient.chat(gateway, key)
            #expect(answer.status == 200, "\(answer.body)")
            #expect(began.duration(to: .now) < Self.soon)
            // The lock is free a moment before the watchdog has heard of it.
            try await eventually("the metric names it") {
                try await GatewayClient.get(gateway, "/metrics").body
                    .contains("\nllmgateway_ledger_stalled_appenders_total 1\n")
            }
        }
    }
}

/// A session that holds the append lock and says nothing more.
private final class StalledClient {
    private let connection: OpaquePointer?
    private static let call = """
        SELECT ledger.append(ARRAY[1], ARRAY[gen_random_uuid()], ARRAY['credit'], ARRAY[gen_random_uuid()],
            ARRAY[NULL]::bigint[], ARRAY['credit.granted'], ARRAY[1], ARRAY[NULL]::uuid[], ARRAY['{}']::jsonb[],
            ARRAY['{}']::jsonb[], ARRAY[now()], ARRAY[NULL]::bigint[])
        """

    /// Returns when the session holds the lock.
    init(_ url: String, _ stall: StallTests.Stall) throws {
        connection = PQconnectdb(url)
        guard PQstatus(connection) == CONNECTION_OK else {
            throw ChildProcess.Failure(description: String(cString: PQerrorMessage(connection)))
        }
        switch stall {
        case .beforeCommit:
            PQclear(PQexec(connection, "BEGIN"))
            PQclear(PQexec(connection, Self.call))
        case .inMidMessage:
            PQenterPipelineMode(connection)
            PQsendQueryParams(connection, Self.call, 0, nil, nil, nil, nil, 1)
            PQsendFlushRequest(connection)
            PQflush(connection)
            // The answer has come before the transaction's end.
            PQclear(PQgetResult(connection))
        }
    }

    /// Whether the server has closed the session; its last message may have to be read before that shows.
    var isEnded: Bool { (0..<3).contains { _ in PQconsumeInput(connection) == 0 } }

    func close() { PQfinish(connection) }
}

/// A writer in another table, one in another database of the server, and an old snapshot, all open.
private enum OpenTransactions {
    /// - Parameter url: A superuser's URL of the database beside which they are open.
    static func with<R: Sendable>(_ url: String, _ body: () async throws -> R) async throws -> R {
        try await withTestDatabase { elsewhere in
            var connections: [PostgresConnection] = []
            for url in [url, elsewhere, url] {
                connections.append(try await .connect(PostgresConfiguration(url: url), logger: LedgerDatabase.quiet))
            }
            try await connections[0].script(
                "CREATE TABLE IF NOT EXISTS public.elsewhere (n int); BEGIN; INSERT INTO public.elsewhere VALUES (1)")
            try await connections[1].script(
                "CREATE TABLE elsewhere (n int); BEGIN; INSERT INTO elsewhere VALUES (1)")
            try await connections[2].script("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM ledger.epochs")
            let result = try await body()
            for connection in connections {
                try await connection.script("COMMIT")
                await connection.close()
            }
            return result
        }
    }
}
