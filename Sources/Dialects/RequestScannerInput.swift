internal import Catalogue
internal import JSON

/// `input` of a request for embeddings or a moderation: a text, several, or tokens.
extension RequestScanner {
    mutating func input(_ text: RawSpan) throws(ScanFailure) {
        switch try json({ cursor throws(JSONError) in try cursor.next(text) }) {
        case UInt8(ascii: "\""): try inputText(text)
        case UInt8(ascii: "["):
            guard try json({ cursor throws(JSONError) in try cursor.enter("[", "]", text, depth: 1) }) else {
                throw .field(APIError.invalid("input", "\"input\" must not be empty"))
            }
            repeat {
                guard scan.messages < Self.maximumMessages || isInTokens else {
                    throw .field(APIError.invalid("input", "\"input\" must have at most \(Self.maximumMessages) elements"))
                }
                try inputElement(text)
            } while try json({ cursor throws(JSONError) in try cursor.another(UInt8(ascii: "]"), text) })
            scan.messages = max(scan.messages, 1)
        default: throw .field(try wrongType(text, "input", "a string or an array"))
        }
    }

    /// Whether the elements so far were tokens, of which any number is one text.
    private var isInTokens: Bool { scan.messages == 0 }

    private mutating func inputText(_ text: RawSpan) throws(ScanFailure) {
        scan.textBytes += Int64(try json { cursor throws(JSONError) in try cursor.string(text) }.decodedCount)
        scan.messages += 1
    }

    private mutating func inputElement(_ text: RawSpan) throws(ScanFailure) {
        let first = try json { cursor throws(JSONError) in try cursor.next(text) }
        switch first {
        case UInt8(ascii: "\""): try inputText(text)
        case UInt8(ascii: "0")...UInt8(ascii: "9"): try token(text)
        case UInt8(ascii: "[") where kind == .embedding:
            scan.messages += 1
            guard try json({ cursor throws(JSONError) in try cursor.enter("[", "]", text, depth: 2) }) else { return }
            repeat {
                try token(text)
            } while try json({ cursor throws(JSONError) in try cursor.another(UInt8(ascii: "]"), text) })
        case UInt8(ascii: "{") where kind == .moderation:
            let part = try json { cursor throws(JSONError) in try cursor.value(text, depth: 2) }
            switch part["type"]?.text {
            case "text": scan.textBytes += Int64(part["text"]?.text?.utf8.count ?? 0)
            case "image_url": scan.otherImages += 1
            default: throw .field(APIError.invalid("input", "a part of \"input\" must be of the type text or image_url"))
            }
            scan.messages += 1
        default: throw .field(try wrongType(text, "input", kind == .embedding ? "texts or tokens" : "texts or parts"))
        }
    }

    /// A token counts as one, as a byte of text does.
    private mutating func token(_ text: RawSpan) throws(ScanFailure) {
        guard try integer(text, "input", 0...Int64(Int32.max)) != nil else {
            throw .field(APIError.invalid("input", "a token must be a number"))
        }
        scan.textBytes += 1
    }
}
