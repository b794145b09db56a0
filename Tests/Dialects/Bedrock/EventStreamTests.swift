import TestSupport
import Testing

@testable import Dialects

/// Writes messages as ``EventStreamReader`` reads them.
enum EventStream {
    static func message(_ headers: [(String, String)], _ payload: [UInt8]) -> [UInt8] {
        var lines: [UInt8] = []
        for (name, value) in headers { lines += header(name, 7, number(UInt32(value.utf8.count)).suffix(2) + value.utf8) }
        return message(lines, payload)
    }

    static func message(_ headers: [UInt8], _ payload: [UInt8]) -> [UInt8] {
        var message = number(UInt32(16 + headers.count + payload.count)) + number(UInt32(headers.count))
        message += number(checksum(message))
        message += headers + payload
        return message + number(checksum(message))
    }

    static func header(_ name: String, _ type: UInt8, _ value: [UInt8]) -> [UInt8] {
        [UInt8(name.utf8.count)] + name.utf8 + [type] + value
    }

    static func event(_ type: String, _ payload: String) -> [UInt8] {
        message(
            [(":event-type", type), (":content-type", "application/json"), (":message-type", "event")], Array(payload.utf8))
    }

    static func exception(_ type: String, _ payload: String) -> [UInt8] {
        message(
            [(":exception-type", type), (":content-type", "application/json"), (":message-type", "exception")],
            Array(payload.utf8))
    }

    static func number(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) } }

    /// Bit by bit, so that it shares nothing with what is tested.
    static func checksum(_ bytes: [UInt8]) -> UInt32 {
        var sum: UInt32 = ~0
        for byte in bytes {
            for bit in 0..<8 {
                let carry = (sum ^ UInt32(byte >> bit)) & 1
                sum = sum >> 1 ^ (carry == 1 ? 0xEDB8_8320 : 0)
            }
        }
        return ~sum
    }
}

@Suite struct EventStreamTests {
    private func read(
        _ bytes: [UInt8], limit: Int = 1 << 20, _ size: () -> Int = { .max }
    ) -> (messages: [EventStreamReader.Message], isMalformed: Bool) {
        var reader = EventStreamReader(maximumMessageBytes: limit)
        var messages: [EventStreamReader.Message] = []
        var start = 0
        while start < bytes.count {
            let end = start + min(bytes.count - start, max(1, size()))
            reader.feed(Array(bytes[start..<end])) {
                messages.append($0)
                return true
            }
            start = end
        }
        return (messages, reader.isMalformed)
    }

