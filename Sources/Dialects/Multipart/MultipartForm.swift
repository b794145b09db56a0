/// A body of `multipart/form-data` (RFC 7578): its parts, and where the content of each stands in it.
///
/// It is read strictly: nothing stands before the first boundary or behind the last one, and all lines of heads end with CR and LF.
/// Another reader might still make something else of it, so it is never sent on: what goes to a provider is written anew by
/// ``write(_:boundary:)``, from what was read here.
struct MultipartForm: Sendable, Hashable {
    struct Part: Sendable, Hashable {
        let name: String
        /// What the client calls the file; nil where it gives no name.
        let filename: String?
        /// `image/png`, in lower case and without parameters; nil where it is not said.
        let mediaType: String?
        /// Where the content stands in the body, in bytes.
        let content: Range<Int>
    }

    let parts: [Part]

    /// Parts of one form: more than any request needs.
    static let maximumParts = 64
    /// Bytes of one part's head.
    static let maximumHeadBytes = 8 << 10

    /// - Parameter boundary: That of the request's content type.
    /// - Throws: 400 saying what is malformed.
    init(_ body: [UInt8], boundary: String) throws(APIError) {
        let delimiter = Array("\r\n--\(boundary)".utf8)
        guard body.starts(with: delimiter.dropFirst(2)) else { throw Self.malformed("it does not begin with its boundary") }
        var position = delimiter.count - 2
        var parts: [Part] = []
        while !body[position...].starts(with: "--".utf8) {
            guard body[position...].starts(with: "\r\n".utf8) else { throw Self.malformed("the line of a boundary goes on") }
            guard parts.count < Self.maximumParts else { throw Self.malformed("it has more than \(Self.maximumParts) parts") }
            let head = position + 2
            guard let headEnd = body.firstPlace(of: Array("\r\n\r\n".utf8), from: head) else {
                throw Self.malformed("the head of a part has no end")
            }
            guard headEnd - head <= Self.maximumHeadBytes else { throw Self.malformed("the head of a part is too long") }
            guard let end = body.firstPlace(of: delimiter, from: headEnd + 4) else {
                throw Self.malformed("a part has no end")
            }
            parts.append(try Self.part(body[head..<headEnd + 2], content: headEnd + 4..<end))
            position = end + delimiter.count
        }
        guard body[(position + 2)...].allSatisfy({ $0 == 0x0D || $0 == 0x0A }) else {
            throw Self.malformed("something follows its end")
        }
        self.parts = parts
    }

    /// The boundary that a content type names; nil where that is another type.
    ///
    /// - Throws: 400 where there is none, or one that has not 1 to 70 of the characters of RFC 2046.
    static func boundary(of contentType: String) throws(APIError) -> String? {
        guard contentType.prefix(20).lowercased().hasPrefix("multipart/") else { return nil }
        guard let type = HeaderValue(Array(contentType.utf8)), type.value == "multipart/form-data",
            let boundary = type.parameters["boundary"], (1...70).contains(boundary.utf8.count), !boundary.hasSuffix(" "),
            boundary.utf8.allSatisfy(isOfBoundary)
        else {
            throw .invalid("content-type", "the content type must be multipart/form-data with a boundary, or application/json")
        }
        return boundary
    }

    private static func isOfBoundary(_ byte: UInt8) -> Bool {
        HeaderValue.isLetterOrDigit(byte) || "'()+_,-./:=? ".utf8.contains(byte)
    }

    /// - Parameter head: The lines of a part's head, each with its end.
    private static func part(_ head: ArraySlice<UInt8>, content: Range<Int>) throws(APIError) -> Part {
        var headers: [String: HeaderValue] = [:]
        for line in head.dropLast().split(separator: 0x0A, omittingEmptySubsequences: false) {
            guard line.last == 0x0D, !line.dropLast().contains(0x0D), let colon = line.firstIndex(of: UInt8(ascii: ":")),
                HeaderValue.isToken(line[..<colon])
            else { throw malformed("a line of a part's head is no header") }
            let name = String(decoding: line[..<colon], as: UTF8.self).lowercased()
            // What else is said of a part is nobody's business.
            guard ["content-disposition", "content-type", "content-transfer-encoding"].contains(name) else { continue }
            guard headers[name] == nil, let value = HeaderValue(Array(line[(colon + 1)...].dropLast())) else {
                throw malformed("the \(name) of a part can't be read")
            }
            headers[name] = value
        }
        guard let disposition = headers["content-disposition"], disposition.value == "form-data",
            let name = disposition.parameters["name"], !name.isEmpty
        else { throw malformed("a part has no name") }
        let encoding = headers["content-transfer-encoding"]?.value ?? "binary"
        guard ["binary", "8bit", "7bit"].contains(encoding) else { throw malformed("a part is encoded") }
        let mediaType = headers["content-type"]?.value
        let isType = mediaType.map { type in
            let sides = type.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
            return sides.count == 2 && sides.allSatisfy { HeaderValue.isToken($0) }
        }
        guard isType ?? true else { throw malformed("the content-type of a part can't be read") }
        return Part(name: name, filename: disposition.parameters["filename"], mediaType: mediaType, content: content)
    }

    private static func malformed(_ what: String) -> APIError {
        .invalid(nil, "the body is no multipart/form-data that can be read: \(what)")
    }
}

extension MultipartForm {
    /// A part that is written.
    struct Content {
        let name: String
        var filename: String?
        var mediaType: String?
        let bytes: ArraySlice<UInt8>
    }

    /// A boundary that no content can foresee.
    static func newBoundary() -> String {
        "llmgateway-" + (0..<2).map { _ in String(UInt64.random(in: .min ... .max), radix: 16) }.joined()
    }

    /// The bytes of a form.
    static func write(_ parts: [Content], boundary: String) -> [UInt8] {
        var body: [UInt8] = []
        body.reserveCapacity(parts.reduce(100) { $0 + $1.bytes.count + $1.name.utf8.count + 512 })
        for part in parts {
            body += "--\(boundary)\r\ncontent-disposition: form-data; name=\"\(quotable(part.name))\"".utf8
            if let filename = part.filename { body += "; filename=\"\(quotable(filename))\"".utf8 }
            if let mediaType = part.mediaType { body += "\r\ncontent-type: \(mediaType)".utf8 }
            body += "\r\n\r\n".utf8
            body += part.bytes
            body += "\r\n".utf8
        }
        body += "--\(boundary)--\r\n".utf8
        return body
    }

    /// What stands in quotes without ending them or their line; escaped as browsers do it
    /// (https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#multipart-form-data).
    private static func quotable(_ text: String) -> String {
        var written = ""
        for scalar in text.unicodeScalars.prefix(255) {
            switch scalar {
            case "\"", "\\", "\u{7F}", "\u{0}"..<" ":
                let hex = String(scalar.value, radix: 16, uppercase: true)
                written += "%" + (hex.count < 2 ? "0" : "") + hex
            default: written.unicodeScalars.append(scalar)
            }
        }
        return written
    }
}
