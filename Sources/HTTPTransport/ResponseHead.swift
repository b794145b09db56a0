/// A response's head: collected line by line on the reactor, taken apart on the reader's thread.
struct ResponseHead: Sendable {
    let status: Int
    /// The field lines, each with its line end.
    let lines: [UInt8]

    /// Names in lower case. A line that is no field, and a value with a control character, are left out: what is passed on
    /// to a client must not be able to break its framing.
    func fields() -> [(String, String)] {
        var fields: [(String, String)] = []
        fields.reserveCapacity(16)
        var rest = lines[...]
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            let line = rest[rest.startIndex..<end]
            rest = rest[(end + 1)...]
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { continue }
            let name = line[line.startIndex..<colon]
            let value = Self.trimmed(line[(colon + 1)...])
            guard RequestCheck.isToken(name), value.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }) else { continue }
            let lowered = String(unsafeUninitializedCapacity: name.count) { buffer in
                for (offset, byte) in name.enumerated() { buffer[offset] = RequestCheck.lowerCased(byte) }
                return name.count
            }
            fields.append((lowered, String(decoding: value, as: UTF8.self)))
        }
        return fields
    }

    private static func trimmed(_ value: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var value = value
        while let first = value.first, first == 0x20 || first == 0x09 { value.removeFirst() }
        while let last = value.last, last == 0x20 || last == 0x09 || last == 0x0D { value.removeLast() }
        return value
    }
}

/// Puts a head together from the lines that libcurl hands over, skipping 1xx heads.
struct HeadCollector {
    enum Step { case more, complete(ResponseHead), tooLarge, malformed }

    private var lines: [UInt8] = []
    private var status: Int?
    private var total = 0

    /// Whether a byte has come.
    var hasBegun: Bool { total > 0 }

    mutating func add(_ line: UnsafeRawBufferPointer, limit: Int) -> Step {
        total += line.count
        if total > limit { return .tooLarge }
        guard let status else {
            guard let code = Self.statusCode(line) else { return .malformed }
            status = code
            return .more
        }
        guard line.first == 0x0D || line.first == 0x0A else {
            if lines.isEmpty { lines.reserveCapacity(512) }
            lines.append(contentsOf: line)
            return .more
        }
        if status < 200 {
            self.status = nil
            lines.removeAll(keepingCapacity: true)
            return .more
        }
        let head = ResponseHead(status: status, lines: lines)
        lines = []
        return .complete(head)
    }

    /// Counts what comes after the head: trailers, which nobody reads but which must end.
    mutating func addTrailer(_ count: Int, limit: Int) -> Bool {
        total += count
        return total <= limit
    }

    /// `HTTP/x.y NNN …`
    private static func statusCode(_ line: UnsafeRawBufferPointer) -> Int? {
        guard let space = line.firstIndex(of: 0x20), line.count >= space + 4, line.starts(with: "HTTP/".utf8) else { return nil }
        var code = 0
        for byte in line[(space + 1)..<(space + 4)] {
            guard byte >= 0x30, byte <= 0x39 else { return nil }
            code = code * 10 + Int(byte - 0x30)
        }
        return code >= 100 ? code : nil
    }
}
