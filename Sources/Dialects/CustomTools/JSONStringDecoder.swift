/// Says what stands in a JSON string, byte by byte from behind its first quote.
///
/// A model writes it, so nothing is wrong in it: what is no escape stands as it is, and what no text may hold, NUL and half a pair
/// of surrogates, becomes U+FFFD.
struct JSONStringDecoder: Sendable {
    private enum Place {
        case plain
        /// Behind a backslash.
        case escape
        /// Behind `\u` and some of its digits.
        case unit([UInt8])
    }

    private var place = Place.plain
    /// The first half of a pair of surrogates.
    private var half: UInt32?

    /// Takes a byte and appends what it says. Returns whether it is the quote that ends the string.
    mutating func take(_ byte: UInt8, into text: inout [UInt8]) -> Bool {
        switch place {
        case .plain: return plain(byte, into: &text)
        case .escape: escape(byte, into: &text)
        case .unit(let digits):
            guard Self.digit(byte) != nil else {
                place = .plain
                endHalf(into: &text)
                text += [UInt8(ascii: "\\"), UInt8(ascii: "u")] + digits
                return plain(byte, into: &text)
            }
            unit(digits + [byte], into: &text)
        }
        return false
    }

    private mutating func plain(_ byte: UInt8, into text: inout [UInt8]) -> Bool {
        guard byte != UInt8(ascii: "\\") else {
            place = .escape
            return false
        }
        endHalf(into: &text)
        if byte == UInt8(ascii: "\"") { return true }
        if byte == 0 { text += Self.replacement } else { text.append(byte) }
        return false
    }

    private mutating func escape(_ byte: UInt8, into text: inout [UInt8]) {
        guard byte != UInt8(ascii: "u") else {
            place = .unit([])
            return
        }
        place = .plain
        endHalf(into: &text)
        switch byte {
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case 0: text += [UInt8(ascii: "\\")] + Self.replacement
        default: text += [UInt8(ascii: "\\"), byte]
        }
    }

    private mutating func unit(_ digits: [UInt8], into text: inout [UInt8]) {
        guard digits.count == 4 else {
            place = .unit(digits)
            return
        }
        place = .plain
        let unit: UInt32 = digits.reduce(0) { $0 << 4 | (Self.digit($1) ?? 0) }
        if let half, unit & 0xFC00 == 0xDC00 {
            self.half = nil
            append(0x10000 + (half & 0x3FF) << 10 + unit & 0x3FF, to: &text)
            return
        }
        endHalf(into: &text)
        if unit & 0xFC00 == 0xD800 { half = unit } else { append(unit, to: &text) }
    }

    /// Half a pair that nothing follows.
    private mutating func endHalf(into text: inout [UInt8]) {
        guard half != nil else { return }
        half = nil
        text += Self.replacement
    }

    private func append(_ value: UInt32, to text: inout [UInt8]) {
        guard value != 0, let scalar = Unicode.Scalar(value) else {
            text += Self.replacement
            return
        }
        text += String(Character(scalar)).utf8
    }

    private static let replacement = Array("\u{FFFD}".utf8)

    private static func digit(_ byte: UInt8) -> UInt32? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(byte - UInt8(ascii: "a") + 10)
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(byte - UInt8(ascii: "A") + 10)
        default: nil
        }
    }
}
