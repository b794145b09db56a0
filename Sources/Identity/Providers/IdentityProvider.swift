/// Somebody else who knows people, and whom this installation believes.
public struct IdentityProvider: Sendable {
    /// How the provider is asked who a person is.
    public enum Kind: Sendable, Hashable {
        /// GitHub's OAuth: `site` is where people sign in, `api` where they are asked for.
        case gitHub(site: String, api: String)
        /// OpenID Connect; everything else is read from the issuer's discovery document.
        case openIDConnect(issuer: String)
    }

    /// Stands in paths and beside linked accounts: `github`, or a name of `a-z`, `0-9` and `-`.
    public let id: String
    public let kind: Kind
    let clientID: String
    let clientSecret: String
    let scopes: [String]
    /// Whether a mailbox counts as confirmed although the provider does not say so; for a company's own directory.
    let vouchesForEmail: Bool

    public static func gitHub(
        clientID: String, clientSecret: String, site: String = "https://github.com", api: String = "https://api.github.com"
    ) -> IdentityProvider {
        IdentityProvider(
            id: "github", kind: .gitHub(site: site, api: api), clientID: clientID, clientSecret: clientSecret,
            scopes: ["read:user", "user:email"], vouchesForEmail: false)
    }

    /// - Returns: nil when the id can't stand in a path, or the issuer is neither https nor on this machine.
    public static func openIDConnect(
        id: String, issuer: String, clientID: String, clientSecret: String, vouchesForEmail: Bool = false
    ) -> IdentityProvider? {
        guard (1...32).contains(id.utf8.count), id != "github",
            id.utf8.allSatisfy({ (97...122).contains($0) || (48...57).contains($0) || $0 == UInt8(ascii: "-") }), isSafe(issuer)
        else { return nil }
        return IdentityProvider(
            id: id, kind: .openIDConnect(issuer: issuer), clientID: clientID, clientSecret: clientSecret,
            scopes: ["openid", "email", "profile"], vouchesForEmail: vouchesForEmail)
    }

    /// Whether what is said to and by a URL is nobody else's to read: https, or this machine itself.
    static func isSafe(_ url: String) -> Bool {
        guard let host = IdentityConfiguration.host(of: url) else { return false }
        return url.hasPrefix("https://") || ["127.0.0.1", "localhost", "[::1]"].contains(host)
    }
}

/// Whom a provider says a person is.
struct ProviderProfile: Sendable, Hashable {
    /// The provider's own id of the account, which never changes hands.
    let subject: String
    let email: String?
    let isEmailVerified: Bool
    let name: String?
}
