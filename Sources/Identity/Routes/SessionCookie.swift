internal import HTTPTypes
internal import Hummingbird
internal import Web

/// The cookie that holds a session's token. Scripts can't read it, and other sites' pages can't post with it.
struct SessionCookie: Sendable {
    static let name = "better-auth.session_token"
    /// Held by a browser while its person signs in elsewhere.
    static let stateName = "better-auth.state"

    let isSecure: Bool
    let domain: String?

    /// The `Set-Cookie` of a session.
    ///
    /// - Parameter isRemembered: false lets the browser forget it when it is closed.
    func set(_ token: SecretToken, isRemembered: Bool = true) -> String {
        let age = isRemembered ? "; Max-Age=\(IdentityConfiguration.sessionLifetime.components.seconds)" : ""
        return "\(Self.name)=\(token.secret)\(attributes)\(age)"
    }

    /// The `Set-Cookie` that removes a session.
    var cleared: String { "\(Self.name)=\(attributes); Max-Age=0" }

    func setState(_ token: SecretToken) -> String { "\(Self.stateName)=\(token.secret)\(attributes); Max-Age=600" }

    var clearedState: String { "\(Self.stateName)=\(attributes); Max-Age=0" }

    var attributes: String {
        "; Path=/; HttpOnly; SameSite=Lax" + (isSecure ? "; Secure" : "") + (domain.map { "; Domain=\($0)" } ?? "")
    }

    /// The session token of a request: the bearer token, else the cookie. An API key is no session token, and is passed over.
    static func token(of request: Request) -> SecretToken? {
        if let header = request.headers[.authorization], header.lowercased().hasPrefix("bearer ") {
            return SecretToken(String(header.dropFirst(7)))
        }
        return token(of: request, cookie: name)
    }

    static func token(of request: Request, cookie name: String) -> SecretToken? {
        request.cookie(name).flatMap { SecretToken($0) }
    }
}
