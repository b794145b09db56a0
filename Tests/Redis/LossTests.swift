import NIOCore
import NIOPosix
import Synchronization
import TestSupport
import Testing

@testable import Redis

@Suite(.timeLimit(.minutes(3))) struct LossTests {
    @Test func callsInFlightAtACrashFailAsUnknownAndAreNotSentAgain() async throws {
        try await withServer { server in
            try await withConnection(server.socketURL) { redis in
                _ = try await redis.call(["PING"])
                server.pause()
                try await withThrowingTaskGroup(of: RedisError.self) { group in
                    for _ in 0..<100 {
                        group.addTask {
                            try await failure { () throws(RedisError) in
                                try await redis.call(["INCR", "n"], deadline: .seconds(40))
                            }
                        }
                    }
                    try await eventually("all calls are in flight") { redis.statistics.outstanding == 100 }
                    await server.kill()
                    var errors: [RedisError] = []
                    for try await error in group { errors.append(error) }
                    #expect(errors.count == 100)
                    #expect(errors.allSatisfy { $0.code == .connectionLost && $0.outcomeUnknown })
                }
                try await server.start()
                #expect(try await redis.call(["GET", "n"], deadline: .seconds(20)) == .null)
                #expect(redis.statistics.connects == 2)
            }
        }
    }

    @Test func everyCallUnderLoadGetsOneAnswerAcrossCrashes() async throws {
        try await withServer { server in
            try await withConnection(server.url) {
                $0.maximumReconnectDelay = .milliseconds(100)
            } _: { redis in
                let end = Counter()
                let answered = Counter()
                let failed = Counter()
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for caller in 0..<16 {
                        group.addTask {
                            var index = 0
                            while end.value == 0, !Task.isCancelled {
                                index += 1
                                let text = "\(caller) \(index)"
                                do throws(RedisError) {
                                    let echo = try await redis.call(["ECHO", .string(text)], deadline: .milliseconds(500))
                                    #expect(echo.string == text)
                                    answered.increment()
                                } catch {
                                    failed.increment()
                                    switch error.code {
                                    case .connectionLost: break
                                    // A loop that takes a call up after its deadline does not send it.
                                    case .deadlineExceeded:
                                        #expect(error.outcomeUnknown || error.message.contains("before the call was made"))
                                    case .notConnected:
                                        #expect(!error.outcomeUnknown)
                                        try? await Task.sleep(for: .milliseconds(5))
                                    default: Issue.record("unexpected: \(error)")
                                    }
                                }
                            }
                        }
                    }
                    for _ in 0..<4 {
                        let before = answered.value
                        try await eventually("calls are answered") { answered.value > before + 500 }
                        try await server.restart()
                    }
                    let before = answered.value
                    try await eventually("calls are answered at the end") { answered.value > before }
                    end.increment()
                    try await group.waitForAll()
                }
                #expect(failed.value > 0)
                #expect(redis.statistics.connects == 5)
                #expect(redis.statistics.outstanding == 0)
            }
        }
    }

    @Test func aCallWaitsForTheConnectionUntilItsDeadline() async throws {
        try await withServer { server in
            await server.stop()
            try await withConnection(server.socketURL) {
                $0.maximumReconnectDelay = .milliseconds(50)
            } _: { redis in
                async let patient = redis.call(["PING"], deadline: .seconds(30))
                let short = try await failure { () throws(RedisError) in
                    try await redis.call(["PING"], deadline: .milliseconds(120))
                }
                // The second if the machine was too busy to look at the call in time.
                #expect([.notConnected, .deadlineExceeded].contains(short.code))
                #expect(!short.outcomeUnknown)
                try await server.start()
                #expect(try await patient == .simple("PONG"))
            }
        }
    }

    @Test func aCallThatCannotLiveToTheNextAttemptFailsAtOnce() async throws {
        try await withServer { server in
            await server.stop()
            try await withConnection(server.socketURL) {
                $0.reconnectDelay = .seconds(7_200)
                $0.maximumReconnectDelay = .seconds(7_200)
            } _: { redis in
                // Both before and after the first attempt has failed; a call that waited would outlast the test.
                for _ in 0..<2 {
                    let error = try await failure { () throws(RedisError) in
                        try await redis.call(["PING"], deadline: .seconds(1_800))
                    }
                    #expect(error.code == .notConnected)
                }
            }
        }
    }

    @Test func onConnectRunsBeforeOtherCallsOnEveryConnection() async throws {
        try await withServer { server in
            let runs = Counter()
            try await withConnection(server.socketURL) { _ in
            } onConnect: { setup in
                let run = runs.increment()
                try await Task.sleep(for: .milliseconds(50))
                #expect(!setup.isReady)
                _ = try await setup.call(["SET", "run", .string(run)])
            } _: { redis in
                #expect(try await redis.call(["GET", "run"], deadline: .seconds(20)).int64 == 1)
                try await restartAndNotice(server, redis)
                #expect(try await redis.call(["GET", "run"], deadline: .seconds(20)).int64 == 2)
                #expect(redis.statistics.connects == 2)
            }
        }
    }

    @Test func aFailingOnConnectIsTriedAgainOnANewConnection() async throws {
        try await withServer { server in
            let runs = Counter()
            let first = Mutex<RedisConnection?>(nil)
            try await withConnection(server.socketURL) {
                $0.setupDeadline = .milliseconds(200)
                $0.maximumReconnectDelay = .milliseconds(50)
            } onConnect: { setup in
                switch runs.increment() {
                case 1:
                    first.withLock { $0 = setup }
                    throw Unexpected(description: "not yet")
                case 2: try await Task.sleep(for: .seconds(3_600))
                case 3: _ = try await setup.call(["NOSUCH"])
                default: break
                }
            } _: { redis in
                #expect(try await redis.call(["PING"], deadline: .seconds(30)) == .simple("PONG"))
                #expect(runs.value >= 4)
                #expect(redis.statistics.connects == 1)
                // The connection of a set-up that failed does not slip its calls into another one.
                let old = try #require(first.withLock { $0 })
                let refused = try await failure { () throws(RedisError) in try await old.call(["PING"]) }
                #expect(refused.code == .connectionLost)
                #expect(!refused.outcomeUnknown)
            }
        }
    }

    @Test func shutdownLetsCallsInFlightEndAndRefusesNewOnes() async throws {
        try await withServer { server in
            try await withConnection(server.socketURL) { redis in
                _ = try await redis.call(["PING"])
                server.pause()
                async let slow = redis.call(["INCR", "n"], deadline: .seconds(20))
                try await eventually("the call is in flight") { redis.statistics.outstanding == 1 }
                async let end: Void = redis.shutdown(deadline: .seconds(20))
                try await Task.sleep(for: .milliseconds(50))
                server.resume()
                #expect(try await slow == .integer(1))
                await end
                let refused = try await failure { () throws(RedisError) in try await redis.call(["PING"]) }
                #expect(refused.code == .closed)
                await redis.shutdown()
            }
        }
    }

    @Test func shutdownEndsAtItsDeadlineWhateverRedisDoes() async throws {
        try await withServer { server in
            try await withConnection(server.socketURL) { redis in
                _ = try await redis.call(["PING"])
                server.pause()
                async let stuck = failure { () throws(RedisError) in try await redis.call(["PING"], deadline: .seconds(50)) }
                try await eventually("the call is in flight") { redis.statistics.outstanding == 1 }
                await redis.shutdown(deadline: .milliseconds(50))
                let error = try await stuck
                #expect(error.code == .closed)
                #expect(error.outcomeUnknown)
            }
            await server.stop()
            // One that never connected, with a call that waits.
            try await withConnection(server.socketURL) { redis in
                async let waiting = failure { () throws(RedisError) in try await redis.call(["PING"], deadline: .seconds(50)) }
                try await eventually("the call waits") { redis.statistics.outstanding == 1 }
                await redis.shutdown(deadline: .seconds(20))
                #expect(try await waiting.code == .closed)
            }
        }
    }
}
