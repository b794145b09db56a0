internal import Configuration
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
        let reader = ConfigReader(provider: EnvironmentVariablesProvider())
        func text(_ key: String) -> String? {
            let value = reader.string(forKey: ConfigKey(key), isSecret: true)
            return value == "" ? nil : value
        }
        func list(_ key: String) -> [String] {
            (text(key) ?? "").split(whereSeparator: { $0 == "," || $0 == " " }).map(String.init)
        }
        func url(_ key: String, _ name: String) throws(SettingsError) -> String? {
            guard let value = text(key) else { return nil }
            guard value.hasPrefix("https://") || value.hasPrefix("http://") else {
                throw SettingsError(message: "\(name) must begin with https:// or http://")
            }
            return value
        }

        // Passkeys belong to a domain, and this machine's is localhost.
        let isLocal = ["127.0.0.1", "0.0.0.0", "::", "::1"].contains(host)
        let own = "http://\(isLocal ? "localhost" : host):\(port)"
        configuration = IdentityConfiguration(
            baseURL: try url("api.url", "API_URL") ?? own, pagesURL: try url("ui.url", "UI_URL"))
        configuration.trustedOrigins = origins
        configuration.cookieDomain = text("cookie.domain")
        configuration.administrators = list("admin.emails")
        configuration.passkeyDomain = text("passkey.rp.id")
        if let name = text("passkey.rp.name") { configuration.passkeyName = name }
        configuration.requiresUserVerification = text("passkey.user.verification") == "required"

        if let smtp = text("smtp.url") {
            guard let server = MailServer(url: smtp) else {
                throw SettingsError(message: "SMTP_URL must be smtp://host:port or smtps://host:port, with user:password@ or not")
            }
            mailServer = server
        }
        sender = text("mail.from") ?? "llmgateway@localhost"
        configuration.requiresVerifiedEmail = text("require.email.verification").map { $0 == "true" } ?? (mailServer != nil)

        if let id = text("github.client.id"), let secret = text("github.client.secret") {
            configuration.providers.append(.gitHub(clientID: id, clientSecret: secret))
        }
        for name in list("oidc.providers") {
            guard let issuer = text("oidc.\(name).issuer"), let id = text("oidc.\(name).client.id"),
                let secret = text("oidc.\(name).client.secret"),
                let provider = IdentityProvider.openIDConnect(
                    id: name, issuer: issuer, clientID: id, clientSecret: secret,
                    vouchesForEmail: text("oidc.\(name).trust.email") == "true")
            else {
                let prefix = "OIDC_\(name.uppercased())"
                throw SettingsError(
                    message: "OIDC_PROVIDERS names \(name), whose \(prefix)_ISSUER (https), \(prefix)_CLIENT_ID or "
                        + "\(prefix)_CLIENT_SECRET is missing or can't be used")
            }
            configuration.providers.append(provider)
        }
    }
}
