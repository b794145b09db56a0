import Foundation
import Ledger
import Postgres
import Projections
import Redis
import Simulation
import TestSupport
import Testing

@testable import Admission

/// Seeded sequences of events, for the admission projection of Postgres, which the product's projector applies, and for the model of its
/// tables alike: after every batch the same rows, and the same seed for Redis.
@Suite(.serialized, .timeLimit(.minutes(60))) struct TablesConformanceTests {
    @Test func theModelHoldsWhatTheTablesHold() async throws {
        let first = TestEnvironment.seed("tables conformance")
        try await TablesBench.with { bench in
            for offset in 0..<(TestEnvironment.soak ? 2_000 : 25) as Range<UInt64> {
                let difference = try await bench.run(seed: first &+ offset)
                try #require(difference == nil, "LLMGATEWAY_SEED=\(first &+ offset): \(difference ?? "")")
            }
        }
    }

    /// A seed has what came after the checkpoint as well.
    @Test func theModelSeedsWhatTheTablesDoNotHaveYet() async throws {
        let seed = TestEnvironment.seed("tables conformance, behind")
        try await TablesBench.with { bench in
            let difference = try await bench.run(seed: seed, fallingBehind: true)
            #expect(difference == nil, "LLMGATEWAY_SEED=\(seed): \(difference ?? "")")
        }
    }

    /// A model that leaves out one type of event is found out.
    @Test func aWrongModelIsFound() async throws {
        let types = [
            "organization.updated", "project.updated", "api_key.limit_changed", "api_key.rolled", "credit.adjusted",
            "request.completed", "request.abandoned", "request.settled_late",
        ]
        try await TablesBench.with { bench in
            for type in types {
                var difference: String?
                for seed in 0..<60 as Range<UInt64> where difference == nil {
                    difference = try await bench.run(seed: seed, hiding: type)
                }
                #expect(difference != nil, "\(type) may be left out")
            }
        }
    }
}

/// Postgres with a projector of the admission tables, and the model beside it.
private struct TablesBench {
    private let database: LedgerDatabase
    private let signal: LedgerSignal
    private let projecting: Task<Void, Never>
    private var ledger: LedgerModel
    private var tables = TablesModel()

    static func with(_ body: (inout TablesBench) async throws -> Void) async throws {
        try await LedgerDatabase.with { database in
            let signal = LedgerSignal()
            let projector = Projector(
                definition: try ProjectionDefinition.load(folder: TestEnvironment.root + "/projections/admission"),
                configuration: database.configuration, signal: signal, pace: .milliseconds(1), logger: database.logger)
            var bench = TablesBench(
                database: database, signal: signal, projecting: Task { await projector.run() },
                ledger: try await LedgerModel(of: LedgerReader(database.client)))
            var failure: (any Error)?
            do { try await body(&bench) } catch { failure = error }
            await bench.stopProjecting()
            if let failure { throw failure }
        }
    }

    private func stopProjecting() async {
        projecting.cancel()
        await projecting.value
    }

    /// - Parameters:
    ///   - type: What the model does not hear of. Rows alone are compared then: a seed's position would tell.
    ///   - fallingBehind: Ends with a batch that the tables never get.
    /// - Returns: the first difference, or nil.
    mutating func run(seed: UInt64, hiding type: String? = nil, fallingBehind: Bool = false) async throws -> String? {
        var sequence = TablesSequence(seed: seed, ledger: ledger.events[0].event.stream)
        for number in 0..<6 {
            let events = try sequence.batch()
            let head = try await append(events)
            signal.signal(head)
            guard
                try await waitUntil(projection: "admission", position: head, deadline: .seconds(120), client: database.client)
            else { return "batch \(number): the projector does not come to \(head)" }
            tables.apply(ledger.events[Int(tables.checkpoint)...].filter { $0.event.type != type }, upto: head)
            for organization in sequence.organizations {
                var difference = try await compareRows(organization)
                if difference == nil, type == nil { difference = try await compareSeeds(organization) }
                if let difference { return "batch \(number) of \(events.map(\.type)): \(difference)" }
            }
        }
        guard fallingBehind else { return nil }
        await stopProjecting()
        _ = try await append(try sequence.batch())
        for organization in sequence.organizations {
            if let difference = try await compareSeeds(organization) { return "behind: \(difference)" }
        }
        return nil
    }

    private struct Elsewhere: Error { let results: [AppendResult] }

    private mutating func append(_ events: [NewEvent]) async throws -> Int64 {
        let head = try await database.append(events)
        let results = ledger.append(events.map { Command($0) })
        guard results.last?.position == head else { throw Elsewhere(results: results) }
        return head
    }

    private func compareRows(_ organization: OrganizationID) async throws -> String? {
        let rows = try await database.client.query(Self.rows, [.uuid(organization.uuid)])
        let real = Set(try rows.map { try $0.decode(0, as: String.self) })
        return Self.difference(real, Set(tables.rows(of: organization.uuid))).map { "rows: \($0)" }
    }

    /// As `TablesModel.rows(of:)` has them.
    private static let rows = """
        SELECT concat_ws(' ', 'organization', status, strict, retention, policy, credited, charged)
        FROM admission.organizations WHERE organization = $1
        UNION ALL
        SELECT concat_ws(' ', 'project', project, status, coalesce(usage_limit::text, '-'), charged)
        FROM admission.projects WHERE organization = $1
        UNION ALL
        SELECT concat_ws(' ', 'key', api_key, project, token_sha256, status, coalesce(usage_limit::text, '-'),
            coalesce(requests_per_minute::text, '-'), coalesce(tokens_per_minute::text, '-'), coalesce(expires_at::text, '-'), charged)
        FROM admission.keys WHERE organization = $1
        UNION ALL
        SELECT concat_ws(' ', 'hold', request, project, api_key, instance, admitted_at, amount)
        FROM admission.holds WHERE organization = $1
        """

    private func compareSeeds(_ organization: OrganizationID) async throws -> String? {
        let seed = try await SeedReader(postgres: database.client).read(organization, deadline: .seconds(30))
        let own = tables.seed(of: organization.uuid, in: ledger)
        return Self.difference(Self.parts(of: seed), Self.parts(of: own)).map { "seeds: \($0)" }
    }

    private static func difference(_ real: Set<String>, _ own: Set<String>) -> String? {
        real == own ? nil : "Postgres has \(real.subtracting(own).sorted()), the model \(own.subtracting(real).sorted())"
    }

    /// What a seed brings. Fields and holds come in no order, events do.
    private static func parts(of seed: Seed?) -> Set<String> {
        guard let seed else { return ["no seed"] }
        let words = seed.arguments.map(\.words)
        var parts: Set<String> = ["run id \(seed.runID ?? "-")", "epoch \(words[0])", "position \(words[1])"]
        var index = 2
        for kind in ["field", "hold"] {
            let count = Int(words[index]) ?? 0
            index += 1
            for _ in 0..<count {
                parts.insert("\(kind) \(words[index]) \(words[index + 1])")
                index += 2
            }
        }
        if index < words.count { parts.insert("events \(words[index...].joined(separator: " "))") }
        return parts
    }
}
