/// Cuts a stream in Amazon's binary encoding (`application/vnd.amazon.eventstream`) into its messages, however the bytes come
/// (https://docs.aws.amazon.com/lexv2/latest/dg/event-stream-encoding.html).
///
/// A message is its length, the length of its headers, a checksum of both, the headers, the payload and a checksum of all.
struct EventStreamReader: Sendable {
    /// One message: the headers that are text, and the payload.
    struct Message: Sendable, Hashable {
        var headers: [String: String] = [:]
        var payload: [UInt8] = []
    }

    /// Whether something was no message of this encoding; nothing is read any more.
    private(set) var isMalformed = false

    private let maximumMessageBytes: Int
    private var buffer: [UInt8] = []

    /// The lengths and their checksum.
    private static let preludeBytes = 12
    /// The least that a message has: the prelude and the checksum of all.
    private static let leastBytes = 16

    init(maximumMessageBytes: Int = 16 << 20) { self.maximumMessageBytes = maximumMessageBytes }

    /// Takes bytes and hands every message that is whole to `body`, until that returns false.
    mutating func feed(_ bytes: [UInt8], _ body: (Message) -> Bool) {
        guard !isMalformed else { return }
        buffer += bytes
        var start = 0
        defer { buffer.removeFirst(start) }
        while buffer.count - start >= Self.preludeBytes {
            guard let (count, headers) = lengths(at: start) else {
                isMalformed = true
                return
            }
            guard buffer.count - start >= count else { return }
            let end = start + count - 4
            guard CRC32.of(buffer[start..<end]) == number(at: end),
                let message = message(start + Self.preludeBytes, headers: headers, end: end)
            else {
                isMalformed = true
                return
            }
            start += count
            if !body(message) { return }
        }
    }

    private func number(at offset: Int) -> UInt32 { buffer[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) } }

    /// The length of the message that begins at `start` and that of its headers; nil unless they are what they can be.
    ///
    /// They are checked before anything is waited for, so that damaged ones don't make the buffer grow.
    private func lengths(at start: Int) -> (message: Int, headers: Int)? {
        let count = Int(number(at: start))
        let headers = Int(number(at: start + 4))
        guard CRC32.of(buffer[start..<start + 8]) == number(at: start + 8), count >= Self.leastBytes,
            count <= maximumMessageBytes, headers <= count - Self.leastBytes
        else { return nil }
        return (count, headers)
    }

    private func message(_ start: Int, headers count: Int, end: Int) -> Message? {
        let payload = start + count
        var message = Message(payload: Array(buffer[payload..<end]))
        var rest = buffer[start..<payload]
        while let length = rest.popFirst() {
            guard let name = Self.take(Int(length), &rest), let type = rest.popFirst(), let size = Self.size(type, &rest),
                let value = Self.take(size, &rest)
            else { return nil }
            if type == Self.text {
                message.headers[String(decoding: name, as: UTF8.self)] = String(decoding: value, as: UTF8.self)
            }
        }
        return message
    }

    private static let text: UInt8 = 7

    /// The bytes of a value of this type; nil if there is no such type.
    private static func size(_ type: UInt8, _ rest: inout ArraySlice<UInt8>) -> Int? {
        switch type {
        case 0, 1: 0
        case 2: 1
        case 3: 2
        case 4: 4
        case 5, 8: 8
        case 6, text: take(2, &rest)?.reduce(0) { $0 << 8 | Int($1) }
        case 9: 16
        default: nil
        }
    }

    private static func take(_ count: Int, _ rest: inout ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard rest.count >= count else { return nil }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }
}

/// The checksum of gzip.
enum CRC32 {
    static func of(_ bytes: some Sequence<UInt8>) -> UInt32 {
        ~bytes.reduce(~0) { table[Int(UInt8(truncatingIfNeeded: $0) ^ $1)] ^ $0 >> 8 }
    }

    private static let table = (0..<256 as Range<UInt32>).map { byte in
        (0..<8).reduce(byte) { value, _ in value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1 }
    }
}
