/// A place in a projection's SQL that is not allowed there.
public struct RefusedSQL: Sendable, Hashable, CustomStringConvertible {
    /// The file of the folder, for example `apply.sql`.
    public let file: String
    /// Line of the file, from 1.
    public let line: Int
    /// The word that is refused.
    public let word: String
    /// Why, as part of a sentence.
    public let reason: String

    public var description: String { "\(file):\(line): \(word): \(reason)" }
}
