import NIOCore
import TestSupport
import Testing

@testable import Redis

@Suite struct ReplyReaderTests {
    private func reader(bytes: Int = 1 << 20, values: Int = 10_000) throws -> ReplyReader {
        try ReplyReader(maximumBytes: bytes, maximumValues: values)
    }

    private func replies(_ text: String, _ reader: ReplyReader) throws(RedisError) -> [RedisValue] {
        var replies: [RedisValue] = []
        try reader.read(ByteBuffer(string: text)) { reply in
            replies.append(reply)
            return true
        }
        return replies
    }

    private func violation(_ text: String, _ reader: ReplyReader) -> RedisError? {
        do throws(RedisError) {
            _ = try replies(text, reader)
            return nil
        } catch { return error }
    }

    @Test func repliesSplitAnywhereAreReadAsTheyWereWritten() throws {
        var generator = SeededGenerator(seed: TestEnvironment.seed("replies split anywhere"))
        for _ in 0..<300 {
            let sent = (0..<Int.random(in: 1...20, using: &generator)).map { _ in RedisValue.random(using: &generator) }
            let bytes = sent.reduce(into: [UInt8]()) { $0 += $1.encoded(using: &generator) }
            let reader = try reader()
            var received: [RedisValue] = []
            var rest = bytes[...]
            let largest = [1, 3, 100, 100_000].randomElement(using: &generator) ?? 1
            while !rest.isEmpty {
                let chunk = rest.prefix(Int.random(in: 1...largest, using: &generator))
                rest = rest.dropFirst(chunk.count)
                try reader.read(ByteBuffer(bytes: chunk)) { reply in
                    received.append(reply)
                    return true
                }
            }
            #expect(received == sent)
        }
    }

    @Test func damagedRepliesAreRefusedOrReadButNeverCrash() throws {
        var generator = SeededGenerator(seed: TestEnvironment.seed("damaged replies"))
        var refused = 0
        for _ in 0..<2_000 {
            var bytes = (0..<5).reduce(into: [UInt8]()) { bytes, _ in
                bytes += RedisValue.random(using: &generator).encoded(using: &generator)
            }
            for _ in 0..<Int.random(in: 1...8, using: &generator) where !bytes.isEmpty {
                let index = bytes.indices.randomElement(using: &generator) ?? 0
                switch Int.random(in: 0...3, using: &generator) {
                case 0: bytes[index] = UInt8.random(in: 0...255, using: &generator)
                case 1: bytes.remove(at: index)
                case 2: bytes.insert(contentsOf: Array("*9".utf8), at: index)
                default: bytes[index] = Array("$*:+-0123456789\r\n".utf8).randomElement(using: &generator) ?? 0
                }
            }
            let reader = try reader(bytes: 100_000)
            do {
                try reader.read(ByteBuffer(bytes: bytes)) { _ in true }
            } catch {
                #expect(error.code == .protocolViolation)
                refused += 1
            }
        }
        #expect(refused > 100)
    }

    @Test(arguments: [
        "hello\r\n", "?1\r\n", ":12a\r\n", ":\r\n", ":9223372036854775808\r\n", "$-2\r\n", "$x\r\n", "*-2\r\n", "*1x\r\n",
        "*99999999999999999999\r\n", "%1\r\n+a\r\n+b\r\n", "\r\n", "*2\r\n:1\r\n;\r\n",
    ])
    func bytesThatAreNoReplyAreRefused(_ text: String) throws {
        #expect(violation(text, try reader())?.code == .protocolViolation)
    }

    @Test func aRefusedReaderStaysRefused() throws {
        let reader = try reader()
        #expect(violation("?\r\n", reader) != nil)
        #expect(violation("+OK\r\n", reader) != nil)
    }

    @Test func anArrayOfMoreValuesThanPermittedIsRefusedBeforeItsValuesCome() throws {
        #expect(violation("*2147483647\r\n", try reader())?.code == .protocolViolation)
        #expect(violation("*101\r\n", try reader(values: 100)) != nil)
        // 1 + 2 + 2 * 3 values.
        let nested = "*2\r\n*3\r\n:1\r\n:2\r\n:3\r\n*3\r\n:1\r\n:2\r\n:3\r\n"
        #expect(violation(nested, try reader(values: 8)) != nil)
        #expect(violation(nested, try reader(values: 9)) == nil)
        // The limit is a reply's, not the connection's.
        #expect(try replies(nested + nested + nested, try reader(values: 9)).count == 3)
    }

    @Test func aReplyOfMoreBytesThanPermittedIsRefused() throws {
        let reader = try reader(bytes: 1_000)
        #expect(try replies("$900\r\n" + String(repeating: "x", count: 900) + "\r\n", reader).count == 1)
        #expect(violation("$900000\r\n" + String(repeating: "x", count: 1_001), reader)?.code == .protocolViolation)
        #expect(violation("+" + String(repeating: "x", count: 1_001), try self.reader(bytes: 1_000)) != nil)
        let endless = "*5000\r\n" + String(repeating: ":1\r\n", count: 400)
        #expect(violation(endless, try self.reader(bytes: 1_000)) != nil)
    }

    @Test func arraysNestedTooDeepAreRefused() throws {
        #expect(try replies(String(repeating: "*1\r\n", count: 7) + ":1\r\n", try reader()).count == 1)
        #expect(violation(String(repeating: "*1\r\n", count: 9) + ":1\r\n", try reader())?.code == .protocolViolation)
    }

    @Test func readingStopsWhenARepliesIsNotWanted() throws {
        var count = 0
        try reader().read(ByteBuffer(string: "+a\r\n+b\r\n+c\r\n")) { _ in
            count += 1
            return count < 2
        }
        #expect(count == 2)
    }
}
