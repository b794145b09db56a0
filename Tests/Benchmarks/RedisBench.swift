import ArgumentParser
import Foundation
import Histogram
import Logging
import NIOPosix
import Redis
import TestSupport

/// Calls of a small limiter function through one connection, with redis-benchmark's figure of the same run as the yardstick.
struct RedisBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "redis", abstract: "Checks of a small function a second, over one multiplexed connection.")

    @Option(help: "Seconds of every line.")
    var seconds = 2.0

    @Option(parsing: .upToNextOption, help: "Numbers of concurrent callers.")
    var callers = [1, 8, 64]

    /// Adds to a counter that expires, and says whether it is still within its limit.
    private static let library = """
        #!lua name=limiter
        redis.register_function('check', function(keys, args)
          local count = redis.call('INCRBY', keys[1], args[1])
          if count == tonumber(args[1]) then redis.call('PEXPIRE', keys[1], args[3]) end
          return count <= tonumber(args[2]) and 1 or 0
        end)
        """
    private static let arguments = ["1", "1000000000", "60000"]

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
            try RedisConfiguration(url: server.url), on: MultiThreadedEventLoopGroup.singleton.next(), logger: logger)
        connection.start()
        _ = try await connection.call(["FUNCTION", "LOAD", .string(Self.library)], deadline: .seconds(10))
        print("callers  where     checks/s     p50 us     p99 us  CPU us/check  checks/flush   redis-benchmark  ratio")
        for count in callers {
            let yardstick = try await redisBenchmark(server, clients: count, pipeline: 1)
            for isPinned in [true, false] {
                let before = connection.statistics
                let line = try await load(connection, callers: count, isPinned: isPinned)
                let after = connection.statistics
                let perFlush = Double(after.calls - before.calls) / Double(max(after.flushes - before.flushes, 1))
                print(
                    String(
                        format: "%7d  %@ %11.0f %10.1f %10.1f  %12.2f  %12.1f  %16.0f  %5.2f", count,
                        isPinned ? "on loop " : "off loop", line.perSecond, line.median, line.tail, line.processor, perFlush,
                        yardstick, line.perSecond / yardstick))
            }
        }
        let pipelined = try await redisBenchmark(server, clients: 1, pipeline: 64)
        print(String(format: "redis-benchmark, one client that pipelines 64: %.0f checks/s", pipelined))
        await connection.shutdown()
    }

    private struct Line {
        var perSecond = 0.0
        /// Microseconds, as the other times.
        var median = 0.0
        var tail = 0.0
        var processor = 0.0
    }

    private func load(_ connection: RedisConnection, callers: Int, isPinned: Bool) async throws -> Line {
        let executor = isPinned ? EventLoopTaskExecutor(connection.eventLoop) : nil
        let clock = ContinuousClock()
        let start = clock.now
        let end = start + .seconds(seconds)
        let processorBefore = processorMicroseconds()
        let histogram = try await withThrowingTaskGroup(of: Histogram<UInt32>.self) { group in
            for caller in 0..<callers {
                group.addTask(executorPreference: executor) {
                    var histogram = Histogram<UInt32>(
                        highestTrackableValue: 10_000_000_000, numberOfSignificantValueDigits: .three)
                    let keys = ["benchmark:\(caller)"]
                    var before = clock.now
                    while before < end {
                        let answer = try await connection.fcall("check", keys: keys, arguments: Self.arguments)
                        guard answer == .integer(1) else { throw ValidationError("the limiter refused: \(answer)") }
                        let now = clock.now
                        histogram.record(UInt64((now - before) / .nanoseconds(1)))
                        before = now
                    }
                    return histogram
                }
            }
            var sum = Histogram<UInt32>(highestTrackableValue: 10_000_000_000, numberOfSignificantValueDigits: .three)
            for try await histogram in group { sum.add(histogram) }
            return sum
        }
        let elapsed = (clock.now - start) / .seconds(1)
        let checks = Double(histogram.totalCount)
        return Line(
            perSecond: checks / elapsed, median: Double(histogram.valueAtPercentile(50)) / 1_000,
            tail: Double(histogram.valueAtPercentile(99)) / 1_000, processor: (processorMicroseconds() - processorBefore) / checks
        )
    }

    /// User and system time of this process.
    private func processorMicroseconds() -> Double {
        var usage = rusage()
        getrusage(RUSAGE_SELF.rawValue, &usage)
        return Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6
            + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec)
    }

    /// Calls a second of the same function by Redis's own load generator.
    private func redisBenchmark(_ server: RedisServer, clients: Int, pipeline: Int) async throws -> Double {
        let output = "\(server.folder)/redis-benchmark.csv"
        let requests = Int(seconds * (pipeline > 1 ? 200_000 : clients > 1 ? 50_000 : 15_000))
        let command = """
            redis-benchmark -p \(server.port) -c \(clients) -P \(pipeline) -n \(requests) --csv \
            fcall check 1 benchmark:yardstick \(Self.arguments.joined(separator: " ")) > \(output)
            """
        let status = await (try ChildProcess("sh", ["-c", command])).wait()
        let text = try String(contentsOfFile: output, encoding: .utf8)
        // The last line begins with the quoted name of the test and the calls a second.
        let fields = text.split(separator: "\n").last?.split(separator: "\",\"") ?? []
        guard status == 0, fields.count > 1, let perSecond = Double(fields[1]) else {
            throw ValidationError("redis-benchmark ended with \(status): \(text)")
        }
        return perSecond
    }
}
