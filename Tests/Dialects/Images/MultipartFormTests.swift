import TestSupport
import Testing

@testable import Dialects

/// Forms of `multipart/form-data`: whatever a client may write is read as it was meant, and anything else is refused.
@Suite struct MultipartFormTests {
    /// A part as it was meant.
    private struct Piece: Equatable {
        var name: String
        var filename: String?
        var mediaType: String?
        var bytes: [UInt8]
    }

    private static let end = "\r\n"

    private func pieces(of body: [UInt8], _ boundary: String) throws -> [Piece] {
        try MultipartForm(body, boundary: boundary).parts.map {
            Piece(name: $0.name, filename: $0.filename, mediaType: $0.mediaType, bytes: Array(body[$0.content]))
        }
    }

    private func quoted(_ text: String) -> String {
        "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }

    private func word(_ random: inout RandomJSON) -> String {
        let letters = ["a", "Z", "9", "-", "é", "漢", "😀", " ", "\"", "\\", ";", "=", ":", "[]"]
        return "x" + (0..<random.below(12)).map { _ in letters[random.below(letters.count)] }.joined()
    }

    /// Bytes with much of what boundaries and heads are made of.
    private func bytes(_ boundary: String, _ random: inout RandomJSON) -> [UInt8] {
        let delimiter = Array("\(Self.end)--\(boundary)".utf8)
        while true {
            let made = (0..<random.below(8)).flatMap { _ -> [UInt8] in
                switch random.below(4) {
                case 0: Array(delimiter.prefix(random.below(delimiter.count)))
                case 1: Array("\(Self.end)\(Self.end)".utf8.prefix(random.below(5)))
                case 2: Array(delimiter.dropFirst(random.below(3) + 1))
                default: (0..<random.below(40)).map { _ in UInt8(random.below(256)) }
                }
            }
            // What a client must see to itself: its boundary is nowhere in what it sends.
            if (made + delimiter.dropLast()).firstPlace(of: delimiter, from: 0) == nil { return made }
        }
    }

    private func piece(_ boundary: String, _ random: inout RandomJSON) -> Piece {
        Piece(
            name: word(&random), filename: random.below(2) == 0 ? nil : word(&random),
            mediaType: [nil, "image/png", "application/x-a.b+c"][random.below(3)], bytes: bytes(boundary, &random))
    }

    /// The same in one of the ways in which clients write it.
    private func written(_ pieces: [Piece], _ boundary: String, _ random: inout RandomJSON) -> [UInt8] {
        var body: [UInt8] = []
        for piece in pieces {
            var parameters = ["name=\(quoted(piece.name))"]
            if let filename = piece.filename { parameters.append("filename=\(quoted(filename))") }
            if random.below(3) == 0 { parameters.append("filename*=UTF-8''x") }
            if random.below(2) == 0 { parameters.reverse() }
            let name = ["Content-Disposition", "content-disposition", "CONTENT-DISPOSITION"][random.below(3)]
            let space = [" ", "", "\t "][random.below(3)]
            let separator = [";", "; ", " ; "][random.below(3)]
            var lines = ["\(name): form-data;\(space)\(parameters.joined(separator: separator))"]
            if let type = piece.mediaType {
                let parameter = random.below(2) == 0 ? "" : "; charset=utf-8"
                lines.append("Content-Type:\(space)\(type)\(parameter)")
            }
            if random.below(4) == 0 { lines.append("Content-Length: \(piece.bytes.count)") }
            if random.below(4) == 0 { lines.append("Content-Transfer-Encoding: binary") }
            if random.below(2) == 0 { lines.reverse() }
            body += "--\(boundary)\(Self.end)\(lines.joined(separator: Self.end))\(Self.end)\(Self.end)".utf8
            body += piece.bytes
            body += Self.end.utf8
        }
        return body + "--\(boundary)--\(random.below(2) == 0 ? "" : Self.end)".utf8
    }

    @Test func everyFormIsReadAsItWasMeantAndSentOnAsTheSame() throws {
        var random = RandomJSON(seed: TestEnvironment.seed("forms"))
        for _ in 0..<(TestEnvironment.soak ? 20_000 : 500) {
            let boundary = ["b", "----WebKitFormBoundary7MA4YWxk", "a b", "'()+_,-./:=?x"][random.below(4)]
            let meant = (0..<random.below(5)).map { _ in piece(boundary, &random) }
            let body = written(meant, boundary, &random)
            let read = try pieces(of: body, boundary)
            #expect(read == meant)
            let again = MultipartForm.newBoundary()
            let contents = meant.map {
                MultipartForm.Content(name: $0.name, filename: $0.filename, mediaType: $0.mediaType, bytes: $0.bytes[...])
            }
            let sent = try pieces(of: MultipartForm.write(contents, boundary: again), again)
            #expect(sent.map(\.bytes) == meant.map(\.bytes) && sent.map(\.mediaType) == meant.map(\.mediaType))
            // What would end a name or its line is escaped, and all else stays.
            #expect(sent.map(\.name) == meant.map { $0.name.replacing("\\", with: "%5C").replacing("\"", with: "%22") })
            #expect(sent.map { $0.filename != nil } == meant.map { $0.filename != nil })
        }
    }

    @Test func whateverComesIsReadOrRefused() {
        var random = RandomJSON(seed: TestEnvironment.seed("broken forms"))
        for _ in 0..<(TestEnvironment.soak ? 100_000 : 2_000) {
            var body = written((0..<random.below(4)).map { _ in piece("b", &random) }, "b", &random)
            if random.below(4) == 0 { body = (0..<random.below(60)).map { _ in UInt8(random.below(256)) } }
            for _ in 0..<random.below(4) { body = random.mutated(body) }
            guard let form = try? MultipartForm(body, boundary: "b") else { continue }
            var last = 0
            for part in form.parts {
                #expect(part.content.lowerBound > last && part.content.upperBound <= body.count)
                last = part.content.upperBound
            }
        }
    }

    @Test(arguments: [
        "", "--", "--b", "--b\r\n", "--c--", "x--b--", "\r\n--b--", "--b--x", "--b --", "--b\n\n--b--",
        "--b\r\n\r\nx\r\n--b--", "--b\r\ncontent-disposition: form-data; name=a\r\n\r\nx",
        "--b\r\ncontent-disposition: form-data; name=a\r\n\r\nx\r\n--c--",
        "--b\r\ncontent-disposition: form-data\r\n\r\nx\r\n--b--",
        "--b\r\ncontent-disposition: attachment; name=a\r\n\r\nx\r\n--b--", "--b\r\nx: y\r\n\r\nx\r\n--b--",
        "--b\r\ncontent-disposition: form-data; name=\"\"\r\n\r\nx\r\n--b--",
        "--b\r\ncontent-disposition: form-data; name=\"a\r\n\r\nx\r\n--b--",
        "--b\r\ncontent-disposition: form-data; name=a; name=b\r\n\r\nx\r\n--b--",
        "--b\r\ncontent-disposition: form-data; name=a\r\ncontent-disposition: form-data; name=b\r\n\r\nx\r\n--b--",
        "--b\r\ncontent-disposition: form-data;\r\n name=a\r\n\r\nx\r\n--b--",
        "--b\r\ncontent-disposition: form-data; name=a\ncontent-type: a/b\r\n\r\nx\r\n--b--",
        "--b\r\ncontent-disposition: form-data; name=a\r\ncontent-type: image\r\n\r\nx\r\n--b--",
        "--b\r\ncontent-disposition: form-data; name=a\r\ncontent-type: a/b\u{1}\r\n\r\nx\r\n--b--",
        "--b\r\ncontent-disposition: form-data; name=a\r\ncontent-transfer-encoding: base64\r\n\r\nx\r\n--b--",
        "--b\r\ncontent-disposition: form-data; name=a\r\nx y: z\r\n\r\nx\r\n--b--",
        "--b\r\nx: \(String(repeating: "y", count: MultipartForm.maximumHeadBytes))\r\n\r\nx\r\n--b--",
        String(
            repeating: "--b\r\ncontent-disposition: form-data; name=a\r\n\r\nx\r\n", count: MultipartForm.maximumParts + 1)
            + "--b--",
    ])
    func aMalformedFormIsRefused(body: String) {
        let error = #expect(throws: APIError.self) { try MultipartForm(Array(body.utf8), boundary: "b") }
        #expect(error?.status == 400)
    }

    @Test func theContentTypeNamesTheBoundary() throws {
        for (type, boundary) in [
            ("multipart/form-data; boundary=b", "b"), ("Multipart/Form-Data;Boundary=\"a b\"", "a b"),
            ("multipart/form-data; charset=utf-8; boundary=----x:=?", "----x:=?"), ("application/json", nil),
            ("application/x-www-form-urlencoded", nil), ("", nil), ("multipar", nil),
        ] as [(String, String?)] {
            #expect(try MultipartForm.boundary(of: type) == boundary, "\(type)")
        }
        for type in [
            "multipart/form-data", "multipart/mixed; boundary=b", "multipart/form-data; boundary=",
            "multipart/form-data; boundary=\"b",
            "multipart/form-data; boundary=b; boundary=c", "multipart/form-data; boundary=é",
            "multipart/form-data; boundary=\"b \"",
            "multipart/form-data; boundary=\(String(repeating: "b", count: 71))", "multipart/form-data; boundary=b c",
        ] {
            let error = #expect(throws: APIError.self) { try MultipartForm.boundary(of: type) }
            #expect(error?.status == 400 && error?.param == "content-type", "\(type)")
        }
    }
}
