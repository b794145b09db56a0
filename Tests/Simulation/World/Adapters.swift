import Admission
import Foundation
import Ledger
import Postgres
import Redis

/// The ledger's database, as one process reaches it.
struct SimulatedPostgres: AppendServer, LeaseBook, AdmissionReads {
    let world: World
    let process: SimulatedProcess

    /// Asks the database; patience in microseconds.
    func ask<R: Sendable>(
        _ what: String, patience: Int64 = 5_000_000, mayComeLate: Bool = true, _ body: @escaping () -> R
    ) async throws(AdmissionError) -> R {
        switch await world.network.exchange(
            process, world.postgresServer, what, patience: patience, mayComeLate: mayComeLate, perform: body)
        {
        case .success(let answer): return answer
        case .failure: throw AdmissionError(.unavailable, "Postgres does not answer")
        }
    }

    func connect() async throws -> any AppendSession {
        let generation = world.postgresServer.generation
        try await ask("connect", patience: 1_000_000) {}
        return Session(postgres: self, generation: generation)
    }

    // Sendable because only the thread that runs the simulation ever touches it.
    private final class Session: AppendSession, @unchecked Sendable {
        let postgres: SimulatedPostgres
        let generation: Int
        private var isBroken = false

        init(postgres: SimulatedPostgres, generation: Int) {
            self.postgres = postgres
            self.generation = generation
        }

        var isOpen: Bool { !isBroken && postgres.world.postgresServer.generation == generation }

        func append(_ commands: [Command]) async throws(PostgresError) -> [AppendResult]? {
            guard isOpen else { throw PostgresError(.connectionLost, "broken", outcomeUnknown: false) }
            let world = postgres.world
            let answer = await world.network.exchange(
                postgres.process, world.postgresServer, "append", patience: 10_000_000
            ) { () -> Result<[AppendResult], PostgresError> in
                if commands.contains(where: { $0.events.contains { $0.type == City.poison } }) {
                    return .failure(PostgresError(.server, "poison", sqlState: "22P02"))
                }
                if world.network.faultRate > 0, world.scheduler.random.once(in: world.network.faultRate * 2) {
                    return .failure(PostgresError(.server, "could not extend file", sqlState: "53100"))
                }
                return .success(world.append(commands))
            }
            switch answer {
            case .success(let result): return try result.get()
            case .failure(.notSent):
                isBroken = true
                throw PostgresError(.connectionLost, "broken", outcomeUnknown: false)
            case .failure(.unknown):
                isBroken = true
                throw PostgresError(.connectionLost, "broken", outcomeUnknown: true)
            }
        }

        func ask() async throws(PostgresError) {
            guard isOpen else { throw PostgresError(.connectionLost, "broken", outcomeUnknown: false) }
            do { try await postgres.ask("ask") {} } catch {
                isBroken = true
                throw PostgresError(.connectionLost, "broken", outcomeUnknown: true)
            }
        }

        func close() async { isBroken = true }
    }

    // MARK: Leases

    func renew(_ instance: InstanceID, deadline: Duration) async throws -> Bool {
        try await ask("renew") { [world] in world.ledger.renewLease(instance, at: world.postgresClock) }
    }

    func end(_ instance: InstanceID, deadline: Duration) async throws {
        try await ask("end") { [world] in world.ledger.endLease(instance) }
    }

    func bury(by instance: InstanceID, deadline: Duration) async throws -> Bool {
        try await ask("bury") { [world] in world.ledger.buryInstances(by: instance, at: world.postgresClock) }
    }

    // MARK: What admission reads

    func ledgerID() async throws -> UUID? { world.ledger.events.first?.event.stream.id }

    func record(deadline: Duration) async throws -> EpochRecord? {
        try await ask("record") { [world] in
            let ledger = world.ledger
            guard let epoch = ledger.epochs[.zero] else { return nil }
            let version = ledger.events.last { $0.event.stream.kind == .ledger }?.version ?? 0
            return EpochRecord(epoch: epoch, runID: ledger.runID, head: ledger.head, version: version)
        }
    }

    func seed(of organization: OrganizationID, deadline: Duration) async throws(AdmissionError) -> Seed? {
        try await ask("seed") { [world] in world.tables.seed(of: organization.uuid, in: world.ledger) }
    }

    func organizations(after last: OrganizationID?, limit: Int32) async throws -> [OrganizationID] {
        try await ask("organizations") { [world] in
            let all = world.tables.organizations.keys.map { OrganizationID(uuid: $0) }.sorted()
            return Array(all.filter { id in last.map { id > $0 } ?? true }.prefix(Int(limit)))
        }
    }

