import ArgumentParser
import Foundation
import Simulation

/// Runs schedules of the simulated world, and repeats one by its seed.
@main
struct Simulate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate", abstract: "Runs schedules of the simulated world (Tests/Simulation).")

    @Option(help: "The first seed; a failure is repeated by its own.") var seed: UInt64?
    @Option(help: "How many schedules, one seed after the other.") var schedules: UInt64 = 1
    @Option(help: "A fault to put in on purpose, to see it found.") var mutation: String?
    @Flag(help: "Prints what happens, line by line.") var trace = false

    func validate() throws {
        if let mutation, Mutation(rawValue: mutation) == nil {
            throw ValidationError("mutations are \(Mutation.allCases.map(\.rawValue).joined(separator: ", "))")
        }
    }

    func run() throws {
        let first = seed ?? .random(in: 0...UInt64(UInt32.max))
        let clock = ContinuousClock()
        let began = clock.now
        var (failures, steps, events, answered) = (0, 0, 0, 0)
        var digest: UInt64 = 0
        for offset in 0..<schedules {
            let report = Schedule(seed: first &+ offset, mutation: mutation.flatMap(Mutation.init(rawValue:)))
                .run(keepsLines: trace)
            for line in report.lines { print(line) }
            digest = digest &* 31 &+ report.digest
            steps += report.steps
            events += report.events
            answered += report.answered
            guard !report.violations.isEmpty else { continue }
            failures += 1
            for violation in report.violations { print("seed \(report.seed): \(violation)") }
            if failures == 20 { break }
        }
        print(
            "\(schedules) schedules from seed \(first): \(failures) failed, \(steps) steps, \(events) events, \(answered) answers, "
                + "digest \(String(digest, radix: 16)), \(clock.now - began)")
        if failures > 0 { throw ExitCode.failure }
    }
}
