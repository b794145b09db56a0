internal import Hummingbird
internal import Ledger
internal import Web

/// What lists that come in pages are asked with.
extension Request {
    /// How many a page is to have.
    ///
    /// - Parameters:
    ///   - standard: Where the query says nothing.
    ///   - most: The most that may be asked for.
    func limit(_ standard: Int64, most: Int64) throws(WebError) -> Int64 {
        guard let text = parameter("limit") else { return standard }
        guard let limit = Int64(text), (1...most).contains(limit) else {
            throw WebError.invalid("limit", "limit must be 1 to \(most).")
        }
        return limit
    }

    /// Where the page before has ended.
    func cursor<Kind: IdentifierKind>(of kind: Kind.Type = Kind.self) throws(WebError) -> TimeCursor<Kind>? {
        guard let text = parameter("cursor") else { return nil }
        guard let cursor = TimeCursor<Kind>(text) else { throw WebError.invalid("cursor", "cursor is not one of this list.") }
        return cursor
    }
}

extension WebValue {
    /// How a list goes on.
    static func pagination(next: String?, limit: Int64) -> WebValue {
        ["nextCursor": .string(optional: next), "hasMore": .bool(next != nil), "limit": .integer(limit)]
    }
}
