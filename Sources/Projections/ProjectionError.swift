/// What stops a projection, told apart by what a caller can do about it.
public struct ProjectionError: Error, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable, Hashable {
        /// The folder is missing something, or `projection.json` is not understood.
        case invalidDefinition
        /// The SQL of the folder uses what a projection may not use.
        case refusedSQL
        /// The tables that are there were made by another version of the folder: a rebuild is needed.
        case outdated
        /// The ledger is not the one that the tables were made from (a restored database): a rebuild is needed.
        case otherHistory
        /// An event can't be applied.
        case poison
        /// Another process does this already.
        case busy
        /// Objects outside the projection's schema depend on it.
        case dependants
        /// The rebuilt tables differ from the live ones.
        case different
        /// `verify.sql` of the rebuilt tables returned rows.
        case unsound
        /// What was awaited did not come in time.
        case deadlineExceeded
        /// There is no such projection in the database.
        case notInstalled
    }

    public let code: Code
    /// One sentence for an operator. It holds no event data.
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }
}
