import NIOCore
import TestSupport
import Testing

@testable import Redis

@Suite struct CommandWriterTests {
    @Test func aCallIsAnArrayOfBulkStrings() throws {
        var writer = CommandWriter()
        var buffer = ByteBuffer()
        try writer.write(["SET", .bytes([0, 13, 10, 255]), "é"], into: &buffer)
        let expected = Array("*3\r\n$3\r\nSET\r\n$4\r\n".utf8) + [0, 13, 10, 255] + Array("\r\n$2\r\né\r\n".utf8)
        #expect(Array(buffer.readableBytesView) == expected)
    }

    @Test func emptyArgumentsAreWritten() throws {
        var writer = CommandWriter()
        var buffer = ByteBuffer()
        try writer.write(["", .bytes([])], into: &buffer)
        #expect(String(buffer: buffer) == "*2\r\n$0\r\n\r\n$0\r\n\r\n")
    }

    @Test func whatIsWrittenReadsBackAsItsArguments() throws {
        var generator = SeededGenerator(seed: TestEnvironment.seed("calls read back"))
        var writer = CommandWriter()
        let reader = try ReplyReader(maximumBytes: 4 << 20, maximumValues: 1_000)
        for round in 0..<200 {
            let size = round % 50 == 0 ? 300_000 : 50
            let arguments = (0..<Int.random(in: 1...20, using: &generator)).map { _ in
                (0..<Int.random(in: 0...size, using: &generator)).map { _ in UInt8.random(in: 0...255, using: &generator) }
            }
            var buffer = ByteBuffer()
            try writer.write(arguments.map(RedisArgument.bytes), into: &buffer)
            var read: [RedisValue] = []
            try reader.read(buffer) { reply in
                read.append(reply)
                return true
            }
            #expect(read == [.array(arguments.map(RedisValue.bulk))])
        }
    }
}
