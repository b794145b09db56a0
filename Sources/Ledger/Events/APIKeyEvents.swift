public import Money

/// `api_key.created`. The token itself is nowhere: only its SHA-256.
public struct APIKeyCreated: EventData, Hashable {
    public static let type = "api_key.created"
    public var project: ProjectID
    /// SHA-256 of the token, 64 lower-case hexadecimal digits.
    public var tokenSHA256: String
    /// What the key may spend in all; nil is no limit.
    public var usageLimit: NanoDollars?
    /// nil is no limit.
    public var requestsPerMinute: Int64?
    /// nil is no limit.
    public var tokensPerMinute: Int64?
    /// nil is never.
    public var expiresAt: Timestamp?
    public var status: EntityStatus
    /// The token's first characters, by which a person tells keys apart.
    public var hint: String?
    /// Who made it; nil for a key that no person of the organization made.
    public var createdBy: UserID?
    /// What the key may spend in each period; nil is no limit.
    public var periodLimit: PeriodLimit?

    public init(
        project: ProjectID, tokenSHA256: String, usageLimit: NanoDollars? = nil, requestsPerMinute: Int64? = nil,
        tokensPerMinute: Int64? = nil, expiresAt: Timestamp? = nil, status: EntityStatus = .active, hint: String? = nil,
        createdBy: UserID? = nil, periodLimit: PeriodLimit? = nil
    ) {
        self.project = project
        self.tokenSHA256 = tokenSHA256
        self.usageLimit = usageLimit
        self.requestsPerMinute = requestsPerMinute
        self.tokensPerMinute = tokensPerMinute
        self.expiresAt = expiresAt
        self.status = status
        self.hint = hint
        self.createdBy = createdBy
        self.periodLimit = periodLimit
    }

    enum CodingKeys: String, CodingKey {
        case project, status, hint
        case createdBy = "created_by"
        case periodLimit = "period_limit"
        case tokenSHA256 = "token_sha256"
        case usageLimit = "usage_limit"
        case requestsPerMinute = "requests_per_minute"
        case tokensPerMinute = "tokens_per_minute"
        case expiresAt = "expires_at"
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(project, forKey: .project)
        try container.encode(tokenSHA256, forKey: .tokenSHA256)
        try container.encode(usageLimit, forKey: .usageLimit)
        try container.encode(requestsPerMinute, forKey: .requestsPerMinute)
        try container.encode(tokensPerMinute, forKey: .tokensPerMinute)
        try container.encode(expiresAt, forKey: .expiresAt)
        try container.encode(status, forKey: .status)
        try container.encodeIfPresent(hint, forKey: .hint)
        try container.encodeIfPresent(createdBy, forKey: .createdBy)
        try container.encodeIfPresent(periodLimit, forKey: .periodLimit)
    }
}

/// `api_key.status_changed`.
public struct APIKeyStatusChanged: EventData, Hashable {
    public static let type = "api_key.status_changed"
    public var status: EntityStatus

    public init(status: EntityStatus) { self.status = status }
}

/// `api_key.limit_changed`: only what changed is there; null takes the limit away.
public struct APIKeyLimitChanged: EventData, Hashable {
    public static let type = "api_key.limit_changed"
    public var usageLimit: FieldChange<NanoDollars>
    public var requestsPerMinute: FieldChange<Int64>
    public var tokensPerMinute: FieldChange<Int64>
    public var periodLimit: FieldChange<PeriodLimit>

    public init(
        usageLimit: FieldChange<NanoDollars> = .unchanged, requestsPerMinute: FieldChange<Int64> = .unchanged,
        tokensPerMinute: FieldChange<Int64> = .unchanged, periodLimit: FieldChange<PeriodLimit> = .unchanged
    ) {
        self.usageLimit = usageLimit
        self.requestsPerMinute = requestsPerMinute
        self.tokensPerMinute = tokensPerMinute
        self.periodLimit = periodLimit
    }

    enum CodingKeys: String, CodingKey {
        case usageLimit = "usage_limit"
        case periodLimit = "period_limit"
        case requestsPerMinute = "requests_per_minute"
        case tokensPerMinute = "tokens_per_minute"
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        usageLimit = try container.decodeChange(NanoDollars.self, forKey: .usageLimit)
        requestsPerMinute = try container.decodeChange(Int64.self, forKey: .requestsPerMinute)
        tokensPerMinute = try container.decodeChange(Int64.self, forKey: .tokensPerMinute)
        periodLimit = try container.decodeChange(PeriodLimit.self, forKey: .periodLimit)
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(usageLimit, forKey: .usageLimit)
        try container.encode(requestsPerMinute, forKey: .requestsPerMinute)
        try container.encode(tokensPerMinute, forKey: .tokensPerMinute)
        try container.encode(periodLimit, forKey: .periodLimit)
    }
}

/// `api_key.renamed`: the name lies beside the ledger, under this event's id.
public struct APIKeyRenamed: EventData, Hashable {
    public static let type = "api_key.renamed"
    public init() {}
}

/// `api_key.expiry_changed`.
public struct APIKeyExpiryChanged: EventData, Hashable {
    public static let type = "api_key.expiry_changed"
    /// nil is never.
    public var expiresAt: Timestamp?

    public init(expiresAt: Timestamp?) { self.expiresAt = expiresAt }

    enum CodingKeys: String, CodingKey {
        case expiresAt = "expires_at"
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(expiresAt, forKey: .expiresAt)
    }
}

/// `api_key.rolled`: the key has another token, and the old one is nobody's.
public struct APIKeyRolled: EventData, Hashable {
    public static let type = "api_key.rolled"
    /// SHA-256 of the token, 64 lower-case hexadecimal digits.
    public var tokenSHA256: String
    /// The token's first characters.
    public var hint: String?

    public init(tokenSHA256: String, hint: String?) {
        self.tokenSHA256 = tokenSHA256
        self.hint = hint
    }

    enum CodingKeys: String, CodingKey {
        case hint
        case tokenSHA256 = "token_sha256"
    }
}

/// `api_key.deleted`.
public struct APIKeyDeleted: EventData, Hashable {
    public static let type = "api_key.deleted"
    public init() {}
}
