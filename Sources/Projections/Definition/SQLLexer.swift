/// A word of SQL and where it stands.
struct SQLToken: Sendable, Hashable {
    enum Kind: Sendable, Hashable {
        /// A name or key word that is not quoted; its text is in lower case.
        case word
        /// A name in double quotes, without them.
        case quotedName
        /// A string in any notation, without its quotes.
        case string
        case number
        /// One character of anything else.
        case symbol
    }

    var kind: Kind
    var text: String
    /// From 1.
    var line: Int

    func isWord(_ words: String...) -> Bool { kind == .word && words.contains(text) }
    func isSymbol(_ symbol: String) -> Bool { kind == .symbol && text == symbol }
    /// Whether it can name something.
    var isName: Bool { kind == .word || kind == .quotedName }
}

/// Splits SQL into tokens as Postgres does (standard_conforming_strings on); comments and white space are dropped.
struct SQLLexer {
    private let bytes: [UInt8]
    private var index = 0
    private var line = 1

    init(_ sql: String) { bytes = Array(sql.utf8) }

    /// All tokens. An unfinished string or comment ends at the end of the text.
    static func tokens(of sql: String) -> [SQLToken] {
        var lexer = SQLLexer(sql)
        var tokens: [SQLToken] = []
        while let token = lexer.next() { tokens.append(token) }
        return tokens
    }

    /// The statements of a script, without their semicolons.
    static func statements(of sql: String) -> [[SQLToken]] {
        tokens(of: sql).split { $0.isSymbol(";") }.map(Array.init)
    }

    private mutating func next() -> SQLToken? {
        skipBlanksAndComments()
        guard let byte = peek() else { return nil }
        let start = line
        switch byte {
        case UInt8(ascii: "'"):
            return SQLToken(kind: .string, text: quoted(by: byte, escapes: false), line: start)
        case UInt8(ascii: "\""):
            return SQLToken(kind: .quotedName, text: quoted(by: byte, escapes: false), line: start)
        case UInt8(ascii: "$"):
            if let body = dollarQuoted() { return SQLToken(kind: .string, text: body, line: start) }
            advance()
            return SQLToken(kind: .symbol, text: "$", line: start)
        case UInt8(ascii: "0")...UInt8(ascii: "9"):
            return SQLToken(kind: .number, text: take { Self.isWordByte($0) || $0 == UInt8(ascii: ".") }, line: start)
        case _ where Self.isWordByte(byte):
            // E'...' has backslash escapes; B, X, N and U& only say how a plain string is read.
            if byte | 0x20 == UInt8(ascii: "e"), peek(1) == UInt8(ascii: "'") {
                advance()
                return SQLToken(kind: .string, text: quoted(by: UInt8(ascii: "'"), escapes: true), line: start)
            }
            return SQLToken(kind: .word, text: take { Self.isWordByte($0) || $0 == UInt8(ascii: "$") }.lowercased(), line: start)
        default:
            advance()
            return SQLToken(kind: .symbol, text: String(decoding: [byte], as: UTF8.self), line: start)
        }
    }

    private static func isWordByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), 0x80...:
            true
        default: false
        }
    }

    private func peek(_ ahead: Int = 0) -> UInt8? { index + ahead < bytes.count ? bytes[index + ahead] : nil }

    private mutating func advance(_ count: Int = 1) {
        for _ in 0..<count where index < bytes.count {
            if bytes[index] == UInt8(ascii: "\n") { line += 1 }
            index += 1
        }
    }

    private mutating func take(while isPart: (UInt8) -> Bool) -> String {
        let start = index
        while let byte = peek(), isPart(byte) { advance() }
        return String(decoding: bytes[start..<index], as: UTF8.self)
    }

    private mutating func skipBlanksAndComments() {
        while let byte = peek() {
            if byte == UInt8(ascii: "-"), peek(1) == byte {
                while let next = peek(), next != UInt8(ascii: "\n") { advance() }
            } else if byte == UInt8(ascii: "/"), peek(1) == UInt8(ascii: "*") {
                skipBlockComment()
            } else if byte == UInt8(ascii: " ") || (9...13).contains(byte) {
                advance()
            } else {
                return
            }
        }
    }

    /// Block comments nest.
    private mutating func skipBlockComment() {
        var depth = 0
        while let byte = peek() {
            if byte == UInt8(ascii: "/"), peek(1) == UInt8(ascii: "*") {
                depth += 1
                advance(2)
            } else if byte == UInt8(ascii: "*"), peek(1) == UInt8(ascii: "/") {
                depth -= 1
                advance(2)
                if depth == 0 { return }
            } else {
                advance()
            }
        }
    }

    private mutating func quoted(by quote: UInt8, escapes: Bool) -> String {
        advance()
        var text: [UInt8] = []
        while let byte = peek() {
            if byte == quote {
                guard peek(1) == quote else {
                    advance()
                    break
                }
                advance()
            } else if escapes, byte == UInt8(ascii: "\\"), peek(1) != nil {
                advance()
            }
            if let byte = peek() { text.append(byte) }
            advance()
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// `$tag$ ... $tag$`, or nil when the dollar begins no such string.
    private mutating func dollarQuoted() -> String? {
        var end = index + 1
        while end < bytes.count, Self.isWordByte(bytes[end]) { end += 1 }
        guard end < bytes.count, bytes[end] == UInt8(ascii: "$") else { return nil }
        let tag = bytes[index...end]
        advance(tag.count)
        let start = index
        while index < bytes.count {
            if bytes[index...].starts(with: tag) {
                let body = String(decoding: bytes[start..<index], as: UTF8.self)
                advance(tag.count)
                return body
            }
            advance()
        }
        return String(decoding: bytes[start...], as: UTF8.self)
    }
}

extension SQLLexer {
    /// The statements of a script as they stand in it, comments within them included.
    static func ranges(of sql: String) -> [String] {
        var lexer = SQLLexer(sql)
        var statements: [String] = []
        var start: Int?
        while true {
            lexer.skipBlanksAndComments()
            let before = lexer.index
            guard let token = lexer.next() else { break }
            if token.isSymbol(";") {
                if let from = start { statements.append(String(decoding: lexer.bytes[from..<before], as: UTF8.self)) }
                start = nil
            } else if start == nil {
                start = before
            }
        }
        if let from = start { statements.append(String(decoding: lexer.bytes[from...], as: UTF8.self)) }
        return statements
    }
}
