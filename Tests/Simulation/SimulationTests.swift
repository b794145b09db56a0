import Foundation
import Simulation
import TestSupport
import Testing

/// Worlds on one deterministic executor; see README.md.
@Suite(.serialized) struct SimulationTests {
    /// The optimized program beside the gateway's, where `tools/test` builds it.
    private static let program =
        (ProcessInfo.processInfo.environment["LLMGATEWAY_EXECUTABLE"] ?? "").split(separator: "/")
        .dropLast().reduce("") { "\($0)/\($1)" } + "/simulate"
    private static var isBuilt: Bool { FileManager.default.isExecutableFile(atPath: program) }

    /// A failure is printed with its own seed, and `simulate --seed THAT --trace` repeats it: nothing else is needed.
    @Test(.enabled(if: isBuilt, "swift build -c release --product simulate makes the program"))
    func aHundredThousandWorldsKeepTheirPromises() async throws {
        let count = TestEnvironment.soak ? 2_000_000 : 100_000
        let seed = TestEnvironment.seed("simulation", usually: 1) % 1_000_000_000_000
        let said = try await runCommand(
            [Self.program, "--seed", "\(seed)", "--schedules", "\(count)", "--jobs", "2"],
            limit: TestEnvironment.soak ? 14_400 : 900)
        print(said)
        #expect(said.hasPrefix("\(count) schedules from seed \(seed): 0 failed"))
    }

    /// The same without optimization, so that overflow and bounds are checked.
    @Test func worldsKeepTheirPromises() async {
        let first = TestEnvironment.seed("simulation, unoptimized", usually: 1_000_000)
        let failed = await onThread {
            (0..<300 as Range<UInt64>).map { Schedule(seed: first &+ $0).run() }.filter { !$0.violations.isEmpty }
        }
        for report in failed { Issue.record("LLMGATEWAY_SEED=\(report.seed): \(report.violations)") }
    }

    /// In this process, and in another one of another build.
    @Test func theSameSeedGivesTheSameWorld() async throws {
        let first = TestEnvironment.seed("simulation, twice") % 1_000_000_000_000
        let pairs = await onThread {
            (0..<50 as Range<UInt64>).map { (Schedule(seed: first &+ $0).run(), Schedule(seed: first &+ $0).run()) }
        }
        for (one, other) in pairs {
            #expect(one.digest == other.digest, "LLMGATEWAY_SEED=\(one.seed)")
            #expect(one.steps == other.steps)
        }
        guard Self.isBuilt else { return }
        let said = try await runCommand([Self.program, "--seed", "\(first)", "--schedules", "\(pairs.count)"])
        let digest = pairs.reduce(UInt64(0)) { $0 &+ $1.0.digest }
        #expect(said.contains("digest \(String(digest, radix: 16)),"))
    }

    /// The reference finds every fault that is put in on purpose, or it would find none.
    @Test(arguments: Mutation.allCases) func aBrokenWorldIsFound(mutation: Mutation) async {
        let found = await onThread { () -> Schedule.Report? in
            for seed in 0..<2_000 as Range<UInt64> {
                let report = Schedule(seed: seed, mutation: mutation).run()
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
