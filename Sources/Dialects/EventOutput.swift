/// The bytes of a stream that go on: runs of what came, and what takes the place of some.
struct EventOutput {
    private var bytes: [UInt8] = []
    private var kept = 0

    /// Ranges come in order.
    mutating func replace(_ range: Range<Int>, of source: [UInt8], with replacement: [UInt8]) {
        bytes += source[kept..<range.lowerBound]
        bytes += replacement
        kept = range.upperBound
    }

    mutating func finish(_ source: [UInt8], upTo end: Int) -> [UInt8] {
        if kept == 0, end == source.count { return source }
        if kept < end { bytes += source[kept..<end] }
        return bytes
    }
}
