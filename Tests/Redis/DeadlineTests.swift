import Foundation
import NIOCore
import NIOPosix
import TestSupport
import Testing

@testable import Redis

@Suite(.timeLimit(.minutes(3))) struct DeadlineTests {
    @Test func aLateCallFailsAndLaterAnswersStayRight() async throws {
        try await withServer { server in
            try await withConnection(server.socketURL) {
                $0.silenceLimit = .seconds(60)
            } _: { redis in
                _ = try await redis.call(["PING"])
                server.pause()
                async let slow = failure { () throws(RedisError) in
                    try await redis.call(["INCR", "n"], deadline: .seconds(1))
                }
                async let behind = failure { () throws(RedisError) in
                    try await redis.call(["ECHO", "behind"], deadline: .seconds(1))
                }
                for error in try await [slow, behind] {
                    #expect(error.code == .deadlineExceeded)
                    #expect(error.outcomeUnknown)
                }
                #expect(redis.statistics.outstanding == 2)
                server.resume()
                for index in 0..<20 {
                    let echo = try await redis.call(["ECHO", .string(index)], deadline: .seconds(10))
                    #expect(echo.int64 == Int64(index))
                }
                #expect(try await redis.call(["GET", "n"], deadline: .seconds(10)).int64 == 1)
                #expect(redis.statistics.outstanding == 0)
                #expect(redis.statistics.connects == 1)
            }
        }
    }

    @Test func aConnectionThatSaysNothingIsGivenUpAndMadeAgain() async throws {
        try await withServer { server in
            try await withConnection(server.socketURL) {
                $0.silenceLimit = .milliseconds(150)
                $0.setupDeadline = .seconds(1)
            } _: { redis in
                _ = try await redis.call(["SET", "a", "b"])
                server.pause()
                async let late = failure { () throws(RedisError) in
                    try await redis.call(["INCR", "n"], deadline: .seconds(1))
                }
                async let patient = failure { () throws(RedisError) in
                    try await redis.call(["INCR", "n"], deadline: .seconds(50))
                }
                #expect(try await late.code == .deadlineExceeded)
                let lost = try await patient
                #expect(lost.code == .connectionLost)
                #expect(lost.outcomeUnknown)
                #expect(!redis.isReady)
                server.resume()
                #expect(try await redis.call(["GET", "a"], deadline: .seconds(20)).string == "b")
                #expect(redis.statistics.connects == 2)
            }
        }
    }

    @Test func aCallBehindASlowOneFailsAtItsOwnDeadline() async throws {
        try await withServer { server in
            try await withConnection(server.socketURL) {
                $0.silenceLimit = .seconds(60)
            } _: { redis in
                _ = try await redis.call(["PING"])
                let flushes = redis.statistics.flushes
                // Stopped, not put to sleep: however late this machine looks at its clocks, the deadline passes first.
                server.pause()
                async let slow = redis.call(["ECHO", "slow"], deadline: .seconds(50))
                try await eventually("the slow call is in flight") { redis.statistics.flushes > flushes }
                let behind = try await failure { () throws(RedisError) in
                    try await redis.call(["ECHO", "behind"], deadline: .seconds(1))
                }
                #expect(behind.code == .deadlineExceeded)
                #expect(behind.outcomeUnknown)
                server.resume()
                #expect(try await slow.string == "slow")
                #expect(try await redis.call(["ECHO", "after"], deadline: .seconds(20)).string == "after")
            }
        }
    }

    /// The answer is in the socket before the deadline, but the loop is kept from reading it until the deadline has passed.
    @Test func anAnswerThatTheLoopReadsTooLateCounts() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        try await withServer { server in
            try await withConnection(server.socketURL, on: group.next()) { redis in
                _ = try await redis.call(["PING"])
                let flushes = redis.statistics.flushes
                server.pause()
                let deadline = ContinuousClock.now + .seconds(3)
                async let answer = redis.call(["INCR", "n"], deadline: .seconds(3))
                try await eventually("the call is in flight") { redis.statistics.flushes > flushes }
                let answered = Counter()
                await withCheckedContinuation { continuation in
                    redis.eventLoop.execute {
                        continuation.resume()
                        Thread.sleep(forTimeInterval: max(0, (deadline - .now) / .seconds(1)) + 0.1)
                        while answered.value == 0, .now < deadline + .seconds(30) { Thread.sleep(forTimeInterval: 0.005) }
                    }
                }
                server.resume()
                // Who asks after it is answered after it.
                try await eventually("the answer is sent") {
                    try await runCommand(["redis-cli", "-p", "\(server.port)", "GET", "n"]) == "1\n"
                }
                answered.increment()
                #expect(try await answer.int64 == 1)
            }
        }
        try await group.shutdownGracefully()
    }

    @Test func aSlowCallWithinItsDeadlineIsNoSilence() async throws {
        try await withServer { server in
            try await withConnection(server.socketURL) {
                $0.silenceLimit = .milliseconds(20)
            } _: { redis in
                _ = try await redis.call(["PING"])
                let flushes = redis.statistics.flushes
                server.pause()
                async let answer = redis.call(["ECHO", "slow"], deadline: .seconds(50))
                try await eventually("the slow call is in flight") { redis.statistics.flushes > flushes }
                try await Task.sleep(for: .milliseconds(100))
                server.resume()
                #expect(try await answer.string == "slow")
                #expect(redis.statistics.connects == 1)
            }
        }
    }

    @Test func moreCallsThanTheLimitAreRefusedAndTheOthersAnswered() async throws {
        try await withServer { server in
            try await withConnection(server.socketURL) {
                $0.maximumOutstanding = 10
                $0.maximumOutstandingBytes = 1_000
            } _: { redis in
                _ = try await redis.call(["PING"])
                server.pause()
                try await withThrowingTaskGroup(of: RedisValue.self) { group in
                    for _ in 0..<10 { group.addTask { try await redis.call(["INCR", "n"], deadline: .seconds(30)) } }
                    try await eventually("ten calls wait") { redis.statistics.outstanding == 10 }
                    let refused = try await failure { () throws(RedisError) in try await redis.call(["INCR", "n"]) }
                    #expect(refused.code == .overloaded)
                    #expect(!refused.outcomeUnknown)
                    server.resume()
                    var answers: [Int64] = []
                    for try await answer in group { answers.append(try #require(answer.int64)) }
                    #expect(answers.sorted() == Array(1...10))
                }
                #expect(try await redis.call(["GET", "n"]).int64 == 10)
                server.pause()
                async let large = redis.call(["ECHO", .bytes(Array(repeating: 7, count: 900))], deadline: .seconds(30))
                try await eventually("a large call waits") { redis.statistics.outstanding == 1 }
                let refused = try await failure { () throws(RedisError) in
                    try await redis.call(["ECHO", .bytes(Array(repeating: 7, count: 100))])
                }
                #expect(refused.code == .overloaded)
                server.resume()
                #expect(try await large.bytes?.count == 900)
            }
        }
    }
}
