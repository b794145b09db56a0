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

/// Tells who is signed in, and who people are. The identity service is one; tests have another.
public protocol SessionSource: Sendable {
    /// The person who sent the request, by cookie or bearer session token.
    ///
    /// - Throws: 401 when nobody is signed in.
    func signedIn(_ request: Request, _ context: WebContext) async throws(WebError) -> SignedIn

    /// The people of these ids; whoever was forgotten is missing.
    func people(_ ids: [UserID]) async throws(WebError) -> [UserID: Person]
}
