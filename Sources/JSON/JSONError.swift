/// Why bytes are not JSON text that this gateway passes on, and where.
package struct JSONError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What was found.
    package enum Kind: String, Sendable, Hashable {
        /// A byte that the grammar does not allow here.
        case unexpectedByte
        /// The text ends in the middle of a value.
        case unexpectedEnd
        /// Arrays and objects are nested deeper than the limit.
        case tooDeep
        /// There are more values than a tree may have.
        case tooMany
        /// A string holds bytes that are not UTF-8.
        case invalidUTF8
        /// A string holds U+0000, which Postgres' jsonb and many providers refuse.
        case nul
        /// An escape names half of a surrogate pair.
        case loneSurrogate
    }

    /// What was found.
    package let kind: Kind
    /// The byte offset at which it was found.
    package let offset: Int

    /// An error of `kind` at a byte offset.
    package init(_ kind: Kind, at offset: Int) {
        self.kind = kind
        self.offset = offset
    }

    /// A clause for people, without any of the text itself.
    package var description: String {
        switch kind {
        case .unexpectedByte: "a byte that JSON does not allow at offset \(offset)"
        case .unexpectedEnd: "the JSON text ends in the middle of a value"
        case .tooDeep: "nested too deeply at offset \(offset)"
        case .tooMany: "more than \(JSONValue.maximumRequestValues) values"
        case .invalidUTF8: "invalid UTF-8 at offset \(offset)"
        case .nul: "a NUL character at offset \(offset)"
        case .loneSurrogate: "half of a surrogate pair at offset \(offset)"
        }
    }
}
