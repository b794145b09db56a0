internal import Ledger
internal import Postgres
internal import Web

extension Management {
    private static let playgroundName = "Auto-generated playground key"

    /// A key of the playground with its secret, which the browser keeps and nobody else.
    struct PlaygroundKey: Sendable {
        let token: String
        /// False when the gateway does not know it yet.
        var isObeyed = true
    }

    /// The person's key for the playground in a project: the one that the browser holds, where it still opens the project; else
    /// the same key with another token, because nobody can show the old one again; else a new one.
    ///
    /// - Parameter held: The token that the browser sent.
    /// - Throws: 403 for a project of others, 400 when the plan's keys are used up, 409 when another page of the browser asks at
    ///   the same moment: of two tokens only one opens, and the browser keeps the one that it hears of last.
    func playgroundKey(of project: ProjectID, held: String?, by caller: Caller) async throws(WebError) -> PlaygroundKey {
        _ = try await permitted(project, .createKey, by: caller, stranger: Self.noProject)
        let own = try await playgroundKeys(of: project, caller.user)
        var version: Int64?
        // Before the browser's token is looked at, so that another that comes between is noticed.
        if let key = own.first { version = try await standing(of: .apiKey(key), in: "keys").version }
        if let held, try await opens(own, held) { return PlaygroundKey(token: held) }
        let token = APIKeyToken()
        do throws(WebError) {
            guard let key = try await give(token, to: own.first, at: version, in: project, by: caller),
                try await opens([key], token.secret)
            else {
                throw WebError(409, "Another page asks for the key at the same moment; ask again.", retryAfter: 1)
            }
        } catch  where error.status == 202 {
            // It is recorded, and shown now or never.
            return PlaygroundKey(token: token.secret, isObeyed: false)
        }
        return PlaygroundKey(token: token.secret)
    }

    /// Gives a key the token, or makes one with it where there is none.
    ///
    /// - Parameter version: Of the key's stream.
    /// - Returns: nil where somebody else was faster.
    private func give(
        _ token: APIKeyToken, to key: APIKeyID?, at version: Int64?, in project: ProjectID, by caller: Caller
    ) async throws(WebError) -> APIKeyID? {
        guard let key else {
            let new = APIKeyID.mint()
            let draft = KeyDraft(project: project, description: Self.playgroundName)
            let made = try await addKey(new, token: token, draft, by: caller) { () async throws(WebError) in
                try await playgroundKeys(of: project, caller.user).first
            }
            return made == new ? new : nil
        }
        let record = try await changeable(key, by: caller)
        let rolled = try draft(
            APIKeyRolled(tokenSHA256: token.digest, hint: token.hint), .apiKey(key), version: version,
            organization: record.organization, by: caller)
        return try await commit([rolled], by: caller).map { _ in key }
    }

    /// Whether the token that the browser holds is that of a key that the person made for the playground.
    func hasPlaygroundKey(held: String?, _ user: UserID) async throws(WebError) -> Bool {
        guard let held else { return false }
        return try await opens(try await playgroundKeys(of: nil, user), held)
    }

    /// Whether the person has made the key that has this token, and belongs to its organization still.
    func hasMade(keyOf token: String, _ user: UserID) async throws(WebError) -> Bool {
        try await !rows(
            """
            SELECT a.api_key FROM admission.keys AS a JOIN keys.keys AS k ON k.api_key = a.api_key
            JOIN organizations.members AS m ON m.organization = k.organization AND m.user_id = k.created_by
            WHERE a.token_sha256 = $1 AND k.created_by = $2
            """, [.text(APIKeyToken.digest(of: token)), .uuid(user.uuid)]
        ) { _ in true }.isEmpty
    }

    private func playgroundKeys(of project: ProjectID?, _ user: UserID) async throws(WebError) -> [APIKeyID] {
        try await keys(of: project, for: user, mine: true).filter {
            $0.description == Self.playgroundName && $0.status == "active" && $0.expiresAt.map { $0 > .now } ?? true
        }.map(\.id)
    }

    private func opens(_ keys: [APIKeyID], _ token: String) async throws(WebError) -> Bool {
        try await !rows(
            "SELECT k.api_key FROM admission.keys AS k WHERE k.api_key = ANY ($1) AND k.token_sha256 = $2",
            [.uuidArray(keys.map(\.uuid)), .text(APIKeyToken.digest(of: token))]
        ) { _ in true }.isEmpty
    }
}
