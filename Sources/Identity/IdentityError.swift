/// Why something about a person was refused.
public struct IdentityError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What kind of refusal it is; the raw value is what clients of the API branch on.
    public enum Code: String, Sendable {
        case invalidField = "VALIDATION_ERROR"
        case invalidCredentials = "INVALID_EMAIL_OR_PASSWORD"
        case invalidPassword = "INVALID_PASSWORD"
        case emailNotVerified = "EMAIL_NOT_VERIFIED"
        case userExists = "USER_ALREADY_EXISTS"
        case invalidToken = "INVALID_TOKEN"
        case invalidPasskey = "AUTHENTICATION_FAILED"
        case providerRefused = "PROVIDER_REFUSED"
        case unauthorized = "UNAUTHORIZED"
        case forbidden = "FORBIDDEN"
        case notFound = "NOT_FOUND"
        case conflict = "CONFLICT"
        case tooManyRequests = "TOO_MANY_REQUESTS"
        case unavailable = "UNAVAILABLE"
    }

    public let code: Code
    /// The HTTP status that says the same.
    public let status: Int
    /// One sentence for the person who asked; it never says whether somebody has an account.
    public let message: String
    /// The field at fault, in the API's spelling.
    public let field: String?
    /// Seconds after which it may be tried again.
    public let retryAfter: Int?

    init(_ code: Code, status: Int, _ message: String, field: String? = nil, retryAfter: Int? = nil) {
        self.code = code
        self.status = status
        self.message = message
        self.field = field
        self.retryAfter = retryAfter
    }

    public var description: String { message }

    /// A refusal of a hook, for a reason that lies outside of identity.
    public static func refused(status: Int, _ message: String) -> IdentityError {
        IdentityError(status >= 500 ? .unavailable : .conflict, status: status, message, retryAfter: status >= 500 ? 1 : nil)
    }

    static func invalid(_ field: String, _ message: String) -> IdentityError {
        IdentityError(.invalidField, status: 400, message, field: field)
    }

    static let wrongCredentials = IdentityError(.invalidCredentials, status: 401, "Invalid email or password")
    static let wrongPassword = IdentityError(.invalidPassword, status: 400, "Invalid password", field: "currentPassword")
    static let invalidToken = IdentityError(
        .invalidToken, status: 400, "This link is not valid, or was used already", field: "token")
    static let othersLink = IdentityError(
        .unauthorized, status: 401,
        "Sign in to the account that this link is for and open it again, or send its password along; if the account is not yours, "
            + "choose a new password for it")
    static let unauthorized = IdentityError(.unauthorized, status: 401, "Unauthorized")
    static let unavailable = IdentityError(
        .unavailable, status: 503, "The database could not be reached; try again in a moment", retryAfter: 1)
    static let contended = IdentityError(
        .unavailable, status: 503, "Somebody else came into this account at this moment; try again", retryAfter: 1)
    static let busy = IdentityError(
        .unavailable, status: 503, "Too many people sign in at this moment; try again soon", retryAfter: 2)
}
