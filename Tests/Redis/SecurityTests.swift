import TestSupport
import Testing

@testable import Redis

@Suite(.timeLimit(.minutes(1))) struct SecurityTests {
    /// The first answer of a Redis at a URL, with a deadline that ends before a refused connection is tried for long.
    private func ping(_ url: String) async throws -> Result<RedisValue, RedisError> {
        var result: Result<RedisValue, RedisError> = .failure(RedisError(.closed, "not asked"))
        try await withConnection(url) {
            $0.reconnectDelay = .seconds(60)
            $0.maximumReconnectDelay = .seconds(60)
        } _: { redis in
            do throws(RedisError) { result = .success(try await redis.call(["PING"], deadline: .seconds(20))) } catch {
                result = .failure(error)
            }
        }
        return result
    }

    private func refusal(_ url: String) async throws -> RedisError {
        switch try await ping(url) {
        case .failure(let error): return error
        case .success: throw Unexpected(description: "\(url) was let in")
        }
    }

    @Test func onlyTheRightCredentialsAreLetIn() async throws {
        try await withServer(settings: ["--requirepass", "p@ss/word", "--user", "alice", "on", ">wonder:land", "~*", "+@all"]) {
            server in
            let socket = "\(server.folder)/redis.sock"
            #expect(try await ping("unix://:p%40ss%2Fword@\(socket)").get() == .simple("PONG"))
            #expect(try await ping("unix://default:p%40ss%2Fword@\(socket)").get() == .simple("PONG"))
            #expect(try await ping("unix://alice:wonder%3Aland@\(socket)?db=3").get() == .simple("PONG"))
            #expect(try await ping("redis://alice:wonder%3Aland@127.0.0.1:\(server.port)/3").get() == .simple("PONG"))
            for wrong in [":wrong", "alice:p%40ss%2Fword", "nobody:wonder%3Aland"] {
                let error = try await refusal("unix://\(wrong)@\(socket)")
                #expect(error.code == .notConnected)
                #expect(error.serverCode == "WRONGPASS")
                #expect(!error.outcomeUnknown)
            }
            let none = try await refusal("unix://\(socket)")
            #expect(none.serverCode == "NOAUTH")
            let database = try await refusal("unix://:p%40ss%2Fword@\(socket)?db=99")
            #expect(database.serverCode == "ERR")
        }
    }

    @Test func theConnectionHasItsNameAndDatabase() async throws {
        try await withServer { server in
            try await withConnection("\(server.url)/5?clientname=gateway-7") { redis in
                #expect(try await redis.call(["CLIENT", "GETNAME"]).string == "gateway-7")
                _ = try await redis.call(["SET", "a", "b"])
                #expect(try await redis.call(["INFO", "keyspace"]).string?.contains("db5:keys=1") == true)
                try await restartAndNotice(server, redis)
                _ = try await redis.call(["SET", "a", "b"], deadline: .seconds(20))
                #expect(try await redis.call(["INFO", "keyspace"]).string?.contains("db5:keys=1") == true)
            }
        }
    }

    @Test func aUserThatMayNotNameItsConnectionIsLetIn() async throws {
        try await withServer(settings: ["--user", "plain", "on", ">pw", "~*", "+ping", "-client"]) { server in
            let answer = try await ping("unix://plain:pw@\(server.folder)/redis.sock")
            #expect(answer == .success(.simple("PONG")))
        }
    }

    @Test func tlsVerifiesTheAuthorityAndTheName() async throws {
        try await withServer(.tls, settings: ["--bind", "127.0.0.1", "127.0.0.2"]) { server in
            let authority = "?cacert=\(server.folder)/ca.crt"
            #expect(try await ping(server.url).get() == .simple("PONG"))
            // The certificate names this address, and not the other.
            #expect(try await ping("rediss://127.0.0.1:\(server.port)\(authority)").get() == .simple("PONG"))
            let wrongName = try await refusal("rediss://127.0.0.2:\(server.port)\(authority)")
            #expect(wrongName.code == .notConnected)
            let unknownAuthority = try await refusal("rediss://localhost:\(server.port)")
            #expect(unknownAuthority.code == .notConnected)
            #expect(unknownAuthority.message.contains("CERTIFICATE_VERIFY_FAILED"))
            let missingFile = try await refusal("rediss://localhost:\(server.port)?cacert=\(server.folder)/none.crt")
            #expect(missingFile.code == .notConnected)
            let plain = try await refusal("redis://127.0.0.1:\(server.port)")
            #expect(plain.code == .notConnected)

            try await withServer(.tls) { other in
                let otherAuthority = try await refusal("rediss://localhost:\(server.port)?cacert=\(other.folder)/ca.crt")
                #expect(otherAuthority.message.contains("CERTIFICATE_VERIFY_FAILED"))
                let plainServer = try await refusal("redis://127.0.0.1:\(other.port)")
                #expect(plainServer.code == .notConnected)
            }
        }
    }

    @Test func tlsCarriesLargeAnswersAndReconnects() async throws {
        try await withServer(.tls) { server in
            try await withConnection(server.url) { redis in
                let bytes = (0..<(1 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31) }
                _ = try await redis.call(["SET", "a", .bytes(bytes)], deadline: .seconds(20))
                #expect(try await redis.call(["GET", "a"], deadline: .seconds(20)) == .bulk(bytes))
                try await restartAndNotice(server, redis)
                #expect(try await redis.call(["GET", "a"], deadline: .seconds(20)) == .null)
            }
        }
    }

    @Test func aTLSClientRefusesAPlainServer() async throws {
        try await withServer { server in
            let error = try await refusal("rediss://localhost:\(server.port)")
            #expect(error.code == .notConnected)
        }
    }
}
