/// What a projection's SQL may say.
///
/// A projection is a fold: it may depend on nothing but the events. The rules refuse what would make two replays differ (clocks,
/// random numbers, sequences, session state, floating point) and what reaches beyond the projection's own schema. They guard
/// against mistakes; the role in which the SQL runs guards the ledger.
struct SQLRules {
    /// The files of a folder, each with what its statements may begin with.
    enum File: String, CaseIterable {
        case tables = "tables.sql"
        case indexes = "indexes.sql"
        case apply = "apply.sql"
        case verify = "verify.sql"

        var beginnings: [[String]] {
            switch self {
            case .tables:
                [
                    ["create", "table"], ["create", "view"], ["create", "or", "replace", "view"], ["create", "type"],
                    ["create", "domain"], ["create", "index"], ["create", "unique", "index"], ["alter", "table"],
                    ["comment", "on"],
                ]
            case .indexes:
                [
                    ["create", "index"], ["create", "unique", "index"], ["create", "statistics"], ["alter", "table"],
                    ["comment", "on"],
                ]
            case .apply: [["insert"], ["update"], ["delete"], ["merge"], ["with"]]
            case .verify: [["select"], ["with"], ["values"]]
            }
        }
    }

    let file: File
    /// Schemas that may not be named: the other projections'.
    let otherSchemas: Set<String>
    /// What `tables.sql` makes: a name that may stand before a column's although another projection is called the same.
    var ownRelations: Set<String> = []

    func check(_ sql: String) -> [RefusedSQL] {
        SQLLexer.statements(of: sql).flatMap { beginning(of: $0) + words(of: $0) }
    }

    /// The functions that are called, for a look at the database's catalogue.
    static func calls(in sql: String) -> Set<String> {
        let tokens = SQLLexer.tokens(of: sql)
        return Set(zip(tokens, tokens.dropFirst()).filter { $0.isName && $1.isSymbol("(") }.map(\.0.text))
    }

    /// The tables, views and types that a `tables.sql` makes.
    static func relations(madeBy sql: String) -> Set<String> {
        var names: Set<String> = []
        for statement in SQLLexer.statements(of: sql) where statement.first?.isWord("create") == true {
            guard let kind = statement.firstIndex(where: { $0.isWord("table", "view", "type", "domain") }),
                kind + 1 < statement.count, statement[kind + 1].isName
            else { continue }
            names.insert(statement[kind + 1].text)
        }
        return names
    }

    private func beginning(of statement: [SQLToken]) -> [RefusedSQL] {
        guard let first = statement.first else { return [] }
        let allowed = file.beginnings.contains { words in
            statement.count >= words.count && zip(words, statement).allSatisfy { $1.kind == .word && $0 == $1.text }
        }
        guard !allowed else { return [] }
        let shown = statement.prefix(2).map(\.text).joined(separator: " ")
        let may = file.beginnings.map { $0.joined(separator: " ").uppercased() }.joined(separator: ", ")
        return [refused(first, shown, "a statement of this file begins with one of \(may)")]
    }

    private func words(of statement: [SQLToken]) -> [RefusedSQL] {
        statement.indices.compactMap { index in
            let token = statement[index]
            let next = index + 1 < statement.count ? statement[index + 1] : nil
            let previous = index > 0 ? statement[index - 1] : nil
            switch token.kind {
            case .string: return literal(token)
            case .number, .symbol: return nil
            case .word, .quotedName:
                // After a dot it is a column's name, unless it is called.
                let isPart = previous?.isSymbol(".") == true
                if next?.isSymbol("(") == true { return call(token, qualified: isPart) }
                if next?.isSymbol(".") == true, !isPart { return qualifier(token, at: index, in: statement) }
                return isPart || token.kind == .quotedName ? nil : word(token, previous: previous)
            }
        }
    }

    private func literal(_ token: SQLToken) -> RefusedSQL? {
        let text = token.text.lowercased().split { $0.isWhitespace }.joined()
        guard ["now", "today", "tomorrow", "yesterday"].contains(text) else { return nil }
        return refused(token, "'\(token.text)'", "as a time it is read from the clock")
    }

    private func call(_ token: SQLToken, qualified: Bool) -> RefusedSQL? {
        if qualified { return refused(token, token.text, "functions are called without a schema") }
        if let reason = SQLWords.calls[token.text] { return refused(token, token.text, reason) }
        if let (_, reason) = SQLWords.callPrefixes.first(where: { token.text.hasPrefix($0.prefix) }) {
            return refused(token, token.text, reason)
        }
        return token.kind == .word ? word(token, previous: nil) : nil
    }

    private func word(_ token: SQLToken, previous: SQLToken?) -> RefusedSQL? {
        if token.text == "into", previous?.isWord("insert", "merge") != true {
            return refused(token, token.text, "tables are made in tables.sql")
        }
        return SQLWords.words[token.text].map { refused(token, token.text, $0) }
    }

    private func qualifier(_ token: SQLToken, at index: Int, in statement: [SQLToken]) -> RefusedSQL? {
        let reason = "names stand alone: a projection reads the views batch and changes and its own tables, nothing else"
        let isOther = otherSchemas.contains(token.text)
        if SQLWords.schemas.contains(token.text) || isOther && !ownRelations.contains(token.text) {
            return refused(token, token.text, reason)
        }
        // A name before a dot where a relation stands is a schema, unless it is an alias: `extract(epoch FROM b.occurred_at)`.
        let previous = index > 0 ? statement[index - 1] : nil
        guard previous?.isWord("from", "join", "into", "update", "table", "only", "references", "view", "type", "on") == true
        else { return nil }
        if file != .indexes, previous?.isWord("on") == true || !isOther && isAlias(token.text, in: statement) { return nil }
        return refused(token, token.text, reason)
    }

    /// Whether the name stands somewhere in the statement by itself.
    private func isAlias(_ name: String, in statement: [SQLToken]) -> Bool {
        statement.indices.contains { index in
            statement[index].isName && statement[index].text == name
                && (index + 1 == statement.count || !statement[index + 1].isSymbol("."))
                && (index == 0 || !statement[index - 1].isSymbol("."))
        }
    }

    private func refused(_ token: SQLToken, _ word: String, _ reason: String) -> RefusedSQL {
        RefusedSQL(file: file.rawValue, line: token.line, word: word, reason: reason)
    }
}
