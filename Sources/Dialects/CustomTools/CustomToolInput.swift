/// Reads the text that a custom tool is called with out of the arguments of the function that stands for it, `{"input":"…"}`.
///
/// The same text comes out however the arguments were cut. A model may write anything: what turns out to be no such object comes
/// out as it stands, and of an object that was cut off before its input began comes nothing.
struct CustomToolInput: Sendable {
    /// The name of the input among the arguments.
    static let name = "input"

    private enum Place {
        case start, member, name, colon, value
        /// In the value of another member.
        case other
        case input
        /// Behind the input.
        case end
        /// In what is no such object.
        case anything
    }

    private var place = Place.start
    private var string = JSONStringDecoder()
    private var member: [UInt8] = []
    /// What came until it is sure what it is.
    private var held: [UInt8] = []
    /// How much is kept until then.
    var heldBytes: Int { held.count + member.count }
    /// How deep another member's value is nested, whether a string is open in it, and whether the string's next byte is escaped.
    private var depth = 0
    private var isQuoted = false
    private var isEscaped = false

    /// The text of whole arguments.
    static func text(of arguments: String) -> String {
        var input = CustomToolInput()
        return input.feed(arguments)
    }

    /// Takes a piece of the arguments and returns what it says of the text; it may be nothing.
    mutating func feed(_ fragment: String) -> String {
        switch place {
        case .anything: return fragment
        case .end: return ""
        default: break
        }
        // A piece ends between characters, so what it says does as well.
        var text: [UInt8] = []
        for byte in fragment.utf8 { take(byte, into: &text) }
        return String(decoding: text, as: UTF8.self)
    }

    private mutating func take(_ byte: UInt8, into text: inout [UInt8]) {
        switch place {
        case .input: if string.take(byte, into: &text) { place = .end }
        case .end: break
        case .anything: text.append(byte)
        case .start, .member, .name, .colon, .value, .other:
            held.append(byte)
            look(byte)
            if place == .anything {
                text += held
                (held, member) = ([], [])
            }
        }
    }

    /// Takes a byte before the input.
    private mutating func look(_ byte: UInt8) {
        switch place {
        case .name: if string.take(byte, into: &member) { place = .colon }
        case .other: pass(byte)
        case _ where [0x20, 0x09, 0x0A, 0x0D].contains(byte): break
        case .start: place = byte == UInt8(ascii: "{") ? .member : .anything
        case .member:
            member = []
            place = byte == UInt8(ascii: "\"") ? .name : .anything
        case .colon: place = byte == UInt8(ascii: ":") ? .value : .anything
        case .value:
            guard member.elementsEqual(Self.name.utf8) else {
                place = .other
                return pass(byte)
            }
            place = byte == UInt8(ascii: "\"") ? .input : .anything
            if place == .input { held = [] }
        case .input, .end, .anything: break
        }
    }

    /// Passes over a byte of another member's value, or the one behind it.
    private mutating func pass(_ byte: UInt8) {
        guard !isQuoted else {
            if isEscaped {
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else {
                isQuoted = byte != UInt8(ascii: "\"")
            }
            return
        }
        switch byte {
        case UInt8(ascii: "\""): isQuoted = true
        case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
        case UInt8(ascii: "}"), UInt8(ascii: "]"): if depth > 0 { depth -= 1 } else { place = .anything }
        case UInt8(ascii: ","): if depth == 0 { place = .member }
        default: break
        }
    }
}
