import Crypto
import Foundation
import Ledger
import Logging
import Money
import NIOCore
import NIOPosix
import Postgres
import Redis
import TestSupport

@testable import Admission

/// A ledger, a Redis of its own, one gateway's admission, and a projector moved by hand.
struct World: Sendable {
    let url: String
    let server: RedisServer
    let postgres: PostgresClient
    let appender: Appender
    let projector: FoldingProjector
    let redis: AdmissionRedis
    let client: AdmissionClient
    let mirror: AdmissionMirror
    let instance: InstanceID

    var loop: any EventLoop { redis.client.any.eventLoop }

    /// Lowers a hold, and waits until Redis has done it.
    func lower(_ request: RequestID, address: KeyAddress, to charge: NanoDollars) async throws {
        let loop = loop
        client.lower(request, address: address, to: charge, on: loop)
        _ = try await redis.client.connection(for: loop).call(["PING"])
    }

    /// Gives a hold back, and waits until Redis has done it.
    func release(_ request: RequestID, address: KeyAddress) async throws {
        let loop = loop
        client.release(request, address: address, on: loop)
        _ = try await redis.client.connection(for: loop).call(["PING"])
    }

    /// Runs a test in a world of its own.
    /// - Parameter settings: further words of Redis's command line.
    static func run(settings: [String] = [], _ body: (World) async throws -> Void) async throws {
        let server = try await RedisServer(settings: settings)
        do {
            try await withTestDatabase { url in
                try await make(url, server, body)
            }
        } catch {
            await server.tearDown()
            throw error
        }
        await server.tearDown()
    }

    private static func make(_ url: String, _ server: RedisServer, _ body: (World) async throws -> Void) async throws {
        let migrator = Migrator(
            schemaFolder: TestEnvironment.root + "/schema", configuration: try PostgresConfiguration(url: url), logger: quiet)
        _ = try await migrator.run()
        var configuration = try PostgresConfiguration(url: url)
        // What the gateway may do, and no more.
        configuration.settings["role"] = "llmgateway_service"
        let postgres = PostgresClient(configuration, maximumConnections: 4, logger: quiet)
        let appender = Appender(configuration: configuration, logger: quiet)
        let writer = Task { try await appender.run() }
        let projector = try await FoldingProjector(url: url)
        let instance = InstanceID.mint()
        let redis = try AdmissionRedis.over(server, postgres, appender)
        let world = World(
            url: url, server: server, postgres: postgres, appender: appender, projector: projector, redis: redis,
            client: AdmissionClient(redis: redis, instance: instance, configuration: .patient, logger: quiet),
            mirror: AdmissionMirror(redis: redis, logger: quiet), instance: instance)
        // The epoch with which this Redis is first seen is not part of what a test is about.
        _ = try? await redis.client.any.call(["PING"], deadline: .seconds(5))
        var failure: (any Error)?
        do { try await body(world) } catch { failure = error }
        await redis.shutdown()
        await projector.close()
        await appender.shutdown()
        _ = try? await writer.value
        await postgres.shutdown()
        if let failure { throw failure }
    }

    /// Another gateway of the same ledger and Redis.
    func anotherGateway() throws -> (AdmissionRedis, AdmissionClient) {
        let redis = try AdmissionRedis.over(server, postgres, appender)
        return (redis, AdmissionClient(redis: redis, instance: .mint(), configuration: .patient, logger: quiet))
    }

    @discardableResult
    func append(
        _ data: some EventData, _ stream: StreamName, _ version: Int64?, _ organization: OrganizationID, epoch: Int64? = nil
    )
        async throws -> AppendResult
    {
        try await appender.append(
            Command(
                NewEvent(data, stream: stream, expectedVersion: version, organization: organization, epoch: epoch)))
    }

    func serverKeys() async throws -> ServerKeys { ServerKeys(ledger: try await redis.epochs.ledgerID()) }

    /// Why each epoch of the ledger began, in order.
    func epochReasons() async throws -> [String] {
        try await postgres.query(
            "SELECT data ->> 'reason' FROM ledger.events WHERE type = 'admission.epoch_started' ORDER BY position"
        ).map { try $0.decode(0, as: String.self) }
    }

