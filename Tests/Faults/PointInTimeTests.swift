import Foundation
import Ledger
import NIOPosix
import Postgres
import Projections
import Redis
import TestSupport
import Testing

/// T22: the server is restored to a moment, from a base backup and the log that was archived since.
@Suite(.timeLimit(.minutes(10))) struct PointInTimeTests {
    @Test func `a restore to a moment has what was acknowledged by then, and what is ahead of it is not trusted`() async throws {
        var random = SeededGenerator(seed: TestEnvironment.seed("restore to a moment"))
        let counts = (0..<3).map { _ in Int.random(in: 2...12, using: &random) }
        let archive = try await PostgresServer.Archive()
        defer { archive.remove() }
        try await PostgresServer.with(settings: archive.settings) { server in
            try await withGateway(server: server.url) { gateway in
                let shop = try await GatewayClient.openShop(gateway)
                try await Self.chat(gateway, shop, counts[0])
                let backup = try await server.backUp()
                do {
                    try await Self.chat(gateway, shop, counts[1])
                    let moment = try await Moment(gateway.database.url)
                    // What is lost with the restore: charges, and credit that would be given away if anybody went on with it.
                    try await Self.chat(gateway, shop, counts[2])
                    try await gateway.command("credits", "grant", "--organization", shop.organization, "--amount", "50", "--json")
                    await gateway.stop()
                    try await gateway.command("ledger", "seal")
                    try await Self.archiveLog(server)
                    try await backup.restore(from: archive, to: moment.time)
                    try await Self.check(backup.url(database: gateway.database.name), moment, gateway, shop)
                } catch {
                    await backup.remove()
                    throw error
                }
                await backup.remove()
            }
        }
    }

    /// The ledger's end at a moment when nothing is under way.
    private struct Moment {
        let time: String
        let position: Int64
        let hash: [UInt8]

        init(_ url: String) async throws {
            let connection = try await PostgresConnection.connect(PostgresConfiguration(url: url), logger: LedgerDatabase.quiet)
            let row = try await connection.query(
                "SELECT clock_timestamp()::text, position, hash FROM ledger.events ORDER BY position DESC LIMIT 1")[0]
            time = try row.decode(0)
            position = try row.decode(1)
            hash = try row.decode(2)
            await connection.close()
        }
    }

    private static func chat(_ gateway: GatewayProcess, _ shop: GatewayClient.Shop, _ count: Int) async throws {
        for _ in 0..<count { #expect(try await GatewayClient.chat(gateway, shop.token).status == 200) }
    }

    /// Ends the segment that is being written, and waits until it is archived.
    private static func archiveLog(_ server: PostgresServer) async throws {
        let connection = try await PostgresConnection.connect(
            PostgresConfiguration(url: server.url), logger: LedgerDatabase.quiet)
        let segment: String = try await connection.query("SELECT pg_walfile_name(pg_switch_wal())")[0].decode(0)
        try await eventually("the log is archived") {
            try await !connection.query(
                "SELECT FROM pg_stat_archiver WHERE last_archived_wal >= $1", [.text(segment)]
            ).isEmpty
        }
        await connection.close()
    }

    private static func check(
        _ url: String, _ moment: Moment, _ gateway: GatewayProcess, _ shop: GatewayClient.Shop
    ) async throws {
        try await LedgerDatabase.with(url: url) { database in
            let head = try #require(try await LedgerReader(database.client).head())
            #expect(head.position == moment.position && head.hash == moment.hash)
            let report = try await Verifier(configuration: database.service, seals: nil, logger: database.logger).run()
            #expect(report.fault == nil && report.head == moment.position)
            // The seals, which are elsewhere, say what is missing.
            let restored = GatewayProcess.environment(of: url, home: gateway.home)
            let failure = await #expect(throws: CommandFailure.self) {
                try await gateway.command(["ledger", "verify"], environment: restored)
            }
            #expect(failure?.status == 1, "\(failure?.output ?? "")")
            // Read models came back with the ledger, to the same moment: a replay gives the same.
            for name in ["admission", "balances", "journal", "requests"] {
                let comparer = Comparer(
                    definition: try ProjectionDefinition.load(folder: "\(TestEnvironment.root)/projections/\(name)"),
                    configuration: database.configuration, logger: database.logger)
                #expect(try await comparer.compare().equal, "\(name)")
                #expect(try await comparer.verify() == [], "\(name)")
            }
            try await gateway.withAnother(environment: restored) { other in
                try await checkRedis(database, moment, gateway, shop, other)
            }
        }
    }

    /// Redis has what was spent and given after the moment: it is built anew before anybody is let in by it.
    private static func checkRedis(
        _ database: LedgerDatabase, _ moment: Moment, _ gateway: GatewayProcess, _ shop: GatewayClient.Shop, _ other: String
    ) async throws {
        try await eventually("a request is served") {
            try await GatewayClient.chat(gateway, shop.token, url: other).status == 200
        }
        let reasons = try await database.client.query(
            "SELECT data ->> 'reason' FROM ledger.events WHERE position > $1 AND type = 'admission.epoch_started'",
            [.int8(moment.position)]
        ).map { try $0.decode(0, as: String.self) }
        #expect(reasons.contains("ledger_restored"), "\(reasons)")
        #expect(try await database.text("SELECT granted::text FROM balances.organizations") == "100000000000")
        let organization = try #require(OrganizationID(shop.organization)).uuid.lowercase
        let redis = RedisConnection(
            try RedisConfiguration(url: gateway.redis.url), on: MultiThreadedEventLoopGroup.singleton.next(),
            logger: database.logger)
        redis.start()
        try await eventually("Redis has what the restored tables have") {
            let available = try await redis.call(
                ["HGET", .string("{\(organization)}:state"), "o:a"], deadline: .seconds(10))
            let table = try await database.text("SELECT available::text FROM admission.scopes WHERE scope = 'organization'")
            return available.string == table
        }
        await redis.shutdown()
    }
}
