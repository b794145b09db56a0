internal import JSON

extension RawSpan {
    /// The first offset from `start` on whose byte is a line feed or a carriage return; the end if there is none. Eight bytes are
    /// looked at together, because nearly all of a stream is inside lines.
    func lineEnd(from start: Int) -> Int {
        let ones: UInt64 = 0x0101_0101_0101_0101
        var position = start
        while position &+ 8 <= byteCount {
            let word = UInt64(littleEndian: unsafeLoadUnaligned(fromByteOffset: position, as: UInt64.self))
            let feed = word ^ (ones &* 0x0A)
            let carriage = word ^ (ones &* 0x0D)
            // The lowest high bit that is set is that of the first such byte; only it is used.
            let found = (((feed &- ones) & ~feed) | ((carriage &- ones) & ~carriage)) & (ones &* 0x80)
            guard found == 0 else { return position &+ found.trailingZeroBitCount >> 3 }
            position &+= 8
        }
        while position < byteCount, byte(position) != 0x0A, byte(position) != 0x0D { position += 1 }
        return position
    }
}
