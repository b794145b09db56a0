import Foundation
import Money
import Postgres
import Simulation
import TestSupport
import Testing

@testable import Ledger

/// Seeded sequences of commands, for `ledger.append` of Postgres through the appender's own session and for the model alike: the same
/// answers, and the same ledger after every call.
@Suite(.serialized) struct LedgerConformanceTests {
    @Test func theModelAnswersAsPostgresDoes() async throws {
        let first = TestEnvironment.seed("ledger conformance")
        try await LedgerDatabase.with { database in
            var bench = try await LedgerBench(database)
            for offset in 0..<(TestEnvironment.soak ? 10_000 : 500) as Range<UInt64> {
                let difference = try await bench.run(seed: first &+ offset)
                try #require(difference == nil, "LLMGATEWAY_SEED=\(first &+ offset): \(difference ?? "")")
            }
        }
    }

    /// A model that is wrong is found out.
    @Test(arguments: [Mutation.forgetsIDs, .ignoresVersions, .ignoresEpochs]) func aWrongModelIsFound(mutation: Mutation)
        async throws
    {
        try await LedgerDatabase.with { database in
            var bench = try await LedgerBench(database, mutation: mutation)
            var difference: String?
            for seed in 0..<40 as Range<UInt64> where difference == nil { difference = try await bench.run(seed: seed) }
            #expect(difference != nil)
        }
    }
}

/// Postgres and the model side by side.
private struct LedgerBench {
    private let session: any AppendSession
    private let reader: LedgerReader
    private let client: PostgresClient
    private var model: LedgerModel

    init(_ database: LedgerDatabase, mutation: Mutation? = nil) async throws {
        session = try await PostgresAppendServer(database.service, logger: database.logger).connect()
        client = database.client
        reader = LedgerReader(client)
        model = LedgerModel(mutation: mutation)
        for event in try await reader.events() {
            _ = model.append([
                Command(
                    try NewEvent(
                        id: event.id, stream: event.stream, expectedVersion: event.streamVersion - 1, type: event.type,
                        schemaVersion: event.schemaVersion, organization: event.organization, data: event.data,
                        occurredAt: event.occurredAt, epoch: nil))
            ])
        }
    }

    /// - Returns: the first difference, or nil.
    mutating func run(seed: UInt64) async throws -> String? {
        var sequence = CommandSequence(seed: seed, model: model)
        for call in 0..<12 {
            let commands = try sequence.batch(model)
            let before = model.head
            let expected = model.append(commands)
            let results = try await session.append(commands)
            guard results == expected else {
                return "call \(call) was answered with \(String(describing: results)), the model says \(expected)"
            }
            let written = try await reader.events(after: before)
            let own = model.events[Int(before)...]
            guard written.map(\.position) == own.map(\.position), written.map(\.streamVersion) == own.map(\.version),
                written.map(\.id) == own.map(\.event.id), written.map(\.stream) == own.map(\.event.stream),
                written.map(\.type) == own.map(\.event.type)
            else { return "call \(call) left other events: \(written.map(\.type)) and \(own.map(\.event.type))" }
        }
        let rows = try await client.query("SELECT organization, epoch FROM ledger.epochs")
        var epochs: [UUID: Int64] = [:]
        for row in rows { epochs[try row.decode(0)] = try row.decode(1) }
        return epochs == model.epochs ? nil : "the epochs are \(epochs), the model has \(model.epochs)"
    }
}

/// Commands of one organization: new ones, the same again, changed ones, and ones that expect what is not.
private struct CommandSequence {
    private var random: SplitMix64
    private let organization = OrganizationID.mint()
    private let requests = (0..<4).map { _ in RequestID.mint() }
    private var sent: [Command] = []
    private let ledger: StreamName

    init(seed: UInt64, model: LedgerModel) {
        random = SplitMix64(seed: seed)
        ledger = model.events[0].event.stream
    }

    mutating func batch(_ model: LedgerModel) throws -> [Command] {
        try (0...random.below(5)).map { _ in try command(model) }
    }

    private mutating func command(_ model: LedgerModel) throws -> Command {
        let command: Command
        switch random.below(12) {
        case 0 where !sent.isEmpty: return sent[random.below(sent.count)]
        case 1 where !sent.isEmpty: command = try changed(sent[random.below(sent.count)])
        case 2:
            command = Command(
                try NewEvent(
                    AdmissionEpochStarted(reason: "test"), stream: ledger, expectedVersion: nil,
                    organization: random.once(in: 3) ? nil : organization))
        case 3...6:
            let request = requests[random.below(requests.count)]
            let newest = model.epoch(of: organization) ?? 0
            command = Command(
                try NewEvent(
                    RequestVoided(reason: "test", project: .mint(), apiKey: .mint(), held: NanoDollars(5)),
                    stream: .request(request), expectedVersion: Int64(random.below(4)) - (random.once(in: 2) ? 1 : 0) < 0 ? 0 : 1,
                    organization: organization,
                    epoch: [nil, newest, newest - 1, newest + 5][random.below(4)]))
        case 7: command = try several()
        default:
            let expected: Int64? = random.once(in: 2) ? nil : Int64(random.below(4))
            command = Command(
                try NewEvent(
                    CreditToppedUp(amount: NanoDollars(random.within(0...100))), stream: .credit(organization),
                    expectedVersion: expected, organization: organization))
        }
        sent.append(command)
        return command
    }

    /// A command of several events, of the same streams at times.
    private mutating func several() throws -> Command {
        var events: [NewEvent] = []
        for _ in 0..<(2 + random.below(3)) {
            let stream: StreamName =
                random.once(in: 2) ? .credit(organization) : .request(requests[random.below(requests.count)])
            let expected: Int64? = stream.kind == .request ? Int64(random.below(3)) : nil
            events.append(
                try NewEvent(
                    CreditToppedUp(amount: NanoDollars(random.within(0...100))), stream: stream, expectedVersion: expected,
                    organization: organization))
        }
        return try Command(events)
    }

    /// The same ids, with other content in one event, or with one event that is new.
    private mutating func changed(_ command: Command) throws -> Command {
        var events = command.events
        let index = random.below(events.count)
        let old = events[index]
        let keepsID = random.once(in: 2)
        events[index] = try NewEvent(
            CreditToppedUp(amount: NanoDollars(random.within(101...200))), id: keepsID ? old.id : nil, stream: old.stream,
            expectedVersion: old.expectedVersion, organization: organization, epoch: old.epoch)
        return try Command(events)
    }
}
