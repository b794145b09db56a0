internal import JSON

/// Bytes that take the place of a range.
struct Splice: Sendable {
    let range: Range<Int>
    let bytes: [UInt8]

    init(_ range: Range<Int>, _ bytes: [UInt8]) {
        self.range = range
        self.bytes = bytes
    }

    /// What takes members out of `body`, each with one comma.
    ///
    /// - Parameters:
    ///   - members: From the quote before each one's name to the end of its value, in order; none lies in another.
    ///   - start: Nothing before it is touched.
    static func removing(_ members: [Range<Int>], from body: RawSpan, after start: Int) -> [Splice] {
        var splices: [Splice] = []
        // Behind what was taken out last: a comma before it is gone already.
        var end = start
        for member in members {
            var start = member.lowerBound
            while start > end, body.isSpace(start - 1) { start -= 1 }
            if start > end, body.byte(start - 1) == UInt8(ascii: ",") {
                end = member.upperBound
                splices.append(Splice(start - 1..<end, []))
                continue
            }
            // Nothing is left before it, so the comma behind it goes with it, if there is one.
            end = member.upperBound
            while body.isSpace(end) { end += 1 }
            if body.byte(end) == UInt8(ascii: ",") { end += 1 }
            splices.append(Splice(start..<end, []))
        }
        return splices
    }

    /// `body` with `splices`, whose ranges don't overlap.
    static func apply(_ splices: [Splice], to body: RawSpan) -> [UInt8] {
        let ordered = splices.sorted { $0.range.lowerBound < $1.range.lowerBound }
        var result: [UInt8] = []
        result.reserveCapacity(ordered.reduce(body.byteCount) { $0 + $1.bytes.count - $1.range.count })
        var position = 0
        for splice in ordered {
            body.extracting(position..<splice.range.lowerBound).withUnsafeBytes { result.append(contentsOf: $0) }
            result.append(contentsOf: splice.bytes)
            position = splice.range.upperBound
        }
        body.extracting(position..<body.byteCount).withUnsafeBytes { result.append(contentsOf: $0) }
        return result
    }
}

extension RawSpan {
    /// Whether JSON's white space stands there.
    fileprivate func isSpace(_ offset: Int) -> Bool {
        let byte = byte(offset)
        return byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09
    }
}
