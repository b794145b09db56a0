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
    /// - Throws: 403 for a project of others, 400 when the plan's keys are used up.
    func playgroundKey(of project: ProjectID, held: String?, by caller: Caller) async throws(WebError) -> PlaygroundKey {
        _ = try await permitted(project, .createKey, by: caller, stranger: Self.noProject)
        let own = try await playgroundKeys(of: project, caller.user)
        if let held, try await opens(own, held) { return PlaygroundKey(token: held) }
        let token = APIKeyToken()
        do {
            let new = APIKeyID.mint()
            let draft = KeyDraft(project: project, description: Self.playgroundName)
            // Looked for again by whoever is slower: the pages of a browser may ask at the same moment.
            let key = try await addKey(new, token: token, draft, by: caller) { () async throws(WebError) in
                try await playgroundKeys(of: project, caller.user).first
            }
            if key != new { try await roll(key: key, token: token, by: caller) }
        } catch  where error.status == 202 {
            // It is recorded, and shown now or never.
            return PlaygroundKey(token: token.secret, isObeyed: false)
        }
        return PlaygroundKey(token: token.secret)
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
