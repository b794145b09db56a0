import Finance
import Foundation
import Ledger
import Money
import NIOPosix
import Postgres
import Projections
import Redis
import Synchronization
import TestSupport
import Testing

/// T19: every projection is rebuilt beside a gateway that serves.
@Suite(.timeLimit(.minutes(120))) struct RebuildLoadTests {
    /// No reader sees tables that have lacked an event for longer, before, in or after a swap. In the usual run other suites, which take
    /// all that the machine has, run beside it.
    private static let staleness: Duration = .seconds(TestEnvironment.soak ? 10 : 30)
    private static let batches = TestEnvironment.soak ? 31_250 : 60
    private static let patience: Duration = .seconds(TestEnvironment.soak ? 3_000 : 120)

    @Test func `rebuilds fail no read, serve nothing old and do nothing twice`() async throws {
        let seed = TestEnvironment.seed("rebuilds under load")
        try await withGateway { gateway in
            let token = try await GatewayClient.shop(gateway, credits: "1000")
            try await LedgerDatabase.with(url: gateway.database.url) { database in
                var trade = SyntheticTrade(seed: seed)
                try await database.append(try trade.opening())
                for _ in 0..<Self.batches { try await database.append(try trade.batch()) }
                try await Self.catchUp(database)
                let watch = ReadWatch()
                try await Self.rebuild(under: trade, token, watch, gateway, database)
                #expect(watch.failures.isEmpty, "\(watch.failures.prefix(5))")
                #expect(watch.stalest < Self.staleness)
                #expect(watch.reads > 2 * GrowingFigure.all.count)
                print("\(watch.reads) reads beside the rebuilds, none older than \(watch.stalest)")

                try await Self.catchUp(database)
                let before = try await Effects(gateway, database)
                for figure in GrowingFigure.all { try await Self.rebuild(figure.projection, database) }
                #expect(try await Effects(gateway, database) == before)
                #expect(try await GatewayClient.chat(gateway, token).status == 200)
            }
        }
    }

    /// Rebuilds all of them while events are appended, requests are served and what grows is read.
    private static func rebuild(
        under trade: SyntheticTrade, _ token: String, _ watch: ReadWatch, _ gateway: GatewayProcess, _ database: LedgerDatabase
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                var trade = trade
                while !watch.isOver {
                    try await database.append(try trade.batch())
                    try await Task.sleep(for: .milliseconds(20))
                }
            }
            for _ in 0..<2 { group.addTask { try await read(trade.organization, database, watch) } }
            group.addTask { try await serve(gateway, token, watch) }
            do {
                for figure in GrowingFigure.all { try await rebuild(figure.projection, database) }
            } catch {
                watch.end()
                throw error
            }
            watch.end()
            try await group.waitForAll()
        }
    }

    /// Proved equal first, then swapped in.
    private static func rebuild(_ name: String, _ database: LedgerDatabase) async throws {
        let definition = try ProjectionDefinition.load(folder: "\(TestEnvironment.root)/projections/\(name)")
        let phases = Mutex<[RebuildProgress.Phase]>([])
        let report = try await Rebuilder(
            definition: definition, configuration: database.configuration, logger: database.logger
        ).rebuild { progress in phases.withLock { $0.append(progress.phase) } }
        #expect(report.comparison?.equal == true, "\(name)")
        let last = phases.withLock { phases in
            (compared: phases.lastIndex(of: .comparing) ?? .max, swapped: phases.lastIndex(of: .swapping) ?? -1)
        }
        #expect(last.compared < last.swapped, "\(name)")
    }

    /// The read models by SQL as the product's, and by the product's own functions.
    private static func read(
        _ organization: OrganizationID, _ database: LedgerDatabase, _ watch: ReadWatch
    ) async throws {
        let client = PostgresClient(database.service, maximumConnections: 1, logger: database.logger)
        let finance = Finance(postgres: client)
        while !watch.isOver {
            for figure in GrowingFigure.all { await watch.look(figure.projection) { try await figure.read(client) } }
            await watch.look("a balance of now") { (try await finance.balance(of: organization).charged.rawValue, .zero) }
            await watch.look("the trial balance") {
                let rows = try await client.query("SELECT position FROM projections.checkpoints WHERE schema_name = 'journal'")
                let accounts = try await finance.trialBalance(upTo: try rows[0].decode(0))
                return (accounts.reduce(0) { $0 + $1.postings }, .zero)
            }
        }
        await client.shutdown()
    }

    /// A client of the gateway, which reads what its organization has used in all.
    private static func serve(_ gateway: GatewayProcess, _ token: String, _ watch: ReadWatch) async throws {
        while !watch.isOver {
            await watch.look("a completion") {
                var answer = try await GatewayClient.chat(gateway, token)
                // A look at the limits may take longer than it may, beside all this.
                if answer.status == 503 { answer = try await GatewayClient.chat(gateway, token) }
                guard answer.status == 200 else { throw Refused(answer: answer) }
                return (0, .zero)
            }
            await watch.look("GET /v1/credits") {
                var answer = try await GatewayClient.get(gateway, "/v1/credits", token)
                if answer.status == 503 { answer = try await GatewayClient.get(gateway, "/v1/credits", token) }
                guard answer.status == 200, let used = answer.body.firstMatch(of: /"total_usage":([0-9.]+)/)?.1 else {
                    throw Refused(answer: answer)
                }
                return (try NanoDollars(decimal: String(used)).rawValue, .zero)
            }
        }
    }

    private struct Refused: Error { let answer: GatewayClient.Answer }

    private static func catchUp(_ database: LedgerDatabase) async throws {
        let head = try await database.head()
        for figure in GrowingFigure.all {
            #expect(
                try await waitUntil(
                    projection: figure.projection, position: head, deadline: patience, client: database.client))
        }
    }
}

/// What a rebuild may not touch: the ledger, the states in Redis, and the folder of the mails.
private struct Effects: Equatable {
    private let head: Int64
    private let states: [String: [String]]
    private let mails: [String]

    init(_ gateway: GatewayProcess, _ database: LedgerDatabase) async throws {
        head = try await database.head()
        mails = ((try? FileManager.default.contentsOfDirectory(atPath: gateway.home + "/mail")) ?? []).sorted()
        let redis = RedisConnection(
            try RedisConfiguration(url: gateway.redis.url), on: MultiThreadedEventLoopGroup.singleton.next(),
            logger: database.logger)
        redis.start()
        var states: [String: [String]] = [:]
        for key in try await Self.words(redis, ["KEYS", "*"]) where key.hasSuffix(":state") || key.hasSuffix(":holds") {
            let words = try await Self.words(redis, ["HGETALL", .string(key)])
            states[key] = stride(from: 0, to: words.count - 1, by: 2).map { "\(words[$0]) \(words[$0 + 1])" }.sorted()
        }
        self.states = states
        await redis.shutdown()
    }

    private static func words(_ redis: RedisConnection, _ command: [RedisArgument]) async throws -> [String] {
        try await redis.call(command, deadline: .seconds(30)).array?.compactMap(\.string) ?? []
    }
}
