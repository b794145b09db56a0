internal import Crypto
internal import JSON
internal import Ledger
internal import Logging
internal import Postgres
internal import Web

extension Identity {
    /// A sign-in elsewhere that was begun.
    struct Departure: Sendable {
        /// Where the person's browser goes.
        let url: String
        /// What the browser keeps until it comes back, so that nobody else's answer can be slipped under it.
        let cookie: SecretToken
    }

    /// A sign-in elsewhere that came back to the browser that began it.
    struct Journey: Sendable {
        let provider: IdentityProvider
        let verifier: String
        let nonce: String
        /// The page that the person wanted, and the one for when it does not work out; both already checked.
        let destination: String?
        let failurePage: String?
    }

    /// Begins the authorization code flow with PKCE.
    ///
    /// - Parameters:
    ///   - callback: the page to go to in the end.
    ///   - failure: the page to go to when it does not work out.
    func depart(to provider: String, callback: String?, failure: String?, _ caller: Caller) async throws(IdentityError)
        -> Departure
    {
        guard let provider = configuration.providers.first(where: { $0.id == provider }) else {
            throw IdentityError(.notFound, status: 404, "There is no such provider", field: "provider")
        }
        try await count(Attempt("sign-in address", configuration.limits.signInOfAddress, address: caller.address))
        let cookie = SecretToken()
        let verifier = SecretToken()
        let nonce = SecretToken()
        let endpoint: String
        switch provider.kind {
        case .gitHub(let site, _): endpoint = site + "/login/oauth/authorize"
        case .openIDConnect(let issuer):
            endpoint = try await believed { try await providers.metadata(issuer: issuer).authorizationEndpoint }
        }
        let state = try await issue(
            .providerSignIn, for: nil,
            details: .members([
                ("provider", .string(provider.id)), ("verifier", .string(verifier.secret)), ("nonce", .string(nonce.secret)),
                ("cookie", .string(Base64URL.encode(cookie.digest))),
                ("callback", configuration.destination(callback).map { .string($0) }),
                ("failure", configuration.destination(failure).map { .string($0) }),
            ]))
        let query = [
            ("response_type", "code"), ("client_id", provider.clientID), ("redirect_uri", redirectURL(provider)),
            ("scope", provider.scopes.joined(separator: " ")), ("state", state.secret), ("nonce", nonce.secret),
            ("code_challenge", Base64URL.encode(Array(SHA256.hash(data: Array(verifier.secret.utf8))))),
            ("code_challenge_method", "S256"),
        ].map { "\($0)=\(PercentEncoding.encode($1))" }.joined(separator: "&")
        return Departure(url: endpoint + (endpoint.contains("?") ? "&" : "?") + query, cookie: cookie)
    }

    /// Takes up what was begun, once, and only in the browser that began it.
    ///
    /// - Parameter cookie: what the browser kept.
    func resume(_ provider: String, state: String?, cookie: SecretToken?) async throws(IdentityError) -> Journey {
        guard let token = state.flatMap(SecretToken.init), let used = try await use(token, .providerSignIn),
            used.details["provider"]?.text == provider,
            let provider = configuration.providers.first(where: { $0.id == provider }),
            let verifier = used.details["verifier"]?.text, let nonce = used.details["nonce"]?.text,
            let kept = used.details["cookie"]?.text.flatMap(Base64URL.decode), let cookie, ConstantTime.equal(kept, cookie.digest)
        else { throw .providerRefused("it was not begun in this browser, or too long ago") }
        return Journey(
            provider: provider, verifier: verifier, nonce: nonce, destination: used.details["callback"]?.text,
            failurePage: used.details["failure"]?.text)
    }

    /// Ends the flow: exchanges the code, learns who it is, and signs that person in.
    ///
    /// - Parameter issuer: the answer's `iss`, where the provider says it (RFC 9207).
    func arrive(_ journey: Journey, code: String?, issuer: String?, _ caller: Caller) async throws(IdentityError) -> NewSession {
        guard let code, !code.isEmpty else { throw .providerRefused("the provider gave no code") }
        let profile = try await believed {
            switch journey.provider.kind {
            case .gitHub(let site, let api): try await gitHubProfile(journey, site: site, api: api, code: code)
            case .openIDConnect(let name): try await openIDProfile(journey, issuer: name, code: code, said: issuer)
            }
        }
        return try await beginSession(for: try await account(of: profile, at: journey.provider, caller), caller)
    }

    /// The account that belongs to a provider's person: the linked one; else the one of the confirmed mailbox, which is linked
    /// from now on; else a new one.
    private func account(
        of profile: ProviderProfile, at provider: IdentityProvider, _ caller: Caller
    ) async throws(IdentityError) -> User {
        if let user = try await linked(profile, provider) { return user }
        guard let email = profile.email, profile.isEmailVerified || provider.vouchesForEmail, (try? checkEmail(email)) != nil
        else {
            throw IdentityError(.emailNotVerified, status: 403, "The provider did not confirm an e-mail address of this account")
        }
        let name = profile.name.flatMap { (try? checkName($0)) != nil ? $0 : nil }
        if let user = try await insert(.mint(), email: email, name: name, hash: nil, isVerified: true) {
            try await link(user.id, profile, provider)
            await welcome(user, caller)
            return user
        }
        guard let user = try await user(email: email) else { throw .unavailable }
        try await handingOver(user) {
            try await postgres.withTransaction { connection in
                // Whoever made the account without confirming the mailbox was not its reader, or can't be told from one.
                if !user.isEmailVerified { _ = try await takeOver(user.id, hash: nil, over: connection) }
                try await link(user.id, profile, provider, over: connection)
            }
        }
        mail(.providerLinked(email: user.email, provider: provider.id))
        // Read again: of two sign-ins at the same moment the link of one holds for both.
        guard let user = try await linked(profile, provider) else { throw .unavailable }
        return user
    }

    private func linked(_ profile: ProviderProfile, _ provider: IdentityProvider) async throws(IdentityError) -> User? {
        try await database {
            try await postgres.query(
                """
                SELECT \(User.columns) FROM identity.accounts AS a JOIN identity.users AS u ON u.id = a.user_id
                WHERE a.provider = $1 AND a.subject = $2
                """, [.text(provider.id), .text(profile.subject)]
            ).first.map { try User($0) }
        }
    }

    private func link(_ user: UserID, _ profile: ProviderProfile, _ provider: IdentityProvider) async throws(IdentityError) {
        try await database {
            try await postgres.withConnection { try await link(user, profile, provider, over: $0) }
        }
    }

    private func link(
        _ user: UserID, _ profile: ProviderProfile, _ provider: IdentityProvider, over connection: PostgresConnection
    ) async throws {
        try await connection.query(
            "INSERT INTO identity.accounts (provider, subject, user_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
            [.text(provider.id), .text(profile.subject), .uuid(user.uuid)])
    }

    func redirectURL(_ provider: IdentityProvider) -> String { "\(configuration.baseURL)/auth/callback/\(provider.id)" }

    /// Runs a conversation with a provider; what goes wrong there is logged, and said without details.
    private func believed<R: Sendable>(_ body: () async throws -> R) async throws(IdentityError) -> R {
        do {
            return try await body()
        } catch {
            logger.warning("an identity provider was not believed", metadata: ["error": "\(error)"])
            throw .providerRefused("the provider could not be asked, or its answer was not valid")
        }
    }
}

extension IdentityError {
    static func providerRefused(_ reason: String) -> IdentityError {
        IdentityError(.providerRefused, status: 400, "The sign-in was refused: \(reason)")
    }
}
