import CHiredis
import NIOCore

/// Writes calls in Redis's protocol, with hiredis's formatter; its scratch memory is used again for the next call.
struct CommandWriter {
    private var bytes: [UInt8] = []
    private var lengths: [Int] = []

    /// A call that needed more scratch memory than this gives it back.
    private static let keptCapacity = 256 << 10

    /// Appends one call.
    /// - Throws: ``RedisError`` with `invalidCall` when hiredis can't write it.
    mutating func write(_ arguments: [RedisArgument], into buffer: inout ByteBuffer) throws(RedisError) {
        bytes.removeAll(keepingCapacity: bytes.capacity <= Self.keptCapacity)
        lengths.removeAll(keepingCapacity: true)
        for argument in arguments {
            let before = bytes.count
            switch argument {
            case .string(let text): bytes.append(contentsOf: text.utf8)
            case .bytes(let value): bytes.append(contentsOf: value)
            }
            lengths.append(bytes.count - before)
        }
        bytes.append(0)  // so that there is an address even when every argument is empty
        guard Self.format(bytes, lengths, into: &buffer) else {
            throw RedisError(.invalidCall, "the call could not be written")
        }
    }

    private static func format(_ bytes: [UInt8], _ lengths: [Int], into buffer: inout ByteBuffer) -> Bool {
        bytes.withUnsafeBytes { bytes in
            withUnsafeTemporaryAllocation(of: UnsafePointer<CChar>?.self, capacity: lengths.count) { pointers in
                var position = bytes.baseAddress
                for (index, length) in lengths.enumerated() {
                    pointers.initializeElement(at: index, to: position?.assumingMemoryBound(to: CChar.self))
                    position = position?.advanced(by: length)
                }
                var target: UnsafeMutablePointer<CChar>?
                let count = redisFormatCommandArgv(&target, Int32(lengths.count), pointers.baseAddress, lengths)
                guard count > 0, let target else { return false }
                buffer.writeBytes(UnsafeRawBufferPointer(start: target, count: Int(count)))
                redisFreeCommand(target)
                return true
            }
        }
    }
}