    func known(_ organizations: [OrganizationID]) async throws -> [OrganizationID] {
        try await ask("known") { [world] in organizations.filter { world.tables.organizations[$0.uuid] != nil } }
    }

    func dead(limit: Int32) async throws -> [DeadRequest] {
        try await ask("dead") { [world] in
            var found: [DeadRequest] = []
            for (request, hold) in world.tables.holds.sorted(by: { $0.key.lowercase < $1.key.lowercase }) {
                let stream = world.ledger.stream(.request(RequestID(uuid: request)))
                guard let first = stream.first, stream.count < 2,
                    world.ledger.isDead(InstanceID(uuid: hold.instance)) == true
                else { continue }
                found.append(
                    DeadRequest(
                        organization: OrganizationID(uuid: hold.organization), request: RequestID(uuid: request),
                        data: first.event.data, schemaVersion: first.event.schemaVersion,
                        now: Timestamp(microseconds: world.postgresClock)))
            }
            return Array(found.prefix(Int(limit)))
        }
    }

    func address(ofDigest digest: String, deadline: Duration) async throws -> KeyAddress? {
        try await ask("address") { [world] in
            world.tables.keys.first { $0.value.digest == digest && $0.value.status != "deleted" }.map { key, row in
                KeyAddress(
                    organization: OrganizationID(uuid: row.organization), project: ProjectID(uuid: row.project),
                    key: APIKeyID(uuid: key))
            }
        }
    }
}

extension City {
    /// A type of event that the server refuses, whatever batch it comes in.
    static let poison = "simulation.poison"
}

/// Redis, as one process reaches it: a connection that has just been made is checked before anything else goes out.
// Sendable because only the thread that runs the simulation ever touches it.
final class SimulatedRedis: AdmissionConnection, @unchecked Sendable {
    private let world: World
    private let process: SimulatedProcess
    /// The generation of the server that this connection has been checked with.
    private var checked: Int?
    /// Sends without a check: the connection that the check itself uses.
    private let isSetup: Bool
    var trust: RedisTrust?

    init(_ world: World, _ process: SimulatedProcess, isSetup: Bool = false) {
        self.world = world
        self.process = process
        self.isSetup = isSetup
    }

    func call(
        _ function: AdmissionFunction, keys: [String], _ arguments: [RedisArgument], deadline: Duration
    ) async throws(AdmissionError) -> RedisValue {
        try await check()
        let world = world
        let answer = try await send(function.rawValue, deadline) {
            let answer = world.redis.call(function, keys: keys, arguments, at: world.wallClock)
            world.scheduler.note("\(function) \(arguments.map(\.text)) -> \(answer)", Int64(function.rawValue.utf8.count))
            return answer
        }
        return try answer.get()
    }

    func command(_ arguments: [RedisArgument], deadline: Duration) async throws(AdmissionError) -> RedisValue {
        try await check()
        let world = world
        return try await send("command", deadline) { world.redis.command(arguments, at: world.wallClock) }.get()
    }

    func tell(
        _ function: AdmissionFunction, keys: [String], _ arguments: [RedisArgument], deadline: Duration,
        failed: @escaping @Sendable (any Error) -> Void
    ) {
        let (world, generation) = (world, world.redisServer.generation)
        guard checked == generation else { return }
        world.network.tell(process, world.redisServer, function.rawValue) {
            guard world.redisServer.generation == generation else { return }
            _ = world.redis.call(function, keys: keys, arguments, at: world.wallClock)
        }
    }

    /// Whether what stands there now has been checked.
    var isChecked: Bool { checked == world.redisServer.generation }

    private func check() async throws(AdmissionError) {
        let generation = world.redisServer.generation
        guard !isSetup, checked != generation, let trust else { return }
        try await trust.establish(on: SimulatedRedis(world, process, isSetup: true))
        checked = generation
    }

    private func send(
        _ what: String, _ deadline: Duration, _ body: @escaping () -> AdmissionModel.Answer
    ) async throws(AdmissionError) -> AdmissionModel.Answer {
        let (seconds, attoseconds) = deadline.components
        let patience = max(1_000, seconds * 1_000_000 + attoseconds / 1_000_000_000_000)
        switch await world.network.exchange(process, world.redisServer, what, patience: patience, perform: body) {
        case .success(let answer): return answer
        case .failure: throw AdmissionError(.unavailable, "Redis does not answer")
        }
    }
}
