/// Finds what a `jsonb` column refuses in JSON text: it would fail a whole batch, so it is refused when the event is built.
enum JSONText {
    /// The first NUL (bare or as `\u0000`), lone surrogate escape or byte that is not UTF-8; nil when there is none.
    static func problem(in text: [UInt8]) -> EventError? {
        guard String(validating: text, as: UTF8.self) != nil else {
            return EventError(.invalidText, "not valid UTF-8")
        }
        var index = 0
        while index < text.count {
            let byte = text[index]
            if byte == 0 { return EventError(.invalidText, "holds NUL") }
            guard byte == UInt8(ascii: "\\"), index + 1 < text.count else {
                index += 1
                continue
            }
            guard text[index + 1] == UInt8(ascii: "u") else {
                index += 2
                continue
            }
            guard let unit = codeUnit(text, at: index) else { return EventError(.invalidText, "holds a broken escape") }
            index += 6
            switch unit {
            case 0: return EventError(.invalidText, "a string holds NUL")
            case 0xDC00...0xDFFF: return EventError(.invalidText, "a string holds a lone surrogate")
            case 0xD800...0xDBFF:
                guard let low = codeUnit(text, at: index), (0xDC00...0xDFFF).contains(low) else {
                    return EventError(.invalidText, "a string holds a lone surrogate")
                }
                index += 6
            default: break
            }
        }
        return nil
    }

    /// The value of the escape at `index`: a backslash, `u` and four hexadecimal digits.
    private static func codeUnit(_ text: [UInt8], at index: Int) -> UInt32? {
        guard index + 6 <= text.count, text[index] == UInt8(ascii: "\\"), text[index + 1] == UInt8(ascii: "u") else { return nil }
        var value: UInt32 = 0
        for byte in text[(index + 2)..<(index + 6)] {
            switch byte {
            case 48...57: value = value << 4 | UInt32(byte - 48)
            case 65...70: value = value << 4 | UInt32(byte - 55)
            case 97...102: value = value << 4 | UInt32(byte - 87)
            default: return nil
            }
        }
        return value
    }
}
