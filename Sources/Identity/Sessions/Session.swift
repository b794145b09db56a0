public import Ledger

/// The kind of identifier that names a session.
public enum SessionKind: IdentifierKind { public static let prefix = "sess" }
/// Names a session: `sess_...`. It is no secret and may stand in an event.
public typealias SessionID = Identifier<SessionKind>

/// A session as its person sees it.
struct Session: Sendable, Hashable {
    let id: SessionID
    let createdAt: Timestamp
    let renewedAt: Timestamp
    let expiresAt: Timestamp
    let address: String?
    let userAgent: String?
}

/// A session that was just made, with its secret.
struct NewSession: Sendable {
    let session: Session
    let token: SecretToken
    let person: User
    /// Whose session the client had until now, if anybody's.
    let before: UserID?
}

/// Where a sign-in comes from.
struct Caller: Sendable, Hashable {
    /// The client's address as text.
    var address: String?
    var userAgent: String?
    /// The token that the client showed, which a sign-in replaces.
    var token: SecretToken?
    /// Who sent the person here, if anybody did.
    var referral: String?
}
