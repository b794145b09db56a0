import ArgumentParser
import Foundation
import Histogram
import Logging
import NIOPosix
import Redis
import Synchronization
import TestSupport

/// The admission functions on a Redis of their own: what a request costs Redis, step by step.
struct AdmitBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "admit", abstract: "Redis's processor time and the time to the answer of each admission function.")

    @Option(help: "Requests of every line.")
    var requests = 60_000

    @Option(help: "Organizations, each with one project and one key, all three limited.")
    var organizations = 50

    @Option(help: "Numbers of concurrent callers.")
    var callers = 64

    func run() async throws {
        let server = try await RedisServer()
        do {
            try await measure(server)
        } catch {
            await server.tearDown()
            throw error
        }
        await server.tearDown()
    }

    private func measure(_ server: RedisServer) async throws {
        let logger = Logger(label: "benchmark") { _ in SwiftLogNoOpLogHandler() }
        let connection = RedisConnection(
            try RedisConfiguration(url: server.socketURL), on: MultiThreadedEventLoopGroup.singleton.next(), logger: logger)
        connection.start()
        let file = TestEnvironment.root + "/projections/admission/functions.lua"
        let library = try String(contentsOfFile: file, encoding: .utf8)
        _ = try await connection.call(["FUNCTION", "LOAD", .string(library)], deadline: .seconds(10))
        let shops = (0..<organizations).map { _ in Shop() }
        for shop in shops {
            let claim = try await connection.call(shop.claim).array ?? []
            guard claim.count == 3, let token = claim[1].string else { throw ValidationError("claim answered \(claim)") }
            _ = try await connection.call(shop.opening(token))
        }
        let ids = (0..<requests).map { _ in Shop.id() }
        func each(of places: Range<Int>? = nil, _ call: (Shop, String) -> [RedisArgument]) -> [[RedisArgument]] {
            (places ?? ids.indices).map { call(shops[$0 % shops.count], ids[$0]) }
        }
        print("function                        Redis us/call  calls/s   p50 us   p99 us")
        let half = requests / 2
        for (name, calls) in [
            ("PING", each { _, _ in ["PING"] }),
            ("admit, three limits and a hold", each { $0.admit($1) }),
            ("admit, the same again", each { $0.admit($1) }),
            ("available", each { shop, _ in shop.available }),
            ("apply, an authorization", each { $0.apply([["authorize", $1, $0.owner, Shop.time, "20000000", "-20000000"]]) }),
            ("lower to the charge", each(of: 0..<half) { $0.lower($1) }),
            ("apply, an outcome, lowered", each(of: 0..<half) { $0.apply([["settle", $1] + $0.charge]) }),
            ("apply, an outcome", each(of: half..<requests) { $0.apply([["settle", $1] + $0.charge]) }),
        ] {
            try await line(name, calls, per: 1, connection)
        }
        // As a projector under load finds them: admitted, lowered to the charge, authorization and outcome in one slice.
        let more = (0..<requests).map { _ in Shop.id() }
        let owners = more.indices.map { shops[$0 / 50 % shops.count] }
        try await line("admit, once more", zip(owners, more).map { $0.admit($1) }, per: 1, connection)
        try await line("lower, once more", zip(owners, more).map { $0.lower($1) }, per: 1, connection)
        let batches = stride(from: 0, to: requests - 50, by: 50).map { start in
            let shop = owners[start]
            return shop.apply(
                more[start..<start + 50].flatMap { id in
                    [["authorize", id, shop.owner, Shop.time, "20000000", "-20000000"], ["settle", id] + shop.charge]
                })
        }
        try await line("apply, one event of 100", batches, per: 100, connection)
        await connection.shutdown()
    }

    private func line(
        _ name: String, _ calls: [[RedisArgument]], per events: Int, _ connection: RedisConnection
    ) async throws {
        let before = try await processor(connection)
        let executor = EventLoopTaskExecutor(connection.eventLoop)
        let next = Turn()
        let clock = ContinuousClock()
        let start = clock.now
        let histogram = try await withThrowingTaskGroup(of: Histogram<UInt32>.self) { group in
            for _ in 0..<callers {
                group.addTask(executorPreference: executor) {
                    var histogram = Histogram<UInt32>(
                        highestTrackableValue: 10_000_000_000, numberOfSignificantValueDigits: .three)
                    while true {
                        let index = next.take()
                        guard index < calls.count else { return histogram }
                        let begin = clock.now
                        let answer = try await connection.call(calls[index], deadline: .seconds(10))
                        histogram.record(UInt64((clock.now - begin) / .nanoseconds(1)))
                        let word = answer.string?.prefix { $0 != " " } ?? "figures"
                        guard ["PONG", "admitted", "applied", "lowered", "figures"].contains(String(word)) else {
                            throw ValidationError("\(name): Redis answered \(answer)")
                        }
                    }
                }
            }
            var sum = Histogram<UInt32>(highestTrackableValue: 10_000_000_000, numberOfSignificantValueDigits: .three)
            for try await histogram in group { sum.add(histogram) }
            return sum
        }
        let seconds = (clock.now - start) / .seconds(1)
        let used = try await processor(connection) - before
        print(
            name.padding(toLength: 30, withPad: " ", startingAt: 0)
                + String(
                    format: " %13.2f %9.0f %8.1f %8.1f", used / Double(calls.count * events) * 1e6,
                    Double(calls.count * events) / seconds, Double(histogram.valueAtPercentile(50)) / 1000,
                    Double(histogram.valueAtPercentile(99)) / 1000))
    }

    /// Seconds of Redis's main thread.
    private func processor(_ connection: RedisConnection) async throws -> Double {
        let text = try await connection.call(["INFO", "cpu"]).string ?? ""
        return text.split(whereSeparator: \.isNewline).reduce(0) { sum, line in
            let parts = line.split(separator: ":")
            guard parts.count == 2, parts[0].hasSuffix("main_thread"), let seconds = Double(parts[1]) else { return sum }
            return sum + seconds
        }
    }

    /// Gives each caller the next call.
    private final class Turn: Sendable {
        private let next = Atomic(0)
        func take() -> Int { next.wrappingAdd(1, ordering: .relaxed).oldValue }
    }

    /// One organization's calls. Positions are counted while the calls are made.
    private final class Shop {
        static let time = "1700000000"
        private static let digest = String(repeating: "ab", count: 32)
        private let tag = "{\(Shop.id())}"
        private let project = Shop.id()
        private let key = Shop.id()
        private let instance = Shop.id()
        private var position = 4

        static func id() -> String { UUID().uuidString.lowercased() }

        var owner: String { project + key + instance }
        var charge: [String] { [project, key, "15000000", "-15000000"] }

        var claim: [RedisArgument] { call("claim", 4, ["opening", "0", "10000"]) }

        /// The organization's first slice, with limits that nobody reaches.
        func opening(_ token: String) -> [RedisArgument] {
            let limit = "1000000000000000000"
            let steps = [
                "1", "organization", "active", "true", "2", "project", project, "active", limit, "-" + limit, "3", "key", key,
                Self.digest, "active", limit, "-" + limit, "", "", "", "4", "credit", limit,
            ]
            return call("seed", 4, [token, "2", "0", "0", "0", "0", "4"] + steps)
        }

        func admit(_ request: String) -> [RedisArgument] {
            call("admit", 2, [request, owner, Self.digest, "20000000", "-20000000", "100", "0"])
        }

        func lower(_ request: String) -> [RedisArgument] { call("lower", 2, [request, "15000000", "-15000000"]) }

        var available: [RedisArgument] { call("available", 1, [project, key]) }

        func apply(_ steps: [[String]]) -> [RedisArgument] {
            var words = ["\(position)", "\(position + steps.count)"]
            for step in steps {
                position += 1
                words.append("\(position)")
                words += step
            }
            return call("apply", 4, words)
        }

        private func call(_ function: String, _ keys: Int, _ words: [String]) -> [RedisArgument] {
            let names = ["state", "holds", "seeding", "backlog"].prefix(keys).map { "\(tag):\($0)" }
            return ["FCALL", .string("llmgateway_admission_dev_" + function), .string("\(keys)")]
                + (names + words).map(RedisArgument.string)
        }
    }
}
