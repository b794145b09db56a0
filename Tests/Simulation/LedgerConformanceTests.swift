import Ledger
import Simulation
import TestSupport
import Testing

/// Seeded sequences of commands, for `ledger.append` of Postgres through the appender's own session and for the model alike: the same
/// answers, and after every call the same events, column by column, in the same chain, and the same epochs.
@Suite(.serialized) struct LedgerConformanceTests {
    @Test func theModelAnswersAsPostgresDoes() async throws {
        let first = TestEnvironment.seed("ledger conformance")
        try await LedgerDatabase.with { database in
            var bench = try await LedgerBench(database)
            for offset in 0..<(TestEnvironment.soak ? 10_000 : 500) as Range<UInt64> {
                let difference = try await bench.run(seed: first &+ offset)
                try #require(difference == nil, "LLMGATEWAY_SEED=\(first &+ offset): \(difference ?? "")")
            }
            let missing = Self.lives.subtracting(bench.model.events.map { "\($0.event.type) \($0.version)" })
            #expect(missing.isEmpty, "the sequences never had \(missing), and compare little")
        }
    }

    /// What a request's stream is made of, and at which versions.
    private static let lives: Set<String> = [
        "request.voided 1", "request.authorized 1", "request.completed 1", "request.completed 2", "request.failed 2",
        "request.cancelled 2", "request.abandoned 2", "request.settled_late 3",
    ]

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
