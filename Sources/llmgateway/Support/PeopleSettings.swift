internal import Identity
internal import Mail

/// What the environment says about people: where their pages are, how they sign in, and where their mail goes.
struct PeopleSettings: Sendable {
    var configuration: IdentityConfiguration
    /// `SMTP_URL`; nil keeps mails in the folder `mail` of LLMGATEWAY_HOME.
    var mailServer: MailServer?
    /// `MAIL_FROM`
    var sender: String

    /// Reads the environment.
    ///
    /// - Parameters:
    ///   - host: the address that is listened on, for where people are sent unless API_URL says otherwise.
    ///   - origins: further origins whose pages may act for a person.
    /// - Throws: `SettingsError` naming the variable that can't be read.
    init(host: String, port: Int, origins: [String]) throws(SettingsError) {
        let environment = EnvironmentReader()
        let text = environment.text

        // Passkeys belong to a domain, and this machine's is localhost.
        let isLocal = ["127.0.0.1", "0.0.0.0", "::", "::1"].contains(host)
        let own = ListenAddress.url(host: isLocal ? "localhost" : host, port: port)
        configuration = IdentityConfiguration(
            baseURL: try environment.url("api.url", "API_URL") ?? own, pagesURL: try environment.url("ui.url", "UI_URL"))
        configuration.trustedOrigins = origins
        configuration.cookieDomain = text("cookie.domain")
        configuration.administrators = environment.list("admin.emails")
        configuration.passkeyDomain = text("passkey.rp.id")
        if let name = text("passkey.rp.name") { configuration.passkeyName = name }
        configuration.requiresUserVerification =
            try environment.choice("passkey.user.verification", "PASSKEY_USER_VERIFICATION", "required", "preferred") ?? false

        if let smtp = text("smtp.url") {
            guard let server = MailServer(url: smtp) else {
                throw SettingsError(message: "SMTP_URL must be smtp://host:port or smtps://host:port, with user:password@ or not")
            }
            mailServer = server
        }
        sender = text("mail.from") ?? "llmgateway@localhost"
        configuration.requiresVerifiedEmail =
            try environment.choice("require.email.verification", "REQUIRE_EMAIL_VERIFICATION", "true", "false")
            ?? (mailServer != nil)

        switch (text("github.client.id"), text("github.client.secret")) {
        case (nil, nil): break
        case (let id?, let secret?): configuration.providers.append(.gitHub(clientID: id, clientSecret: secret))
        default: throw SettingsError(message: "GITHUB_CLIENT_ID and GITHUB_CLIENT_SECRET must both be set, or neither")
        }
        for name in environment.list("oidc.providers") {
            let prefix = "OIDC_" + String(name.uppercased().map { $0 == "-" ? "_" : $0 })
            let isTrusted =
                try environment.choice("oidc.\(name).trust.email", "\(prefix)_TRUST_EMAIL", "true", "false") ?? false
            guard let issuer = text("oidc.\(name).issuer"), let id = text("oidc.\(name).client.id"),
                let secret = text("oidc.\(name).client.secret"),
                let provider = IdentityProvider.openIDConnect(
                    id: name, issuer: issuer, clientID: id, clientSecret: secret,
                    vouchesForEmail: isTrusted)
            else {
                throw SettingsError(
                    message: "OIDC_PROVIDERS names \(name), whose \(prefix)_ISSUER (https), \(prefix)_CLIENT_ID or "
                        + "\(prefix)_CLIENT_SECRET is missing or can't be used")
            }
            configuration.providers.append(provider)
        }
    }
}
