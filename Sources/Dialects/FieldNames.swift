internal import JSON

/// The names of an object's members that are read, and the check that no member spells one of them in another way.
struct FieldNames: Sendable {
    private let byLength: [[(bytes: [UInt8], index: Int)]]
    private let folded: [[UInt8]: Int]

    /// `names` are lower-case ASCII; a name's index is its position here.
    init(_ names: [String]) {
        let longest = names.map(\.utf8.count).max() ?? 0
        var byLength = [[(bytes: [UInt8], index: Int)]](repeating: [], count: longest + 1)
        var folded: [[UInt8]: Int] = [:]
        for (index, name) in names.enumerated() {
            byLength[name.utf8.count].append((Array(name.utf8), index))
            folded[Array(name.utf8)] = index
        }
        self.byLength = byLength
        self.folded = folded
    }

    /// The index of the name that `name` says; nil for one that is not read. Throws the index of the name that it spells with
    /// escapes or in other letter case, which some providers take for the name itself.
    func index(_ name: JSONString, _ text: RawSpan) throws(Misspelled) -> Int? {
        let length = name.range.count
        if length < byLength.count {
            for candidate in byLength[length] where name.equals(candidate.bytes, text) { return candidate.index }
        }
        guard name.isEscaped || !isPlain(name.range, text), name.decodedCount <= byLength.count * 3 else { return nil }
        guard let index = folded[Self.fold(name.decodedBytes(text))] else { return nil }
        throw Misspelled(index: index)
    }

    struct Misspelled: Error { let index: Int }

    private func isPlain(_ range: Range<Int>, _ text: RawSpan) -> Bool {
        for offset in range {
            let byte = text.byte(offset)
            if byte >= 0x80 || (byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z")) { return false }
        }
        return true
    }

    /// The bytes in lower case, with the two letters beyond ASCII (U+017F and U+212A) that simple case folding makes ASCII.
    private static func fold(_ bytes: [UInt8]) -> [UInt8] {
        String(decoding: bytes, as: UTF8.self).unicodeScalars.flatMap { scalar -> [UInt8] in
            switch scalar.value {
            case 0x17F: [UInt8(ascii: "s")]
            case 0x212A: [UInt8(ascii: "k")]
            case 0x41...0x5A: [UInt8(scalar.value) + 0x20]
            default: Array(String(scalar).utf8)
            }
        }
    }
}
