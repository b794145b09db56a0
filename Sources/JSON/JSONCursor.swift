/// A position in JSON text, and the steps that move it over one token or one whole value while checking the grammar.
///
/// The bytes are passed to every step, so that nothing here owns or copies them; every access is bounds-checked. What is
/// accepted is RFC 8259 with UTF-8 and without NUL, lone surrogates and deep nesting.
package struct JSONCursor: Sendable {
    /// The offset of the next byte.
    package var offset: Int
    /// How deep arrays and objects may nest.
    package let maximumDepth: Int
    /// How many values may still become part of a tree.
    var valuesLeft: Int

    /// A cursor at `offset`.
    ///
    /// - Parameter maximumValues: Of all trees that it gives together.
    package init(offset: Int = 0, maximumDepth: Int = 128, maximumValues: Int = .max) {
        self.offset = offset
        self.maximumDepth = maximumDepth
        valuesLeft = maximumValues
    }

    /// Moves over white space and returns the byte there, which stays unread.
    @inline(__always)
    package mutating func next(_ text: RawSpan) throws(JSONError) -> UInt8 {
        while offset < text.byteCount {
            let byte = text.byte(offset)
            guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return byte }
            offset += 1
        }
        throw JSONError(.unexpectedEnd, at: offset)
    }

    /// Moves over white space and over `byte`, which must come.
    @inline(__always)
    package mutating func expect(_ byte: UInt8, _ text: RawSpan) throws(JSONError) {
        guard try next(text) == byte else { throw JSONError(.unexpectedByte, at: offset) }
        offset += 1
    }

    /// Checks that nothing but white space is left.
    package mutating func end(_ text: RawSpan) throws(JSONError) {
        while offset < text.byteCount {
            guard [0x20, 0x0A, 0x0D, 0x09].contains(text.byte(offset)) else { throw JSONError(.unexpectedByte, at: offset) }
            offset += 1
        }
    }

    /// Moves into an object or an array: over `open`, and over `close` too if it is empty. Returns whether it has a member.
    package mutating func enter(_ open: UInt8, _ close: UInt8, _ text: RawSpan, depth: Int) throws(JSONError) -> Bool {
        try expect(open, text)
        guard depth < maximumDepth else { throw JSONError(.tooDeep, at: offset - 1) }
        guard try next(text) == close else { return true }
        offset += 1
        return false
    }

    /// Moves over the `,` before another member, or over `close`. Returns whether another member follows.
    @inline(__always)
    package mutating func another(_ close: UInt8, _ text: RawSpan) throws(JSONError) -> Bool {
        let byte = try next(text)
        guard byte == UInt8(ascii: ",") || byte == close else { throw JSONError(.unexpectedByte, at: offset) }
        offset += 1
        return byte != close
    }

    /// Moves over a member's name and its colon.
    @inline(__always)
    package mutating func name(_ text: RawSpan) throws(JSONError) -> JSONString {
        guard try next(text) == UInt8(ascii: "\"") else { throw JSONError(.unexpectedByte, at: offset) }
        let name = try string(text)
        try expect(UInt8(ascii: ":"), text)
        return name
    }

    /// Moves over one whole value of any kind. `depth` is the number of arrays and objects around it.
    package mutating func skip(_ text: RawSpan, depth: Int) throws(JSONError) {
        switch try next(text) {
        case UInt8(ascii: "\""):
            _ = try string(text)
        case UInt8(ascii: "{"):
            guard try enter(UInt8(ascii: "{"), UInt8(ascii: "}"), text, depth: depth) else { return }
            repeat {
                _ = try name(text)
                try skip(text, depth: depth + 1)
            } while try another(UInt8(ascii: "}"), text)
        case UInt8(ascii: "["):
            guard try enter(UInt8(ascii: "["), UInt8(ascii: "]"), text, depth: depth) else { return }
            repeat { try skip(text, depth: depth + 1) } while try another(UInt8(ascii: "]"), text)
        case UInt8(ascii: "t"):
            try literal("true", text)
        case UInt8(ascii: "f"):
            try literal("false", text)
        case UInt8(ascii: "n"):
            try literal("null", text)
        default:
            _ = try number(text)
        }
    }

    /// Moves over `word`, one of `true`, `false` and `null`.
    package mutating func literal(_ word: StaticString, _ text: RawSpan) throws(JSONError) {
        var expected = 0
        while expected < word.utf8CodeUnitCount {
            guard offset < text.byteCount else { throw JSONError(.unexpectedEnd, at: offset) }
            guard text.byte(offset) == word.utf8(expected) else { throw JSONError(.unexpectedByte, at: offset) }
            offset += 1
            expected += 1
        }
    }

    /// Moves over a number and returns where it stands.
    package mutating func number(_ text: RawSpan) throws(JSONError) -> JSONNumber {
        let start = offset
        var isInteger = true
        if offset < text.byteCount, text.byte(offset) == UInt8(ascii: "-") { offset += 1 }
        let leadingZero = offset < text.byteCount && text.byte(offset) == UInt8(ascii: "0")
        if leadingZero { offset += 1 } else { try digits(text) }
        if offset < text.byteCount, text.byte(offset) == UInt8(ascii: ".") {
            isInteger = false
            offset += 1
            try digits(text)
        }
        if offset < text.byteCount, text.byte(offset) | 0x20 == UInt8(ascii: "e") {
            isInteger = false
            offset += 1
            if offset < text.byteCount, text.byte(offset) == UInt8(ascii: "+") || text.byte(offset) == UInt8(ascii: "-") {
                offset += 1
            }
            try digits(text)
        }
        return JSONNumber(range: start..<offset, isInteger: isInteger)
    }

    private mutating func digits(_ text: RawSpan) throws(JSONError) {
        let start = offset
        while offset < text.byteCount, text.byte(offset) &- UInt8(ascii: "0") < 10 { offset += 1 }
        guard offset == start else { return }
        throw JSONError(offset < text.byteCount ? .unexpectedByte : .unexpectedEnd, at: offset)
    }
}

/// A number in the text.
package struct JSONNumber: Sendable, Hashable {
    /// Its bytes.
    package let range: Range<Int>
    /// Whether it has neither a fraction nor an exponent.
    package let isInteger: Bool

    /// Its value, if it is an integer of 64 bits.
    package func integer(_ text: RawSpan) -> Int64? {
        guard isInteger else { return nil }
        let negative = text.byte(range.lowerBound) == UInt8(ascii: "-")
        var value: Int64 = 0
        for offset in (negative ? range.dropFirst() : range) {
            let digit = Int64(text.byte(offset) &- UInt8(ascii: "0"))
            let (shifted, first) = value.multipliedReportingOverflow(by: 10)
            let (next, second) = negative ? shifted.subtractingReportingOverflow(digit) : shifted.addingReportingOverflow(digit)
            guard !first, !second else { return nil }
            value = next
        }
        return value
    }
}

extension RawSpan {
    /// The byte at `offset`; out of bounds traps.
    @inline(__always)
    package func byte(_ offset: Int) -> UInt8 { unsafeLoad(fromByteOffset: offset, as: UInt8.self) }

    /// A copy of the bytes in `range`.
    package func copy(_ range: Range<Int>) -> [UInt8] {
        extracting(range).withUnsafeBytes { Array($0) }
    }
}

extension StaticString {
    /// The UTF-8 byte at `index` of an ASCII literal.
    fileprivate func utf8(_ index: Int) -> UInt8 { withUTF8Buffer { $0[index] } }
}
