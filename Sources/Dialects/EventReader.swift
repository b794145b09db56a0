/// Cuts a stream of server-sent events into the data of its events, however the bytes come.
///
/// Names, ids and comments are passed over: the dialects that are read here say in the data what an event is. So is the mark of the
/// byte order that may stand at the beginning (https://html.spec.whatwg.org/multipage/server-sent-events.html, "Parsing an event
/// stream").
struct EventReader: Sendable {
    /// Whether an event was longer than the limit; nothing is read any more.
    private(set) var isTooLong = false

    private let maximumEventBytes: Int
    private var line: [UInt8] = []
    private var data: [UInt8] = []
    private var hasData = false
    private var endedWithCR = false
    private var isAtStart = true

    init(maximumEventBytes: Int = SSETap.longestEvent) { self.maximumEventBytes = maximumEventBytes }

    /// Takes bytes and hands the data of every event that is whole to `body`, until that returns false.
    mutating func feed(_ bytes: [UInt8], _ body: ([UInt8]) -> Bool) {
        var start = 0
        while start < bytes.count, !isTooLong {
            // A CR ends a line, and an LF behind it belongs to it, in whichever piece it comes.
            if endedWithCR {
                endedWithCR = false
                if bytes[start] == 0x0A {
                    start += 1
                    continue
                }
            }
            let end = bytes.span.bytes.lineEnd(from: start)
            line.append(contentsOf: bytes[start..<end])
            isTooLong = line.count + data.count > maximumEventBytes
            guard end < bytes.count else { return }
            endedWithCR = bytes[end] == 0x0D
            start = end + 1
            if !endLine(body) { return }
        }
    }

    /// Says that the stream is over: an event that lacks only its blank line is whole. Half an event is dropped.
    mutating func end(_ body: ([UInt8]) -> Bool) {
        if !line.isEmpty, !endLine(body) { return }
        _ = endLine(body)
    }

    private static let field = Array("data".utf8)
    static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

    /// Returns whether the reading goes on.
    private mutating func endLine(_ body: ([UInt8]) -> Bool) -> Bool {
        defer { line.removeAll(keepingCapacity: true) }
        if isAtStart {
            isAtStart = false
            if line.starts(with: Self.byteOrderMark) { line.removeFirst(Self.byteOrderMark.count) }
        }
        guard !line.isEmpty else {
            defer {
                data.removeAll(keepingCapacity: true)
                hasData = false
            }
            return hasData && !data.isEmpty ? body(data) : true
        }
        guard line.starts(with: Self.field) else { return true }
        var start = Self.field.count
        if start < line.count {
            guard line[start] == UInt8(ascii: ":") else { return true }
            start += 1
            if start < line.count, line[start] == 0x20 { start += 1 }
        }
        if hasData { data.append(0x0A) }
        hasData = true
        data += line[start...]
        return true
    }
}
