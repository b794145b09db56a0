/// What the service of people is made with.
public struct IdentityConfiguration: Sendable {
    /// The address that people's browsers reach this server at, without a slash at its end: links in mails begin with it,
    /// and cookies are `Secure` when it is https.
    public var baseURL: String
    /// The address of the pages, where links in mails lead in the end; `baseURL` where there is no other.
    public var pagesURL: String
    /// Further origins that may send a person's cookie along, `https://host[:port]`.
    public var trustedOrigins: [String]
    /// The domain that the session's cookie is for; nil is this host alone.
    public var cookieDomain: String?
    /// Mailboxes of the platform's administrators. One counts only once it is verified.
    public var administrators: [String]
    /// Whether an account is of use only after its mailbox was confirmed. Then sign-up tells nobody whether an address has
    /// an account; without, it can't but say so.
    public var requiresVerifiedEmail: Bool
    public var passwordCost: PasswordCost
    /// Attempts that are allowed.
    public var limits: RateLimits
    /// WebAuthn's relying party: the domain that passkeys are bound to; nil takes the host of `pagesURL`.
    public var passkeyDomain: String?
    /// The name that a person sees when a passkey is made.
    public var passkeyName: String
    /// Whether an authenticator must verify its person by a finger, a face or a code. Without, one that did when the passkey
    /// was made still must.
    public var requiresUserVerification: Bool
    /// Whom people may come from instead of giving a password.
    public var providers: [IdentityProvider]
    /// How old a provider's signing keys must be before an ID token with an unknown key is a reason to fetch them again.
    public var minimumAgeOfKeys: Duration

    public init(baseURL: String, pagesURL: String? = nil) {
        self.baseURL = Self.withoutSlash(baseURL)
        self.pagesURL = Self.withoutSlash(pagesURL ?? baseURL)
        trustedOrigins = []
        cookieDomain = nil
        administrators = []
        requiresVerifiedEmail = false
        passwordCost = PasswordCost()
        limits = RateLimits()
        passkeyDomain = nil
        passkeyName = "LLM Gateway"
        requiresUserVerification = false
        providers = []
        minimumAgeOfKeys = .seconds(30)
    }

    /// How long a session lasts after it was last renewed.
    static let sessionLifetime = Duration.seconds(7 * 86_400)
    /// A session that is used is renewed when this much of its lifetime has gone: not at every request.
    static let sessionRenewal = Duration.seconds(86_400)

    /// Every origin whose pages may act for a signed-in person.
    public var origins: Set<String> {
        Set(([baseURL, pagesURL] + trustedOrigins).compactMap(Self.origin(of:)))
    }

    /// What a path of this server has before it for a browser, as where a proxy takes `/api` away; else nothing.
    var basePath: String {
        guard let scheme = baseURL.firstRange(of: "://") else { return "" }
        let place = baseURL[scheme.upperBound...]
        return place.firstIndex(of: "/").map { String(place[$0...]) } ?? ""
    }

    var usesHTTPS: Bool { baseURL.hasPrefix("https://") }

    /// `scheme://host[:port]` of a URL, in lower case; nil for what is no http or https URL.
    static func origin(of url: String) -> String? {
        guard let scheme = ["https://", "http://"].first(where: url.lowercased().hasPrefix) else { return nil }
        let rest = url.dropFirst(scheme.count)
        let authority = rest.prefix { !"/?#\\".contains($0) }
        guard !authority.isEmpty, !authority.contains("@") else { return nil }
        let defaultPort = scheme == "https://" ? ":443" : ":80"
        let host = authority.lowercased()
        return scheme + (host.hasSuffix(defaultPort) ? String(host.dropLast(defaultPort.count)) : host)
    }

    /// The host of a URL, without its port.
    static func host(of url: String) -> String? {
        guard let origin = origin(of: url), let start = origin.firstRange(of: "://")?.upperBound else { return nil }
        let authority = origin[start...]
        if authority.hasPrefix("[") { return authority.firstIndex(of: "]").map { String(authority[...$0]) } }
        return String(authority.prefix { $0 != ":" })
    }

    /// Where a person may be sent to: a path of the pages, or a URL of a trusted origin. Nil for anything else, so that a
    /// link of ours can't be made to lead elsewhere.
    func destination(_ given: String?) -> String? {
        guard let given, !given.isEmpty, given.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), !given.contains("\\") else {
            return nil
        }
        if given.hasPrefix("/") { return given.hasPrefix("//") ? nil : pagesURL + given }
        guard let origin = Self.origin(of: given), origins.contains(origin) else { return nil }
        return given
    }

    private static func withoutSlash(_ url: String) -> String {
        var url = Substring(url)
        while url.hasSuffix("/") { url = url.dropLast() }
        return String(url)
    }
}
