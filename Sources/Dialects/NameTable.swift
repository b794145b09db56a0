internal import JSON

/// Names that are looked up by their first eight bytes and their length, which tells nearly all of them apart in one step.
struct NameTable: Sendable {
    private let keys: [Key]
    private let names: [[UInt8]]

    private struct Key {
        let start: UInt64
        let count: Int
    }

    /// A name's index is its position here.
    init(_ names: [String]) {
        self.names = names.map { Array($0.utf8) }
        keys = self.names.map { name in
            Key(
                start: name.prefix(8).enumerated().reduce(0) { $0 | UInt64($1.element) << UInt64($1.offset * 8) },
                count: name.count)
        }
    }

    /// The index of the name that is spelled exactly so, without escapes.
    @inline(__always)
    func index(_ name: JSONString, _ text: RawSpan) -> Int? {
        let count = name.range.count
        let start = Self.start(name.range, text)
        var index = 0
        while index < keys.count {
            let key = keys[index]
            if key.start == start, key.count == count, count <= 8 || name.equals(names[index], text) { return index }
            index &+= 1
        }
        return nil
    }

    /// The first eight bytes of `range`, the first one lowest, with zeros where it is shorter.
    @inline(__always)
    private static func start(_ range: Range<Int>, _ text: RawSpan) -> UInt64 {
        let count = min(range.count, 8)
        guard count > 0 else { return 0 }
        if range.lowerBound &+ 8 <= text.byteCount {
            let word = UInt64(littleEndian: text.unsafeLoadUnaligned(fromByteOffset: range.lowerBound, as: UInt64.self))
            return count == 8 ? word : word & (1 &<< UInt64(count &* 8) &- 1)
        }
        return (0..<count).reduce(0) { $0 | UInt64(text.byte(range.lowerBound + $1)) << UInt64($1 * 8) }
    }
}