    func catchUp() async throws { try await projector.catchUp(mirror: mirror) }

    func redisCall(_ words: RedisArgument...) async throws -> RedisValue {
        try await redis.client.any.call(words, deadline: .seconds(10))
    }
}

extension AdmissionClient.Configuration {
    /// Deadlines that a busy machine does not miss: no test is about time.
    static var patient: Self {
        var configuration = Self()
        configuration.deadline = .seconds(5)
        configuration.healDeadline = .seconds(5)
        return configuration
    }
}

extension AdmissionRedis {
    static func over(_ server: RedisServer, _ postgres: PostgresClient, _ appender: Appender) throws -> AdmissionRedis {
        var configuration = try RedisConfiguration(url: server.socketURL)
        configuration.reconnectDelay = .milliseconds(5)
        configuration.maximumReconnectDelay = .milliseconds(20)
        return AdmissionRedis(
            configuration: configuration, eventLoopGroup: MultiThreadedEventLoopGroup.singleton,
            folder: try AdmissionFolder(path: admissionFolderPath), postgres: postgres, appender: appender, logger: quiet)
    }
}

/// An organization of a ledger, with one project and one key.
struct Shop: Sendable {
    let world: World
    let address: KeyAddress
    let digest: [UInt8]
    let strict: Bool

    /// Makes the organization by events; limits in nano-dollars.
    static func open(
        in world: World, credit: Int64, projectLimit: Int64? = nil, keyLimit: Int64? = nil, strict: Bool = true,
        periodLimit: PeriodLimit? = nil
    ) async throws -> Shop {
        let address = KeyAddress(organization: .mint(), project: .mint(), key: .mint())
        let digest = Array(SHA256.hash(data: Array(UUID().uuidString.utf8)))
        let organization = address.organization
        try await world.append(OrganizationCreated(strict: strict), .organization(organization), 0, organization)
        try await world.append(
            ProjectCreated(usageLimit: projectLimit.map { NanoDollars($0) }), .project(address.project), 0, organization)
        try await world.append(
            APIKeyCreated(
                project: address.project, tokenSHA256: Hexadecimal.encode(digest), usageLimit: keyLimit.map { NanoDollars($0) },
                periodLimit: periodLimit),
            .apiKey(address.key), 0, organization)
        try await world.append(
            CreditGranted(grant: .mint(), kind: .promotional, amount: NanoDollars(credit)), .credit(organization), nil,
            organization)
        return Shop(world: world, address: address, digest: digest, strict: strict)
    }

    func request(_ hold: Int64, id: RequestID = .mint()) -> AdmitRequest {
        AdmitRequest(digest: digest, address: address, request: id, hold: NanoDollars(hold), tokens: 0, policy: .max)
    }

    func admit(_ request: AdmitRequest) async throws(AdmissionError) -> AdmitDecision {
        try await world.client.admit(request, on: world.loop)
    }

    /// Appends the authorization of an admitted request.
    func authorize(
        _ request: AdmitRequest, _ admission: Admission, instance: InstanceID? = nil
    ) async throws -> AppendResult {
        try await world.append(
            RequestAuthorized(
                instance: instance ?? world.instance, epoch: admission.epoch, admittedAt: admission.admittedAt,
                project: address.project, apiKey: address.key, requestedModel: "m", model: "m", provider: "p", stream: false,
                held: request.hold, strict: strict),
            .request(request.request), 0, address.organization, epoch: admission.epoch)
    }

    func grant(_ amount: Int64) async throws {
        try await world.append(
            CreditGranted(grant: .mint(), kind: .paid, amount: NanoDollars(amount)), .credit(address.organization), nil,
            address.organization)
    }

