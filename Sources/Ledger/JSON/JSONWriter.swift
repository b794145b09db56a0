/// Writes JSON text into a byte array: the fast way out for the events of the request path.
///
/// Calls must nest as the text does; the commas are the writer's. What a Postgres `jsonb` cannot hold (NUL) is remembered as
/// `problem`, and the event is refused when it is built.
public struct JSONWriter: Sendable {
    /// The text so far.
    public private(set) var bytes: [UInt8]
    /// The first thing that may not be in an event, or nil.
    public private(set) var problem: EventError?
    private var needsComma = false

    /// - Parameter capacity: how many bytes to make room for at once.
    public init(capacity: Int = 1024) {
        bytes = []
        bytes.reserveCapacity(capacity)
    }

    public mutating func beginObject() { open(UInt8(ascii: "{")) }
    public mutating func endObject() { close(UInt8(ascii: "}")) }
    public mutating func beginArray() { open(UInt8(ascii: "[")) }
    public mutating func endArray() { close(UInt8(ascii: "]")) }

    /// The next member's name; it is written as it stands, so it must need no escapes.
    public mutating func key(_ name: StaticString) {
        comma()
        bytes.append(UInt8(ascii: "\""))
        name.withUTF8Buffer { bytes.append(contentsOf: $0) }
        bytes.append(UInt8(ascii: "\""))
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    /// The next member's name, whatever stands in it.
    public mutating func key(escaping name: String) {
        value(name)
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    public mutating func null() { literal("null") }

    public mutating func value(_ value: Bool) { literal(value ? "true" : "false") }

    public mutating func value(_ value: Int64) {
        comma()
        if value < 0 { bytes.append(UInt8(ascii: "-")) }
        var magnitude = value.magnitude
        var digits: (UInt64, UInt64, UInt32) = (0, 0, 0)
        withUnsafeMutableBytes(of: &digits) { buffer in
            var start = buffer.count
            repeat {
                start -= 1
                buffer[start] = UInt8(truncatingIfNeeded: magnitude % 10) + 48
                magnitude /= 10
            } while magnitude > 0
            bytes.append(contentsOf: buffer[start...])
        }
        needsComma = true
    }

    public mutating func value(_ value: String) {
        comma()
        bytes.append(UInt8(ascii: "\""))
        var value = value
        value.withUTF8 { escape($0) }
        bytes.append(UInt8(ascii: "\""))
        needsComma = true
    }

    /// The identifier as a 36-character uuid.
    public mutating func value<Kind>(_ value: Identifier<Kind>) {
        comma()
        bytes.append(UInt8(ascii: "\""))
        value.uuid.writeLowercase { bytes.append($0) }
        bytes.append(UInt8(ascii: "\""))
        needsComma = true
    }

    /// A whole JSON value that was written elsewhere. It is checked for what an event may not hold, not for its grammar.
    public mutating func raw(_ text: [UInt8]) {
        comma()
        if problem == nil { problem = JSONText.problem(in: text) }
        bytes.append(contentsOf: text)
        needsComma = true
    }

    private mutating func literal(_ text: StaticString) {
        comma()
        text.withUTF8Buffer { bytes.append(contentsOf: $0) }
        needsComma = true
    }

    private mutating func comma() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
    }

    private mutating func open(_ byte: UInt8) {
        comma()
        bytes.append(byte)
        needsComma = false
    }

    private mutating func close(_ byte: UInt8) {
        bytes.append(byte)
        needsComma = true
    }

    /// Copies runs that need no escape at once. A Swift string is always well-formed, so NUL is all there is to refuse.
    private mutating func escape(_ text: UnsafeBufferPointer<UInt8>) {
        var start = 0
        for index in text.indices {
            let byte = text[index]
            if byte >= 0x20 && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\") { continue }
            bytes.append(contentsOf: text[start..<index])
            start = index + 1
            bytes.append(UInt8(ascii: "\\"))
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes.append(byte)
            case 0x0A: bytes.append(UInt8(ascii: "n"))
            case 0x0D: bytes.append(UInt8(ascii: "r"))
            case 0x09: bytes.append(UInt8(ascii: "t"))
            default:
                if byte == 0, problem == nil { problem = EventError(.invalidText, "a string holds NUL") }
                bytes.append(contentsOf: [UInt8(ascii: "u"), 48, 48, hex(byte >> 4), hex(byte & 15)])
            }
        }
        bytes.append(contentsOf: text[start...])
    }

    private func hex(_ value: UInt8) -> UInt8 { value < 10 ? 48 + value : 87 + value }
}

extension JSONWriter {
    /// A member; nil is written as `null`.
    public mutating func member(_ name: StaticString, _ value: String?) {
        key(name)
        if let value { self.value(value) } else { null() }
    }

    /// A member; nil is written as `null`.
    public mutating func member(_ name: StaticString, _ value: Int64?) {
        key(name)
        if let value { self.value(value) } else { null() }
    }

    /// A member.
    public mutating func member(_ name: StaticString, _ value: Bool) {
        key(name)
        self.value(value)
    }

    /// A member.
    public mutating func member<Kind>(_ name: StaticString, _ value: Identifier<Kind>) {
        key(name)
        self.value(value)
    }

    /// A member in microseconds.
    public mutating func member(_ name: StaticString, _ value: Timestamp) {
        key(name)
        self.value(value.microseconds)
    }
}
