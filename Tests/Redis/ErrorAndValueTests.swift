import Testing

@testable import Redis

@Suite struct ErrorAndValueTests {
    @Test(arguments: [
        ("NOSCRIPT No matching script. Please use EVAL.", "NOSCRIPT"), ("OOM command not allowed", "OOM"),
        ("MOVED 3999 127.0.0.1:6381", "MOVED"), ("ERR syntax error", "ERR"), ("LOADING", "LOADING"),
    ])
    func theCodeWordOfAnErrorIsKept(_ text: String, _ word: String) {
        let error = RedisError(serverReply: text)
        #expect(error.code == .server)
        #expect(error.serverCode == word)
        #expect(error.message == text)
        #expect(!error.outcomeUnknown)
    }

    @Test(arguments: ["", "no code word", "Error: x", "ERR-x y"])
    func anErrorWithoutACodeWordHasNone(_ text: String) {
        #expect(RedisError(serverReply: text).serverCode == nil)
    }

    @Test func argumentsThatTheServerQuotesAreCutOff() {
        let error = RedisError(serverReply: "ERR unknown command 'AUTHX', with args beginning with: 'hunter2' ")
        #expect(error.message == "ERR unknown command 'AUTHX'")
        #expect(RedisError(serverReply: "ERR " + String(repeating: "x", count: 10_000)).message.count == 512)
    }

    @Test func refusedCredentialsAreNotQuoted() {
        let refusal = Handshake.refusal(of: .authenticate, answer: .error("ERR strange server: hunter2"))
        #expect(refusal?.message.contains("hunter2") == false)
        #expect(refusal?.serverCode == "ERR")
        #expect(Handshake.refusal(of: .setName, answer: .error("NOPERM no")) == nil)
        #expect(Handshake.refusal(of: .setName, answer: .error("NOAUTH Authentication required.")) != nil)
        #expect(Handshake.refusal(of: .selectDatabase, answer: .error("ERR DB index is out of range")) != nil)
    }

    @Test func valuesAreReadAsWhatTheyHold() {
        #expect(RedisValue.bulk(Array("-42".utf8)).int64 == -42)
        #expect(RedisValue.integer(.min).int64 == .min)
        #expect(RedisValue.bulk(Array("9223372036854775808".utf8)).int64 == nil)
        #expect(RedisValue.bulk(Array("1.0".utf8)).int64 == nil)
        #expect(RedisValue.bulk([0xFF]).string == nil)
        #expect(RedisValue.bulk([0xFF]).bytes == [0xFF])
        #expect(RedisValue.simple("OK").string == "OK")
        #expect(RedisValue.null.isNull)
        #expect(RedisValue.array([.null]).array == [.null])
        #expect(RedisValue.null.int64 == nil)
        #expect(RedisValue.integer(1).string == nil)
        #expect(RedisValue.simple("x").array == nil)
    }
}
