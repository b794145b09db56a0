public import Hummingbird
public import Ledger

/// Who sent a request.
public struct SignedIn: Sendable, Hashable {
    public let user: UserID
    /// Names the session in the audit trail; it is no secret and opens nothing.
    public let session: String

    public init(user: UserID, session: String) {
        self.user = user
        self.session = session
    }
}

/// A person as others may see them.
public struct Person: Sendable, Hashable {
    public let id: UserID
    public let email: String
    public let name: String?
    /// Whether the person has shown that the address is theirs.
    public let isEmailVerified: Bool

    public init(id: UserID, email: String, name: String?, isEmailVerified: Bool) {
        self.id = id
        self.email = email
        self.name = name
        self.isEmailVerified = isEmailVerified
    }
}

/// How many people have an account.
public struct SignUps: Sendable, Hashable {
    public let total: Int64
    /// Those who have shown that their address is theirs.
    public let verified: Int64

    public init(total: Int64, verified: Int64) {
        self.total = total
        self.verified = verified
    }
}

/// Tells who is signed in, and who people are. The identity service is one; tests have another.
public protocol SessionSource: Sendable {
    /// The person who sent the request, by cookie or bearer session token.
    ///
    /// - Throws: 401 when nobody is signed in.
    func signedIn(_ request: Request, _ context: WebContext) async throws(WebError) -> SignedIn

    /// Whether a person administers this installation.
    func isAdministrator(_ user: UserID) async throws(WebError) -> Bool

    /// How many people have an account.
    func signUps() async throws(WebError) -> SignUps

    /// What a cookie is set with besides its name, value and age.
    var cookieAttributes: String { get }

    /// The people of these ids; whoever was forgotten is missing.
    func people(_ ids: [UserID]) async throws(WebError) -> [UserID: Person]
}
