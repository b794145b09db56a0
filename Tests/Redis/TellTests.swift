import Synchronization
import TestSupport
import Testing

@testable import Redis

/// Calls whose answer nobody waits for.
@Suite struct TellTests {
    @Test func whatIsToldIsDoneBeforeWhatIsAskedNext() async throws {
        try await withConnection(TestEnvironment.redisURL()) { redis in
            let key = RedisArgument.string(uniqueKey())
            for count in 1...100 {
                redis.tell(["INCR", key]) { Issue.record("it failed: \($0)") }
                #expect(try await redis.call(["GET", key]) == .bulk(Array("\(count)".utf8)))
            }
            _ = try await redis.call(["DEL", key])
        }
    }

    @Test func aFailureIsHeardOf() async throws {
        try await withConnection(TestEnvironment.redisURL()) { redis in
            let codes = Mutex<[String?]>([])
            redis.tell(["NOSUCH"]) { error in codes.withLock { $0.append(error.serverCode) } }
            redis.tell(["PING"], deadline: .zero) { error in codes.withLock { $0.append("\(error.code)") } }
            _ = try await redis.call(["PING"])
            #expect(codes.withLock { Set($0) } == ["ERR", "deadlineExceeded"])
        }
    }

    @Test func afterTheEndEveryCallFails() async throws {
        try await withConnection(TestEnvironment.redisURL()) { redis in
            await redis.shutdown()
            let code = await withCheckedContinuation { heard in
                redis.tell(["PING"]) { error in heard.resume(returning: error.code) }
            }
            #expect(code == .closed)
        }
    }
}
