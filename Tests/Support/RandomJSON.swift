/// Makes random JSON text: every kind of value, escapes in every spelling, white space, non-ASCII characters.
public struct RandomJSON {
    /// Where the choices come from.
    public var generator: SeededGenerator

    /// A maker whose texts follow from `seed`.
    public init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

    /// A number below `bound`.
    public mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &generator) }

    /// The text of a value; `depth` bounds the nesting.
    public mutating func value(depth: Int = 4) -> String {
        switch below(depth > 0 ? 8 : 5) {
        case 0: return ["null", "true", "false"][below(3)]
        case 1: return number()
        case 2, 3, 4: return string()
        case 5:
            let elements = (0..<below(4)).map { _ in space() + value(depth: depth - 1) + space() }
            return "[" + (elements.isEmpty ? space() : elements.joined(separator: ",")) + "]"
        default:
            // Names are made unique by their number, because two readers take a name that stands twice in two ways.
            let members = (0..<below(5)).map { index in
                space() + string(suffix: "\(index)") + space() + ":" + space() + value(depth: depth - 1) + space()
            }
            return "{" + (members.isEmpty ? space() : members.joined(separator: ",")) + "}"
        }
    }

    /// The text of a number that fits every reader's types.
    public mutating func number() -> String {
        let whole = below(3) == 0 ? "0" : "\(below(1_000_000) + 1)"
        let fraction = below(3) == 0 ? ".\(below(1000))" : ""
        let exponent = below(5) == 0 ? ["e", "E"][below(2)] + ["", "+", "-"][below(3)] + "\(below(9))" : ""
        return (below(4) == 0 ? "-" : "") + whole + fraction + exponent
    }

    /// The text of a string.
    public mutating func string(suffix: String = "") -> String {
        "\"" + (0..<below(12)).map { _ in character() }.joined() + suffix + "\""
    }

    private mutating func character() -> String {
        switch below(10) {
        case 0: return ["\\n", "\\t", "\\\"", "\\\\", "\\/", "\\b", "\\f", "\\r"][below(8)]
        case 1: return ["\\u0041", "\\u00e9", "\\u20AC", "\\ud83d\\ude00", "\\uFFFD", "\\u001f"][below(6)]
        case 2: return ["é", "я", "€", "漢", "😀", "\u{7F}", "ﬁ", "𝄞"][below(8)]
        case 3: return "plain text "
        default: return String(Character(Unicode.Scalar(UInt8(below(26)) + UInt8(ascii: "a"))))
        }
    }

    private mutating func space() -> String { below(3) > 0 ? "" : [" ", "\n", "\t", "\r\n", "  "][below(5)] }

    /// `bytes` with a few bytes changed, left out, doubled or put in.
    public mutating func mutated(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        for _ in 0...below(2) {
            guard !bytes.isEmpty else { return bytes }
            let position = below(bytes.count)
            switch below(5) {
            case 0: bytes[position] = UInt8(below(256))
            case 1: bytes.remove(at: position)
            case 2: bytes.insert(bytes[position], at: position)
            case 3: bytes[position] = Array("{}[]:,\"\\0-.eEtfn u".utf8)[below(18)]
            default: bytes.removeLast(min(bytes.count, below(4)))
            }
        }
        return bytes
    }
}
