/// Finds in a projection's SQL what would make a replay differ or reach outside its schema.
///
/// It reads words, not grammar: strings, quoted names and comments are passed over, and a word that is refused is refused
/// wherever it stands. The role that runs the SQL is the fence; this check is what tells an author early and clearly.
enum SQLCheck {
    /// Functions whose value differs from one run to the next.
    private static let clocks: Set<String> = [
        "now", "current_timestamp", "current_date", "current_time", "localtime", "localtimestamp", "clock_timestamp",
        "statement_timestamp", "transaction_timestamp", "timeofday", "random", "gen_random_uuid", "setseed", "txid_current",
        "pg_current_xact_id", "pg_backend_pid", "ctid", "xmin", "tableoid", "tablesample",
    ]
    /// Numbers that depend on the order and the failures of a run.
    private static let sequences: Set<String> = [
        "nextval", "currval", "lastval", "setval", "serial", "bigserial", "smallserial", "sequence", "identity",
    ]
    /// What reaches beyond the schema or the transaction. SET and DO are commands only where they begin a statement: an
    /// UPDATE and an ON CONFLICT have them too.
    private static let reaches: Set<String> = [
        "commit", "rollback", "begin", "savepoint", "prepare", "copy", "listen", "notify", "pg_notify", "dblink", "lo_import",
        "lo_export", "pg_sleep", "pg_read_file", "set", "reset", "set_config", "grant", "revoke", "role", "trigger", "rule",
        "extension", "function", "procedure", "do", "call", "execute", "vacuum", "lock",
    ]
    /// The refused words of `sql`, in order.
    static func refused(_ sql: String, file: String) -> [RefusedSQL] {
        var found: [RefusedSQL] = []
        let words = SQLWords.read(sql)
        for word in words {
            let reason: String
            if clocks.contains(word.text) {
                reason = "a replay would see another value"
            } else if sequences.contains(word.text) {
                reason = "its values depend on how the events were batched"
            } else if reaches.contains(word.text), word.beginsStatement || !["set", "do"].contains(word.text) {
                reason = "a projection only writes its own tables, in the projector's transaction"
            } else if word.isQualified,
                ["ledger", "public", "pg_catalog", "information_schema", "projections"].contains(word.text)
            {
                reason = "a projection reads the view batch and its own tables alone"
            } else {
                continue
            }
            found.append(RefusedSQL(file: file, line: word.line, word: word.text, reason: reason))
        }
        return found
    }

}

/// The bare words of an SQL text, in lower case.
enum SQLWords {
    struct Word {
        let text: String
        let line: Int
        /// Followed by a dot: the name of a schema or a table.
        let isQualified: Bool
        let beginsStatement: Bool
    }

    static func read(_ sql: String) -> [Word] {
        let bytes = Array(sql.utf8)
        var words: [Word] = []
        var index = 0
        var line = 1
        var beginsStatement = true
        func at(_ offset: Int) -> UInt8? { index + offset < bytes.count ? bytes[index + offset] : nil }
        while let byte = at(0) {
            switch byte {
            case 0x0A:
                line += 1
                index += 1
            case UInt8(ascii: "-") where at(1) == UInt8(ascii: "-"):
                while let next = at(0), next != 0x0A { index += 1 }
            case UInt8(ascii: "/") where at(1) == UInt8(ascii: "*"):
                index += 2
                while index < bytes.count, !(at(0) == UInt8(ascii: "*") && at(1) == UInt8(ascii: "/")) {
                    if at(0) == 0x0A { line += 1 }
                    index += 1
                }
                index += 2
            case UInt8(ascii: "'"), UInt8(ascii: "\""):
                index += 1
                while let next = at(0), next != byte {
                    if next == 0x0A { line += 1 }
                    index += 1
                }
                index += 1
                beginsStatement = false
            case UInt8(ascii: ";"):
                beginsStatement = true
                index += 1
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"):
                let start = index
                while let next = at(0), isWordByte(next) { index += 1 }
                words.append(
                    Word(
                        text: String(decoding: bytes[start..<index], as: UTF8.self).lowercased(), line: line,
                        isQualified: at(0) == UInt8(ascii: "."), beginsStatement: beginsStatement))
                beginsStatement = false
            default:
                if byte > 0x20 { beginsStatement = false }
                index += 1
            }
        }
        return words
    }

    private static func isWordByte(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "_") || (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }
}
