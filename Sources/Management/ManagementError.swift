/// Why a management command was refused.
public struct ManagementError: Error, Sendable, CustomStringConvertible {
    /// What kind of refusal it is, for callers that branch on it.
    public enum Code: String, Sendable {
        /// A value is malformed or out of range; `field` names it.
        case invalid
        /// The thing that was named does not exist.
        case notFound
        /// Somebody changed the same thing at the same moment: read again and repeat.
        case conflict
        /// The ledger can't be reached.
        case unavailable
    }

    public let code: Code
    /// The field at fault, in the API's spelling; nil when no field is.
    public let field: String?
    /// One sentence for the person who asked.
    public let message: String

    public var description: String { message }

    static func invalid(_ field: String, _ message: String) -> ManagementError {
        ManagementError(code: .invalid, field: field, message: message)
    }

    static func notFound(_ field: String, _ message: String) -> ManagementError {
        ManagementError(code: .notFound, field: field, message: message)
    }
}
