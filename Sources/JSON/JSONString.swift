/// A string in the text: where its contents stand, between the quotes.
package struct JSONString: Sendable, Hashable {
    /// The bytes between the quotes, escapes and all.
    package let range: Range<Int>
    /// How many bytes of UTF-8 it says, which is never more than stand in the text.
    package let decodedCount: Int
    /// Whether it holds an escape.
    package var isEscaped: Bool { decodedCount != range.count }

    /// What it says.
    package func decoded(_ text: RawSpan) -> String {
        isEscaped
            ? String(decoding: decodedBytes(text), as: UTF8.self)
            : text.extracting(range).withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    }

    /// What it says, as UTF-8.
    package func decodedBytes(_ text: RawSpan) -> [UInt8] {
        guard isEscaped else { return text.copy(range) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(decodedCount)
        var offset = range.lowerBound
        while offset < range.upperBound {
            let byte = text.byte(offset)
            guard byte == UInt8(ascii: "\\") else {
                bytes.append(byte)
                offset += 1
                continue
            }
            switch text.byte(offset + 1) {
            case UInt8(ascii: "b"): bytes.append(0x08)
            case UInt8(ascii: "f"): bytes.append(0x0C)
            case UInt8(ascii: "n"): bytes.append(0x0A)
            case UInt8(ascii: "r"): bytes.append(0x0D)
            case UInt8(ascii: "t"): bytes.append(0x09)
            case UInt8(ascii: "u"):
                var unit = UInt32(text.hexadecimal(offset + 2) ?? 0)
                offset += 4
                if unit & 0xFC00 == 0xD800 {
                    unit = 0x10000 + (unit & 0x3FF) << 10 + UInt32(text.hexadecimal(offset + 4) ?? 0) & 0x3FF
                    offset += 6
                }
                if let scalar = Unicode.Scalar(unit) {
                    bytes.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
                }
            case let other: bytes.append(other)
            }
            offset += 2
        }
        return bytes
    }

    /// Whether it says exactly `ascii`, written without escapes.
    @inline(__always)
    package func equals(_ ascii: [UInt8], _ text: RawSpan) -> Bool {
        guard range.count == ascii.count else { return false }
        var index = 0
        while index < ascii.count {
            guard text.byte(range.lowerBound &+ index) == ascii[index] else { return false }
            index &+= 1
        }
        return true
    }
}

extension JSONCursor {
    /// Moves over a string, which starts at the next byte, checking its UTF-8 and its escapes.
    package mutating func string(_ text: RawSpan) throws(JSONError) -> JSONString {
        let start = offset + 1
        var position = start
        var saved = 0
        while true {
            position = text.plainRun(from: position)
            guard position < text.byteCount else { throw JSONError(.unexpectedEnd, at: position) }
            let byte = text.byte(position)
            switch byte {
            case UInt8(ascii: "\""):
                offset = position + 1
                return JSONString(range: start..<position, decodedCount: position - start - saved)
            case UInt8(ascii: "\\"):
                let (length, decoded) = try escape(text, at: position)
                position += length
                saved += length - decoded
            case 0:
                throw JSONError(.nul, at: position)
            case 0..<0x20:
                throw JSONError(.unexpectedByte, at: position)
            case 0x80...:
                // Scripts beyond ASCII come in runs: stay here until one ends.
                repeat {
                    position += try multibyteLength(text, at: position)
                } while position < text.byteCount && text.byte(position) >= 0x80
            default:
                position += 1
            }
        }
    }

    /// The lengths of the escape at `position` in the text and in UTF-8.
    private func escape(_ text: RawSpan, at position: Int) throws(JSONError) -> (length: Int, decoded: Int) {
        guard position + 1 < text.byteCount else { throw JSONError(.unexpectedEnd, at: position) }
        switch text.byte(position + 1) {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"), UInt8(ascii: "n"),
            UInt8(ascii: "r"), UInt8(ascii: "t"):
            return (2, 1)
        case UInt8(ascii: "u"):
            let unit = try codeUnit(text, at: position)
            switch unit {
            case 0: throw JSONError(.nul, at: position)
            case 0..<0x80: return (6, 1)
            case 0x80..<0x800: return (6, 2)
            case 0xD800..<0xDC00:
                guard position + 7 < text.byteCount else { throw JSONError(.loneSurrogate, at: position) }
                guard text.byte(position + 6) == UInt8(ascii: "\\"), text.byte(position + 7) == UInt8(ascii: "u") else {
                    throw JSONError(.loneSurrogate, at: position)
                }
                guard 0xDC00..<0xE000 ~= (try codeUnit(text, at: position + 6)) else {
                    throw JSONError(.loneSurrogate, at: position)
                }
                return (12, 4)
            case 0xDC00..<0xE000: throw JSONError(.loneSurrogate, at: position)
            default: return (6, 3)
            }
        default:
            throw JSONError(.unexpectedByte, at: position + 1)
        }
    }

    private func codeUnit(_ text: RawSpan, at position: Int) throws(JSONError) -> UInt16 {
        guard position + 5 < text.byteCount else { throw JSONError(.unexpectedEnd, at: position) }
        guard let unit = text.hexadecimal(position + 2) else { throw JSONError(.unexpectedByte, at: position + 2) }
        return unit
    }

    /// The length of the UTF-8 sequence of two to four bytes at `position` (Unicode 15, table 3-7).
    @inline(__always)
    private func multibyteLength(_ text: RawSpan, at position: Int) throws(JSONError) -> Int {
        let first = text.byte(position)
        let length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
        guard first >= 0xC2, first <= 0xF4, position + length <= text.byteCount else {
            throw JSONError(.invalidUTF8, at: position)
        }
        let second = text.byte(position + 1)
        let lowest: UInt8 = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80
        let highest: UInt8 = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF
        guard second >= lowest, second <= highest else { throw JSONError(.invalidUTF8, at: position) }
        var index = 2
        while index < length {
            guard text.byte(position + index) & 0xC0 == 0x80 else { throw JSONError(.invalidUTF8, at: position) }
            index += 1
        }
        return length
    }
}

extension RawSpan {
    /// The first offset from `start` on whose byte is not plain: a quote, a backslash, a control character or not ASCII. Eight
    /// bytes are looked at together; near the end of the text the offset may be that of a plain byte.
    @inline(__always)
    fileprivate func plainRun(from start: Int) -> Int {
        let ones: UInt64 = 0x0101_0101_0101_0101
        var position = start
        while position &+ 8 <= byteCount {
            let word = UInt64(littleEndian: unsafeLoadUnaligned(fromByteOffset: position, as: UInt64.self))
            let quote = word ^ (ones &* 0x22)
            let backslash = word ^ (ones &* 0x5C)
            // A byte's high bit is set in the sum if it is one of those; the lowest set one is exact, and only it is used.
            let quotes = (quote &- ones) & ~quote
            let backslashes = (backslash &- ones) & ~backslash
            let controls = (word &- ones &* 0x20) & ~word
            let found = (quotes | backslashes | controls | word) & (ones &* 0x80)
            guard found == 0 else { return position &+ found.trailingZeroBitCount >> 3 }
            position &+= 8
        }
        return position
    }

    /// The four hexadecimal digits at `offset`.
    fileprivate func hexadecimal(_ offset: Int) -> UInt16? {
        var value: UInt16 = 0
        for position in offset..<offset + 4 {
            let digit: UInt8
            switch byte(position) {
            case let byte where byte &- UInt8(ascii: "0") < 10: digit = byte - UInt8(ascii: "0")
            case let byte where (byte | 0x20) &- UInt8(ascii: "a") < 6: digit = (byte | 0x20) - UInt8(ascii: "a") + 10
            default: return nil
            }
            value = value << 4 | UInt16(digit)
        }
        return value
    }
}