    /// Messages that Amazon's own libraries are tested with.
    @Test func amazonsOwnMessages() {
        let payload = Array("{'foo':'bar'}".utf8)
        let empty: [UInt8] = [0, 0, 0, 0x10, 0, 0, 0, 0, 0x05, 0xC2, 0x48, 0xEB, 0x7D, 0x98, 0xC8, 0xFF]
        let plain: [UInt8] =
            [0, 0, 0, 0x1D, 0, 0, 0, 0, 0xFD, 0x52, 0x8C, 0x5A] + payload + [0xC3, 0x65, 0x39, 0x36]
        let integer: [UInt8] =
            [0, 0, 0, 0x2B, 0, 0, 0, 0x0E, 0x34, 0x8B, 0xEC, 0x7B, 8] + "event-id".utf8 + [4, 0, 0, 0xA0, 0x0C] + payload
            + [0xD3, 0x89, 0x02, 0x85]
        let text: [UInt8] =
            [0, 0, 0, 0x3D, 0, 0, 0, 0x20, 0x07, 0xFD, 0x83, 0x96, 0x0C] + "content-type".utf8 + [7, 0, 0x10]
            + "application/json".utf8 + payload + [0x8D, 0x9C, 0x08, 0xB1]
        let (messages, isMalformed) = read(empty + plain + integer + text)
        #expect(!isMalformed)
        #expect(
            messages == [
                .init(), .init(payload: payload), .init(payload: payload),
                .init(headers: ["content-type": "application/json"], payload: payload),
            ])
    }

    @Test func headersOfEveryTypeArePassed() {
        let sizes: [(UInt8, Int)] = [(0, 0), (1, 0), (2, 1), (3, 2), (4, 4), (5, 8), (8, 8), (9, 16)]
        var headers = sizes.flatMap { EventStream.header("h\($0.0)", $0.0, Array(repeating: 7, count: $0.1)) }
        headers += EventStream.header("bytes", 6, [0, 3, 7, 7, 7]) + EventStream.header("a", 7, [0, 2] + "é".utf8)
        let (messages, isMalformed) = read(EventStream.message(headers, [1, 2]))
        #expect(!isMalformed && messages == [.init(headers: ["a": "é"], payload: [1, 2])])
    }

    @Test(arguments: [
        EventStream.header("x", 10, []), EventStream.header("x", 4, [0, 0]), EventStream.header("x", 7, [0, 9, 65]),
        EventStream.header("x", 7, [0]), [5, 65], [1, 65],
    ])
    func brokenHeadersAreMalformed(_ headers: [UInt8]) {
        #expect(read(EventStream.message(headers, [1])).isMalformed)
    }

    @Test func damageIsFound() {
        let whole = EventStream.event("messageStop", #"{"stopReason":"end_turn"}"#)
        #expect(CRC32.of(Array("123456789".utf8)) == 0xCBF4_3926)
        for index in whole.indices {
            for bit in 0..<8 {
                var damaged = whole
                damaged[index] ^= 1 << bit
                // One bit is always found, be it in the lengths, in what follows, or in a checksum.
                let (messages, isMalformed) = read(damaged)
                #expect(messages.isEmpty && isMalformed)
            }
        }
    }

    @Test func lengthsAreBounded() {
        func prelude(_ count: UInt32, _ headers: UInt32) -> [UInt8] {
            let lengths = EventStream.number(count) + EventStream.number(headers)
            return lengths + EventStream.number(EventStream.checksum(lengths))
        }
        #expect(read(prelude(15, 0)).isMalformed && read(prelude(0, 0)).isMalformed)
        #expect(read(prelude(16, 1)).isMalformed && read(prelude(100, .max)).isMalformed)
        #expect(read(prelude(1 << 20 + 1, 0)).isMalformed && read(prelude(.max, 0)).isMalformed)
        // Until then nothing is known to be wrong.
        #expect(!read(prelude(1 << 20, 0)).isMalformed && !read(Array(prelude(.max, 0).dropLast())).isMalformed)
        let message = EventStream.message([UInt8](), Array(repeating: 1, count: 1000))
        #expect(read(message, limit: 1016).messages.count == 1 && read(message, limit: 1015).isMalformed)
    }

    @Test func aReaderThatIsToldToStopStops() {
        var reader = EventStreamReader()
        var count = 0
        let message = EventStream.event("a", "{}")
        reader.feed(message + message) { _ in
            count += 1
            return false
        }
        #expect(count == 1)
    }

    @Test func cutsDoNotMatter() {
        var random = RandomJSON(seed: TestEnvironment.seed("cuts of Amazon's encoding"))
        for _ in 0..<300 {
            var bytes = (0..<random.below(6)).flatMap { _ in EventStream.event("type", random.value()) }
            if random.below(3) == 0 { bytes = random.mutated(bytes) }
            let whole = read(bytes)
            let size = random.below(40) + 1
            let cut = read(bytes) { random.below(size) + 1 }
            #expect(cut.messages == whole.messages && cut.isMalformed == whole.isMalformed)
            _ = read((0..<random.below(300)).map { _ in UInt8(random.below(256)) })
            // Noise behind lengths that are right.
            let noise = (0..<random.below(60)).map { _ in UInt8(random.below(12)) }
            _ = read(EventStream.message(noise, [1, 2, 3]))
        }
    }
}
