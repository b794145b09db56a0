import CHiredis
import NIOCore

/// Turns the bytes of one connection into replies, with hiredis's parser.
///
/// hiredis refuses arrays nested deeper than seven levels; size and number are limited here.
final class ReplyReader {
    private let functions: UnsafeMutablePointer<redisReplyObjectFunctions>
    private let reader: UnsafeMutablePointer<redisReader>
    private let builder: ReplyBuilder
    private let maximumBytes: Int
    /// Bytes of the reply that has begun and is not whole yet.
    private var partial = 0

    /// hiredis moves what is left in its buffer after every kilobyte that it parsed; small slices keep that cheap.
    private static let slice = 16 << 10
    /// hiredis keeps an idle buffer up to this size.
    private static let idleBuffer = 256 << 10

    init(maximumBytes: Int, maximumValues: Int) throws(RedisError) {
        functions = .allocate(capacity: 1)
        functions.initialize(to: ReplyBuilder.functions())
        guard let reader = redisReaderCreateWithFunctions(functions) else {
            functions.deallocate()
            throw RedisError(.connectionLost, "no memory for a reader of replies")
        }
        self.reader = reader
        self.builder = ReplyBuilder(maximumValues: maximumValues)
        self.maximumBytes = maximumBytes
        reader.pointee.maxbuf = Self.idleBuffer
        reader.pointee.privdata = Unmanaged.passUnretained(builder).toOpaque()
    }

    deinit {
        redisReaderFree(reader)
        functions.deallocate()
    }

    /// Takes bytes and hands over every reply that they complete, until one is not wanted.
    ///
    /// - Parameter accept: returns whether to go on.
    /// - Throws: ``RedisError`` with `protocolViolation`; the reader can't be used after that.
    func read(_ buffer: ByteBuffer, accept: (RedisValue) -> Bool) throws(RedisError) {
        var rest = buffer
        while let part = rest.readSlice(length: min(Self.slice, rest.readableBytes)), part.readableBytes > 0 {
            try feed(part)
            while let reply = try next() {
                guard accept(reply) else { return }
            }
            guard partial <= maximumBytes else {
                throw RedisError(.protocolViolation, "a reply is longer than \(maximumBytes) bytes")
            }
        }
    }

    private func feed(_ part: ByteBuffer) throws(RedisError) {
        partial += part.readableBytes
        let result = part.withUnsafeReadableBytes { bytes in
            redisReaderFeed(reader, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count)
        }
        guard result == REDIS_OK else { throw violation() }
    }

    private func next() throws(RedisError) -> RedisValue? {
        var reply: UnsafeMutableRawPointer?
        guard redisReaderGetReply(reader, &reply) == REDIS_OK else { throw violation() }
        guard reply != nil else { return nil }
        partial = reader.pointee.len - reader.pointee.pos
        guard let value = builder.take() else { throw RedisError(.protocolViolation, "a reply ended without a value") }
        return value
    }

    private func violation() -> RedisError {
        if builder.isFull { return RedisError(.protocolViolation, "a reply has more than \(builder.maximumValues) values") }
        let text = withUnsafeBytes(of: reader.pointee.errstr) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        return RedisError(.protocolViolation, text.isEmpty ? "bytes that are no reply" : text)
    }
}