    func outcome(held: Int64, cost: Int64, admittedAt: Timestamp = .now) -> Outcome {
        let charged = strict ? min(held, cost) : cost
        return Outcome(
            instance: world.instance, project: address.project, apiKey: address.key, requestedModel: "m", model: "m",
            provider: "p", upstreamModel: "m", stream: false, cached: false, estimated: false, status: 200, error: nil,
            finishReason: "stop", unifiedFinishReason: "completed", attempts: [], usage: TokenUsage(), catalogueVersion: "1",
            credential: .house, price: Bill(lines: [], total: NanoDollars(cost)), cost: .none, held: NanoDollars(held),
            charged: NanoDollars(charged), overrun: NanoDollars(cost - charged), durationMS: 1, timeToFirstTokenMS: nil,
            admittedAt: admittedAt)
    }

    /// Appends an outcome of version 2.
    @discardableResult
    func settle(_ request: RequestID, held: Int64, cost: Int64, admittedAt: Timestamp = .now) async throws -> AppendResult {
        try await world.append(
            RequestCompleted(outcome: outcome(held: held, cost: cost, admittedAt: admittedAt)), .request(request), 1,
            address.organization)
    }

    /// What Redis has: fields without the rate windows, and holds.
    func stored() async throws -> (fields: [String: String], holds: [String: String]) {
        let keys = OrganizationKeys(address.organization)
        let functions = Functions(connection: world.redis.client.any, folder: world.redis.folder)
        return (try await functions.hash(keys.state).filter { !$0.key.hasSuffix(":r") }, try await functions.hash(keys.holds))
    }

    /// What a seed from Postgres would put there.
    func seeded() async throws -> (fields: [String: String], holds: [String: String]) {
        guard let seed = try await SeedReader(postgres: world.postgres).read(address.organization, deadline: .seconds(5)) else {
            throw Unexpected(description: "no seed")
        }
        return seed.content
    }

    /// The most that was ever charged and held together, at any position of the ledger.
    func greatestExposure() async throws -> Int64 {
        let rows = try await world.postgres.query(
            """
            SELECT type, stream_id, coalesce((data ->> 'held')::bigint, 0), coalesce((data ->> 'charged')::bigint, 0)
            FROM ledger.events WHERE organization = $1 AND stream_kind = 'request' ORDER BY position
            """, [.uuid(address.organization.uuid)])
        var held: [UUID: Int64] = [:]
        var exposure: Int64 = 0
        var greatest: Int64 = 0
        for row in rows {
            let request = try row.decode(1, as: UUID.self)
            switch try row.decode(0, as: String.self) {
            case "request.authorized":
                held[request] = try row.decode(2)
                exposure += held[request] ?? 0
            case "request.voided": continue
            default: exposure += try row.decode(3, as: Int64.self) - (held.removeValue(forKey: request) ?? 0)
            }
            greatest = max(greatest, exposure)
        }
        return greatest
    }

    /// The balance that the ledger gives: credit less charges.
    func balance() async throws -> Int64 {
        try await world.postgres.query(
            """
            SELECT (coalesce(sum(CASE WHEN type IN ('credit.refunded', 'credit.expired') THEN -1 ELSE 1 END
                    * (data ->> 'amount')::numeric) FILTER (WHERE stream_kind = 'credit'), 0)
                - coalesce(sum((data ->> 'charged')::numeric) FILTER (WHERE stream_kind = 'request'), 0))::bigint
            FROM ledger.events WHERE organization = $1
            """, [.uuid(address.organization.uuid)])[0].decode(0)
    }
}

extension Seed {
    /// The fields and holds as they would stand in Redis; only for a seed without a tail.
    var content: (fields: [String: String], holds: [String: String]) {
        let words = arguments.map { argument in
            switch argument {
            case .string(let text): text
            case .bytes(let bytes): String(decoding: bytes, as: UTF8.self)
            }
        }
        var fields = ["epoch": words[0], "position": words[1]]
        var index = 3
        for _ in 0..<(Int(words[2]) ?? 0) {
            fields[words[index]] = words[index + 1]
            index += 2
        }
        var holds: [String: String] = [:]
        let count = Int(words[index]) ?? 0
        index += 1
        for _ in 0..<count {
            holds[words[index]] = words[index + 1]
            index += 2
        }
        return (fields, holds)
    }
}
