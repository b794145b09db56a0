import ArgumentParser
import Foundation
import Simulation
import Synchronization

/// Runs schedules of the simulated world, and repeats one by its seed.
@main
struct Simulate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate", abstract: "Runs schedules of the simulated world (Tests/Simulation).")

    @Option(help: "The first seed; a failure is repeated by its own.") var seed: UInt64?
    @Option(help: "How many schedules, one seed after the other.") var schedules: UInt64 = 1
    @Option(help: "How many worlds run side by side, each on one thread.") var jobs: UInt64 = 1
    @Option(help: "A fault to put in on purpose, to see it found.") var mutation: String?
    @Flag(help: "Prints what happens, line by line.") var trace = false

    private static let mostFailures = 20

    private struct Sum {
        var failures = 0
        var schedules = 0
        var steps = 0
        var events = 0
        var answered = 0
        /// The same for the same seeds, in whatever order they were run.
        var digest: UInt64 = 0

        mutating func add(_ report: Schedule.Report) {
            schedules += 1
            steps += report.steps
            events += report.events
            answered += report.answered
            digest &+= report.digest
            if !report.violations.isEmpty { failures += 1 }
        }
    }

    func validate() throws {
        if let mutation, Mutation(rawValue: mutation) == nil {
            throw ValidationError("mutations are \(Mutation.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        guard jobs > 0 else { throw ValidationError("--jobs takes a number above zero") }
    }

    func run() throws {
        let first = seed ?? .random(in: 0...UInt64(UInt32.max))
        let mutation = mutation.flatMap(Mutation.init(rawValue:))
        let (schedules, jobs, trace) = (schedules, jobs, trace)
        let clock = ContinuousClock()
        let began = clock.now
        let sums = Sums()
        DispatchQueue.concurrentPerform(iterations: Int(jobs)) { job in
            for offset in stride(from: UInt64(job), to: schedules, by: UInt64.Stride(jobs)) {
                let report = Schedule(seed: first &+ offset, mutation: mutation).run(keepsLines: trace)
                let isEnough = sums.value.withLock { sum in
                    sum.add(report)
                    for line in report.lines { print(line) }
                    for violation in report.violations { print("seed \(report.seed): \(violation)") }
                    return sum.failures >= Self.mostFailures
                }
                if isEnough { return }
            }
        }
        let sum = sums.value.withLock { $0 }
        print(
            "\(sum.schedules) schedules from seed \(first): \(sum.failures) failed, \(sum.steps) steps, \(sum.events) events, "
                + "\(sum.answered) answers, digest \(String(sum.digest, radix: 16)), \(clock.now - began)")
        if sum.failures > 0 { throw ExitCode.failure }
    }

    private final class Sums: Sendable {
        let value = Mutex(Sum())
    }
}
