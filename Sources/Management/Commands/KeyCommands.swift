internal import Ledger
internal import Money
internal import Web

/// What people do with API keys by routes, as far as they may; what an operator does is in `Operator/APIKeys`.
extension Management {
    /// What a new API key is given.
    struct KeyDraft: Sendable {
        let project: ProjectID
        let description: String
        var usageLimit: NanoDollars?
        var period: PeriodLimit?
        var requestsPerMinute: Int64?
        var tokensPerMinute: Int64?
        var expiresAt: Timestamp?
    }

    /// What a PATCH of an API key may set.
    struct KeyChange: Sendable {
        var status: EntityStatus?
        var description: String?
        var expiresAt: Field<TimeText> = .absent
        var limits = APIKeyLimitChanged()
    }

    /// Makes an API key of a project.
    ///
    /// - Parameter existing: Asked at every attempt, when the read models have all keys of the project; what it finds is taken
    ///   instead.
    /// - Returns: the key that was made, or the one that was found.
    /// - Throws: 400 when the plan's keys are used up, 403 for a project of others.
    @discardableResult
    func addKey(
        _ id: APIKeyID, token: APIKeyToken, _ key: KeyDraft, by caller: Caller,
        or existing: () async throws(WebError) -> APIKeyID? = { () throws(WebError) in nil }
    ) async throws(WebError) -> APIKeyID {
        try await retrying { () async throws(WebError) -> APIKeyID? in
            let standing = try await standing(of: .project(key.project), in: "keys")
            if let found = try await existing() { return found }
            let project = try await permitted(
                key.project, .createKey, by: caller, stranger: Self.noProject)
            let most = PlanLimits(plan: project.plan).keys
            guard try await keyCount(of: key.project) < most else {
                throw WebError(400, "The plan \(project.plan) allows \(most) API keys a project.", code: "limit_reached")
            }
            let created = APIKeyCreated(
                project: key.project, tokenSHA256: token.digest, usageLimit: key.usageLimit,
                requestsPerMinute: key.requestsPerMinute, tokensPerMinute: key.tokensPerMinute, expiresAt: key.expiresAt,
                hint: token.hint, createdBy: caller.user, periodLimit: key.period)
            let done = try await commit(
                [
                    draft(
                        created, .apiKey(id), version: 0, organization: project.organization, by: caller,
                        texts: ["name": key.description]),
                    draft(
                        ProjectKeyAdded(apiKey: id), .project(key.project), version: standing.version,
                        organization: project.organization, by: caller),
                ], by: caller)
            return done.map { _ in id }
        }
    }

    /// Changes a key; all of the change or nothing.
    func change(key id: APIKeyID, _ change: KeyChange, by caller: Caller) async throws(WebError) {
        try await retrying { () async throws(WebError) -> Bool? in
            let standing = try await standing(of: .apiKey(id), in: "keys")
            let record = try await changeable(id, by: caller)
            let expiry: Timestamp? =
                switch change.expiresAt {
                case .absent: record.expiresAt
                case .null: nil
                case .value(let time): time.time
                }
            if change.status == .active, let expiry, expiry <= .now {
                throw WebError.invalid("expiresAt", "The key has expired: it needs a new expiry to be active.")
            }
            var drafts: [Draft] = []
            func add(_ data: some EventData, texts: [String: String]? = nil) throws(WebError) {
                drafts.append(
                    try draft(
                        data, .apiKey(id), version: drafts.isEmpty ? standing.version : nil, organization: record.organization,
                        by: caller, texts: texts))
            }
            if let status = change.status, status.rawValue != record.status { try add(APIKeyStatusChanged(status: status)) }
            if !change.expiresAt.isAbsent { try add(APIKeyExpiryChanged(expiresAt: expiry)) }
            if let name = change.description { try add(APIKeyRenamed(), texts: ["name": name]) }
            if change.limits != APIKeyLimitChanged() { try add(change.limits) }
            if drafts.isEmpty { return true }
            return try await commit(drafts, by: caller).map { _ in true }
        }
    }

    /// Gives a key another token; the old one stops working with the answer.
    func roll(key id: APIKeyID, token: APIKeyToken, by caller: Caller) async throws(WebError) {
        try await append(APIKeyRolled(tokenSHA256: token.digest, hint: token.hint), to: id, by: caller)
    }

    /// Deletes a key for good; its row stays.
    func delete(key id: APIKeyID, by caller: Caller) async throws(WebError) {
        try await append(APIKeyDeleted(), to: id, by: caller)
    }

    /// Deletes the keys of an organization, while the caller is still a member, as only members may.
    ///
    /// - Parameter mine: Only those that the caller made; who is no owner or admin may delete no others.
    /// - Returns: how many there were.
    @discardableResult
    func deleteKeys(of organization: OrganizationID, mine: Bool, by caller: Caller) async throws(WebError) -> Int {
        let found = try await keys(of: nil, for: caller.user, mine: mine).filter {
            $0.organization == organization && $0.status != "deleted"
        }
        for key in found { try await delete(key: key.id, by: caller) }
        return found.count
    }

    /// Appends one event to a key that the caller may change.
    func append(_ data: some EventData, to id: APIKeyID, by caller: Caller) async throws(WebError) {
        try await append(to: id, by: caller) { () async throws(WebError) in data }
    }

    /// Appends what `decide` makes of a key that the caller may change: asked again when another changed the key meanwhile, and
    /// nothing where it says nil.
    func append<Change: EventData>(
        to id: APIKeyID, by caller: Caller, _ decide: @Sendable () async throws(WebError) -> Change?
    ) async throws(WebError) {
        try await retrying { () async throws(WebError) -> Bool? in
            let standing = try await standing(of: .apiKey(id), in: "keys")
            let record = try await changeable(id, by: caller)
            guard let data = try await decide() else { return true }
            let done = try await commit(
                [draft(data, .apiKey(id), version: standing.version, organization: record.organization, by: caller)], by: caller)
            return done.map { _ in true }
        }
    }

    /// The key, when the caller may change it; a deleted one is not there.
    func changeable(_ id: APIKeyID, by caller: Caller) async throws(WebError) -> KeyRecord {
        let record = try await readable(id, by: caller)
        guard record.mayChange(caller.user) else {
            throw WebError.forbidden("A developer can change only keys that they made.")
        }
        return record
    }

    /// The key, when the caller may see it; a deleted one is not there.
    func readable(_ id: APIKeyID, by caller: Caller) async throws(WebError) -> KeyRecord {
        guard let record = try await key(id, for: caller.user), record.status != "deleted" else {
            throw WebError.notFound("There is no such API key.")
        }
        return record
    }
}
