internal import JSON

/// The names of an object's members that are read, and the check that no member spells one of them in another way.
struct FieldNames: Sendable {
    private let table: NameTable
    private let longest: Int
    private let folded: [[UInt8]: Int]

    /// `names` are lower-case ASCII; a name's index is its position here.
    init(_ names: [String]) {
        table = NameTable(names)
        longest = names.map(\.utf8.count).max() ?? 0
        folded = Dictionary(uniqueKeysWithValues: names.enumerated().map { (Array($1.utf8), $0) })
    }

    /// The index of the name that `name` says; nil for one that is not read. Throws the index of the name that it spells with
    /// escapes or in other letter case, which some providers take for the name itself.
    func index(_ name: JSONString, _ text: RawSpan) throws(Misspelled) -> Int? {
        if let index = table.index(name, text) { return index }
        // A letter of a name has at most three bytes in another case.
        guard name.decodedCount <= longest * 3, name.isEscaped || !isPlain(name.range, text) else { return nil }
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
