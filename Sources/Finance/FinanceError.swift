/// Why a question about the books has no answer.
public struct FinanceError: Error, Sendable, CustomStringConvertible {
    /// What kind it is, for callers that branch on it.
    public enum Code: String, Sendable {
        /// A value is malformed or out of range; `field` names it.
        case invalid
        /// What was asked for is not there.
        case notFound
        /// An event is of a type or a version that this program does not know: it may be money.
        case unknownEvent
        /// What the ledger holds is not what was sealed.
        case unsound
        /// The database can't be reached, or a read model is behind.
        case unavailable
    }

    public let code: Code
    /// The field at fault, in the API's spelling; nil when no field is.
    public let field: String?
    /// One sentence for the person who asked.
    public let message: String

    public init(_ code: Code, field: String? = nil, _ message: String) {
        self.code = code
        self.field = field
        self.message = message
    }

    public var description: String { message }
}
