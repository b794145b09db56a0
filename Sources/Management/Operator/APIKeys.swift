public import Ledger
public import Money

/// What an operator does with API keys on the command line; what people do by routes is in `KeyCommands`.
extension Management {
    /// The limits of an API key; nil means none.
    public struct KeyLimits: Sendable, Equatable {
        /// What the key may spend in its lifetime.
        public var usageLimit: NanoDollars?
        public var requestsPerMinute: Int64?
        public var tokensPerMinute: Int64?
        /// What the key may spend in each period.
        public var period: PeriodLimit?

        public init(
            usageLimit: NanoDollars? = nil, requestsPerMinute: Int64? = nil, tokensPerMinute: Int64? = nil,
            period: PeriodLimit? = nil
        ) {
            self.usageLimit = usageLimit
            self.requestsPerMinute = requestsPerMinute
            self.tokensPerMinute = tokensPerMinute
            self.period = period
        }
    }

    /// An API key that was made, with its secret for the one time it is shown.
    public struct CreatedKey: Sendable {
        public let id: APIKeyID
        public let project: ProjectID
        public let organization: OrganizationID
        public let token: APIKeyToken
        public let change: Change
    }

    /// Creates an API key of a project.
    ///
    /// - Parameter expiresAt: The key stops working at this time; nil for never.
    public func createKey(
        project: ProjectID, name: String, limits: KeyLimits = KeyLimits(), expiresAt: Timestamp? = nil
    ) async throws(ManagementError) -> CreatedKey {
        let name = try checkName(name)
        try check(limits)
        if let expiresAt, expiresAt <= .now { throw .invalid("expiresAt", "The expiry lies in the past.") }
        let (organization, _) = try await requireProject(project)
        try await requireOrganization(organization)
        let id = APIKeyID.mint()
        let token = APIKeyToken()
        let event = try newEvent(
            APIKeyCreated(
                project: project, tokenSHA256: token.digest, usageLimit: limits.usageLimit,
                requestsPerMinute: limits.requestsPerMinute, tokensPerMinute: limits.tokensPerMinute, expiresAt: expiresAt,
                status: .active, hint: token.hint, periodLimit: limits.period),
            stream: .apiKey(id), expectedVersion: 0, organization: organization)
        let change = try await append(event, named: name)
        return CreatedKey(id: id, project: project, organization: organization, token: token, change: change)
    }

    /// Makes a key work (`active`) or not (`inactive`).
    public func setStatus(key: APIKeyID, isActive: Bool) async throws(ManagementError) -> Change {
        let (organization, version) = try await requireKey(key)
        if isActive { try await requireOrganization(organization) }
        return try await append(
            newEvent(
                APIKeyStatusChanged(status: isActive ? .active : .inactive), stream: .apiKey(key), expectedVersion: version,
                organization: organization))
    }

    /// Replaces all four limits of a key, whoever set them: one that is nil is lifted.
    public func setLimits(key: APIKeyID, limits: KeyLimits) async throws(ManagementError) -> Change {
        try check(limits)
        let (organization, version) = try await requireKey(key)
        return try await append(
            newEvent(
                APIKeyLimitChanged(
                    usageLimit: limits.usageLimit.map { .set($0) } ?? .cleared,
                    requestsPerMinute: limits.requestsPerMinute.map { .set($0) } ?? .cleared,
                    tokensPerMinute: limits.tokensPerMinute.map { .set($0) } ?? .cleared,
                    periodLimit: limits.period.map { .set($0) } ?? .cleared),
                stream: .apiKey(key), expectedVersion: version, organization: organization))
    }

    private func requireKey(_ id: APIKeyID) async throws(ManagementError) -> (OrganizationID, version: Int64) {
        guard let last = try await last(of: .apiKey(id)), last.type != APIKeyDeleted.type, let organization = last.organization
        else { throw .notFound("key", "There is no API key \(id).") }
        return (organization, last.streamVersion)
    }

    private func check(_ limits: KeyLimits) throws(ManagementError) {
        try checkLimit(limits.usageLimit, field: "usageLimit")
        for (field, value) in [
            ("requestsPerMinute", limits.requestsPerMinute), ("tokensPerMinute", limits.tokensPerMinute),
        ] {
            if let value, value < 0 { throw .invalid(field, "A limit can't be negative.") }
        }
        guard let period = limits.period else { return }
        try checkLimit(period.amount, field: "periodUsageLimit")
        guard (1...period.unit.longest).contains(period.count) else {
            throw .invalid(
                "periodUsageDurationValue", "A period is 1 to \(period.unit.longest) of the unit \(period.unit.rawValue).")
        }
    }
}
