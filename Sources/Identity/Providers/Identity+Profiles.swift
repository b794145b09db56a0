internal import JSON
internal import Ledger

extension Identity {
    /// Asks GitHub: the account's number, and the mailbox that is primary and confirmed.
    func gitHubProfile(
        _ journey: Journey, site: String, api: String, code: String
    ) async throws -> ProviderProfile {
        let provider = journey.provider
        let answer = try await providers.token(
            site + "/login/oauth/access_token",
            [
                ("grant_type", "authorization_code"), ("client_id", provider.clientID), ("client_secret", provider.clientSecret),
                ("code", code), ("redirect_uri", redirectURL(provider)), ("code_verifier", journey.verifier),
            ], basic: nil)
        guard let accessToken = answer["access_token"]?.text else { throw ProviderClient.Failure("no access token") }
        let person = try await providers.get(api + "/user", accessToken: accessToken)
        guard let id = person["id"]?.int64 else { throw ProviderClient.Failure("the provider names nobody") }
        let mailboxes = try await providers.get(api + "/user/emails", accessToken: accessToken).elements ?? []
        let mailbox = mailboxes.first { $0["primary"]?.flag == true && $0["verified"]?.flag == true }
        return ProviderProfile(
            subject: String(id), email: mailbox?["email"]?.text, isEmailVerified: mailbox != nil,
            name: person["name"]?.text ?? person["login"]?.text)
    }

    /// Exchanges a code for an ID token, verifies it, and asks for the mailbox, or whether it is confirmed, where the token does not
    /// say.
    func openIDProfile(
        _ journey: Journey, issuer: String, code: String, said: String?
    ) async throws -> ProviderProfile {
        let provider = journey.provider
        guard said == nil || said == issuer else { throw ProviderClient.Failure("the answer is another issuer's") }
        let metadata = try await providers.metadata(issuer: issuer)
        var form = [
            ("grant_type", "authorization_code"), ("code", code), ("redirect_uri", redirectURL(provider)),
            ("code_verifier", journey.verifier),
        ]
        if !metadata.takesBasic { form += [("client_id", provider.clientID), ("client_secret", provider.clientSecret)] }
        let answer = try await providers.token(
            metadata.tokenEndpoint, form, basic: metadata.takesBasic ? (provider.clientID, provider.clientSecret) : nil)
        guard let text = answer["id_token"]?.text, text.utf8.count <= 16_384 else { throw ProviderClient.Failure("no ID token") }
        let token: IDToken
        do {
            token = try await IDToken(text, keys: providers.keys(metadata, renewed: false))
        } catch {
            // The provider may have a new key since.
            token = try await IDToken(text, keys: providers.keys(metadata, renewed: true))
        }
        let now = Double(Timestamp.now.microseconds) / 1_000_000
        try token.check(issuer: issuer, client: provider.clientID, nonce: journey.nonce, now: now)
        let known = ProviderProfile(
            subject: token.subject, email: token.email, isEmailVerified: token.isEmailVerified ?? false, name: token.name)
        let isEnough = token.email != nil && (token.isEmailVerified != nil || provider.vouchesForEmail)
        guard !isEnough, let endpoint = metadata.userInfoEndpoint, let accessToken = answer["access_token"]?.text else {
            return known
        }
        let info: JSONValue
        do {
            info = try await providers.get(endpoint, accessToken: accessToken)
        } catch  where token.email != nil {
            // Whoever was here before is known by the subject.
            return known
        }
        guard info["sub"]?.text == token.subject else { throw ProviderClient.Failure("the profile is another person's") }
        let email = info["email"]?.text
        // What is confirmed is the mailbox of the profile.
        let isSame = token.email == nil || token.email?.lowercased() == email?.lowercased()
        return ProviderProfile(
            subject: token.subject, email: token.email ?? email, isEmailVerified: isSame && Self.isTrue(info["email_verified"]),
            name: token.name ?? info["name"]?.text)
    }

    /// As the ID token is read: some providers write a string.
    private static func isTrue(_ value: JSONValue?) -> Bool { value?.flag ?? (value?.text == "true") }
}
