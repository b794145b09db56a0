import Foundation
import Simulation
import TestSupport
import Testing

/// A hundred thousand worlds on one deterministic executor; see README.md.
@Suite(.serialized) struct SimulationTests {
    /// The seed of a failure is printed with it: LLMGATEWAY_SEED=THAT repeats it, and nothing else is needed.
    @Test func worldsKeepTheirPromises() async {
        let first = TestEnvironment.seed("simulation")
        let count: UInt64 = TestEnvironment.soak ? 100_000 : 1_000
        let failed = await onThread { () -> [Schedule.Report] in
            var failed: [Schedule.Report] = []
            for offset in 0..<count where failed.count < 3 {
                let report = Schedule(seed: first &+ offset).run()
                if !report.violations.isEmpty { failed.append(report) }
            }
            return failed
        }
        for report in failed { Issue.record("LLMGATEWAY_SEED=\(report.seed): \(report.violations)") }
    }

    @Test func theSameSeedGivesTheSameWorld() async {
        let first = TestEnvironment.seed("simulation, twice")
        let pairs = await onThread {
            (0..<50).map { (Schedule(seed: first &+ $0).run(), Schedule(seed: first &+ $0).run()) }
        }
        for (one, other) in pairs {
            #expect(one.digest == other.digest, "LLMGATEWAY_SEED=\(one.seed)")
            #expect(one.steps == other.steps)
        }
    }

    /// The reference finds every fault that is put in on purpose, or it would find none.
    @Test(arguments: Mutation.allCases) func aBrokenWorldIsFound(mutation: Mutation) async {
        let found = await onThread { () -> Schedule.Report? in
            for seed in 0..<3_000 {
                let report = Schedule(seed: UInt64(seed), mutation: mutation).run()
                if !report.violations.isEmpty { return report }
            }
            return nil
        }
        #expect(found != nil, "\(mutation) was not found")
        if let found { print("\(mutation): seed \(found.seed): \(found.violations[0])") }
    }
}

/// Runs it on a thread of its own, because it takes a thread for as long as it runs.
func onThread<R: Sendable>(_ body: @escaping @Sendable () -> R) async -> R {
    await withCheckedContinuation { continuation in
        let thread = Thread { continuation.resume(returning: body()) }
        thread.stackSize = 8 << 20
        thread.start()
    }
}
