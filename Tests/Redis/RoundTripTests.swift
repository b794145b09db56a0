import Logging
import NIOCore
import NIOPosix
import TestSupport
import Testing

@testable import Redis

/// Against the test run's shared Redis, with keys of its own.
@Suite(.timeLimit(.minutes(1))) struct RoundTripTests {
    @Test func everyTypeOfReplyArrivesAsItWasSent() async throws {
        try await withConnection(TestEnvironment.redisURL()) { redis in
            let key = uniqueKey()
            let pong = try await redis.call(["PING"])
            #expect(pong == .simple("PONG"))
            #expect(try await redis.call(["GET", .string(key)]) == .null)
            #expect(try await redis.call(["SET", .string(key), "9007199254740993", "EX", "60"]) == .simple("OK"))
            #expect(try await redis.call(["INCRBY", .string(key), "9214364837600034814"]) == .integer(.max))
            #expect(try await redis.call(["GET", .string(key)]) == .bulk(Array("9223372036854775807".utf8)))
            #expect(try await redis.call(["MGET", .string(key), .string(key + "x")]).array?.last == .null)
            #expect(try await redis.call(["LRANGE", .string(key + "l"), "0", "-1"]) == .array([]))
            #expect(try await redis.call(["BLPOP", .string(key + "l"), "0.01"]) == .null)
            let script = "return {1, {'a', {false, {err = 'MY inner'}}, {ok = 'fine'}}, ''}"
            #expect(
                try await redis.call(["EVAL", .string(script), "0"])
                    == .array([
                        .integer(1),
                        .array([.bulk(Array("a".utf8)), .array([.null, .error("MY inner")]), .simple("fine")]), .bulk([]),
                    ]))
        }
    }

    @Test(arguments: [0, 1, 16_383, 16_384, 65_536, 1 << 20])
    func bytesOfAnyValueAndLengthAreKept(_ count: Int) async throws {
        var generator = SeededGenerator(seed: TestEnvironment.seed("bytes of length \(count)"))
        let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
        try await withConnection(TestEnvironment.redisURL()) { redis in
            let key = RedisArgument.string(uniqueKey())
            _ = try await redis.call(["SET", key, .bytes(bytes), "EX", "60"])
            #expect(try await redis.call(["GET", key]) == .bulk(bytes))
            #expect(try await redis.call(["STRLEN", key]).int64 == Int64(count))
        }
    }

    @Test func errorsAreThrownWithTheirCodeWords() async throws {
        try await withConnection(TestEnvironment.redisURL()) { redis in
            let missing = String(repeating: "0", count: 40)
            let script = try await failure { () throws(RedisError) in try await redis.call(["EVALSHA", .string(missing), "0"]) }
            #expect(script.code == .server)
            #expect(script.serverCode == "NOSCRIPT")
            #expect(!script.outcomeUnknown)
            let key = RedisArgument.string(uniqueKey())
            _ = try await redis.call(["SET", key, "x", "EX", "60"])
            let type = try await failure { () throws(RedisError) in try await redis.call(["LPOP", key]) }
            #expect(type.serverCode == "WRONGTYPE")
            let unknown = try await failure { () throws(RedisError) in try await redis.call(["NOSUCH", "hunter2"]) }
            #expect(unknown.serverCode == "ERR")
            #expect(!unknown.message.contains("hunter2"))
        }
    }

    @Test func aCallThatCannotBeWrittenIsRefused() async throws {
        try await withConnection(TestEnvironment.redisURL()) {
            $0.maximumCallBytes = 100
        } _: { redis in
            let empty = try await failure { () throws(RedisError) in try await redis.call([]) }
            #expect(empty.code == .invalidCall)
            let long = try await failure { () throws(RedisError) in
                try await redis.call(["ECHO", .bytes(Array(repeating: 0, count: 100))])
            }
            #expect(long.code == .invalidCall)
            let late = try await failure { () throws(RedisError) in try await redis.call(["PING"], deadline: .zero) }
            #expect(late.code == .deadlineExceeded)
            #expect(!late.outcomeUnknown)
            #expect(try await redis.call(["PING"], deadline: .seconds(Int64.max)) == .simple("PONG"))
        }
    }

    @Test func tenThousandConcurrentCallsGetTheirOwnAnswersInOrder() async throws {
        try await withConnection(TestEnvironment.redisURL()) { redis in
            let counter = RedisArgument.string(uniqueKey())
            let counts = try await withThrowingTaskGroup(of: Int64.self) { group in
                for index in 0..<10_000 {
                    group.addTask {
                        // Half of the calls echo a number of their own, half count.
                        if index.isMultiple(of: 2) {
                            let text = "answer \(index)"
                            let echo = try await redis.call(["ECHO", .string(text)], deadline: .seconds(30))
                            #expect(echo.string == text)
                            return 0
                        }
                        return try #require(try await redis.call(["INCR", counter], deadline: .seconds(30)).int64)
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(counts.filter { $0 > 0 }.sorted() == Array(1...5_000))
            _ = try await redis.call(["DEL", counter])
            #expect(redis.statistics.outstanding == 0)
        }
    }

    @Test func callsOfOneTickShareAFlushAndKeepTheirOrder() async throws {
        try await withConnection(TestEnvironment.redisURL()) { redis in
            let list = RedisArgument.string(uniqueKey())
            _ = try await redis.call(["PING"])
            let before = redis.statistics
            try await withThrowingTaskGroup(of: Void.self) { group in
                let executor = EventLoopTaskExecutor(redis.eventLoop)
                // One task of the loop makes all of its child tasks before any of them runs.
                group.addTask(executorPreference: executor) {
                    try await withThrowingTaskGroup(of: Void.self) { calls in
                        for index in 0..<500 {
                            calls.addTask { _ = try await redis.call(["RPUSH", list, .string(index)]) }
                        }
                        try await calls.waitForAll()
                    }
                }
                try await group.waitForAll()
            }
            let after = redis.statistics
            #expect(after.calls - before.calls == 500)
            #expect(after.flushes - before.flushes <= 5)
            let kept = try #require(try await redis.call(["LRANGE", list, "0", "-1"]).array)
            #expect(kept.compactMap(\.int64) == Array(0..<500))
            _ = try await redis.call(["DEL", list])
        }
    }

    @Test func aClientHasAConnectionForEveryLoop() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 3)
        let client = RedisClient(
            configuration: try RedisConfiguration(url: TestEnvironment.redisURL()), eventLoopGroup: group, logger: quiet)
        let loops = Array(group.makeIterator())
        for loop in loops {
            let connection = client.connection(for: loop)
            #expect(connection.eventLoop === loop)
            #expect(try await connection.call(["PING"]) == .simple("PONG"))
            let own = try await loop.submit { ObjectIdentifier(client.any) }.get()
            #expect(own == ObjectIdentifier(connection))
        }
        #expect(client.statistics.connects == 3)
        #expect(client.statistics.isReady)
        // From elsewhere the connections take turns; a loop of another group is served too.
        #expect(Set((0..<3).map { _ in ObjectIdentifier(client.any) }).count == 3)
        let foreign = client.connection(for: MultiThreadedEventLoopGroup.singleton.next())
        #expect(try await foreign.call(["PING"]) == .simple("PONG"))
        await client.shutdown()
        #expect(!client.statistics.isReady)
        try await group.shutdownGracefully()
    }

    @Test func aLibrarysFunctionsAreCalled() async throws {
        try await withServer { server in
            let library = """
                #!lua name=arithmetic
                redis.register_function('add', function(keys, args)
                  return {redis.call('INCRBY', keys[1], args[1]), args[2]}
                end)
                """
            try await withConnection(server.socketURL) { redis in
                let missing = try await failure { () throws(RedisError) in try await redis.fcall("add", keys: ["k"]) }
                #expect(missing.serverCode == "ERR")
                _ = try await redis.call(["FUNCTION", "LOAD", "REPLACE", .string(library)])
                let first = try await redis.fcall("add", keys: ["k"], arguments: ["40", "x"])
                #expect(first == .array([.integer(40), .bulk(Array("x".utf8))]))
                let second = try await redis.fcall("add", keys: ["k"], arguments: [.integer(2), .bytes([0, 255])])
                #expect(second == .array([.integer(42), .bulk([0, 255])]))
            }
        }
    }

    @Test func aFullOrReadOnlyRedisSaysSo() async throws {
        try await withServer(settings: ["--maxmemory", "1mb"]) { server in
            try await withConnection(server.url) { redis in
                let full = try await failure { () throws(RedisError) in
                    while true { _ = try await redis.call(["RPUSH", "list", .bytes(Array(repeating: 7, count: 100_000))]) }
                }
                #expect(full.serverCode == "OOM")
                _ = try await redis.call(["CONFIG", "SET", "maxmemory", "0"])
                _ = try await redis.call(["REPLICAOF", "127.0.0.1", "1"])
                let readOnly = try await failure { () throws(RedisError) in try await redis.call(["SET", "a", "b"]) }
                #expect(readOnly.serverCode == "READONLY")
            }
        }
    }
}
