public import Money

/// `organization.created`.
public struct OrganizationCreated: EventData, Hashable {
    public static let type = "organization.created"
    /// `free`, or the name of a paid plan.
    public var plan: String
    /// In strict mode a request is charged at most what was held for it.
    public var strict: Bool

    public init(plan: String = "free", strict: Bool = true) {
        self.plan = plan
        self.strict = strict
    }
}

/// `organization.updated`: only what changed is there.
public struct OrganizationUpdated: EventData, Hashable {
    public static let type = "organization.updated"
    public var plan: String?
    public var strict: Bool?
    /// `active` or `inactive`.
    public var status: EntityStatus?
    /// True when the organization's texts (name, billing) changed: they lie beside the ledger, under this event's id.
    public var texts: Bool?
    /// `retain` or `none`: whether bodies of requests are kept.
    public var retention: String?
    public var autoTopUp: Bool?
    /// A top-up is started when less than this is left.
    public var autoTopUpThreshold: NanoDollars?
    public var autoTopUpAmount: NanoDollars?
    /// What is bought so in a calendar month, at most; zero is no limit.
    public var autoTopUpMonthlyLimit: NanoDollars?

    public init(
        plan: String? = nil, strict: Bool? = nil, status: EntityStatus? = nil, texts: Bool? = nil, retention: String? = nil,
        autoTopUp: Bool? = nil, autoTopUpThreshold: NanoDollars? = nil, autoTopUpAmount: NanoDollars? = nil,
        autoTopUpMonthlyLimit: NanoDollars? = nil
    ) {
        self.plan = plan
        self.strict = strict
        self.status = status
        self.texts = texts
        self.retention = retention
        self.autoTopUp = autoTopUp
        self.autoTopUpThreshold = autoTopUpThreshold
        self.autoTopUpAmount = autoTopUpAmount
        self.autoTopUpMonthlyLimit = autoTopUpMonthlyLimit
    }

    enum CodingKeys: String, CodingKey {
        case plan, strict, status, texts, retention
        case autoTopUp = "auto_top_up"
        case autoTopUpThreshold = "auto_top_up_threshold"
        case autoTopUpAmount = "auto_top_up_amount"
        case autoTopUpMonthlyLimit = "auto_top_up_monthly_limit"
    }
}

/// `organization.referred`, with the organization's first events: who sent whoever made it.
public struct OrganizationReferred: EventData, Hashable {
    public static let type = "organization.referred"
    public var referrer: OrganizationID

    public init(referrer: OrganizationID) { self.referrer = referrer }
}

/// `organization.deleted`.
public struct OrganizationDeleted: EventData, Hashable {
    public static let type = "organization.deleted"
    public init() {}
}

/// Whether something may be used.
public enum EntityStatus: String, Codable, Sendable, Hashable {
    case active
    case inactive
}

/// `project.created`.
public struct ProjectCreated: EventData, Hashable {
    public static let type = "project.created"
    /// `credits`, `api-keys` or `hybrid`: whose provider keys pay.
    public var mode: String
    /// What the project may spend in all; nil is no limit.
    public var usageLimit: NanoDollars?
    /// Whether equal requests may be answered from the cache.
    public var caching: Bool
    /// For how long an answer stays in the cache; nil is 60 seconds.
    public var cacheSeconds: Int64?

    public init(
        mode: String = "credits", usageLimit: NanoDollars? = nil, caching: Bool = false, cacheSeconds: Int64? = nil
    ) {
        self.mode = mode
        self.usageLimit = usageLimit
        self.caching = caching
        self.cacheSeconds = cacheSeconds
    }

    enum CodingKeys: String, CodingKey {
        case mode, caching
        case usageLimit = "usage_limit"
        case cacheSeconds = "cache_seconds"
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(mode, forKey: .mode)
        try container.encode(usageLimit, forKey: .usageLimit)
        try container.encode(caching, forKey: .caching)
        try container.encodeIfPresent(cacheSeconds, forKey: .cacheSeconds)
    }
}

/// `project.updated`: only what changed is there.
public struct ProjectUpdated: EventData, Hashable {
    public static let type = "project.updated"
    public var usageLimit: FieldChange<NanoDollars>
    public var status: EntityStatus?
    public var mode: String?
    public var caching: Bool?
    /// Seconds.
    public var cacheSeconds: Int64?
    /// True when the project's name changed: it lies beside the ledger, under this event's id.
    public var texts: Bool?

    public init(
        usageLimit: FieldChange<NanoDollars> = .unchanged, status: EntityStatus? = nil, mode: String? = nil,
        caching: Bool? = nil, cacheSeconds: Int64? = nil, texts: Bool? = nil
    ) {
        self.usageLimit = usageLimit
        self.status = status
        self.mode = mode
        self.caching = caching
        self.cacheSeconds = cacheSeconds
        self.texts = texts
    }

    enum CodingKeys: String, CodingKey {
        case status, mode, caching, texts
        case usageLimit = "usage_limit"
        case cacheSeconds = "cache_seconds"
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        usageLimit = try container.decodeChange(NanoDollars.self, forKey: .usageLimit)
        status = try container.decodeIfPresent(EntityStatus.self, forKey: .status)
        mode = try container.decodeIfPresent(String.self, forKey: .mode)
        caching = try container.decodeIfPresent(Bool.self, forKey: .caching)
        cacheSeconds = try container.decodeIfPresent(Int64.self, forKey: .cacheSeconds)
        texts = try container.decodeIfPresent(Bool.self, forKey: .texts)
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(usageLimit, forKey: .usageLimit)
        try container.encodeIfPresent(status, forKey: .status)
        try container.encodeIfPresent(mode, forKey: .mode)
        try container.encodeIfPresent(caching, forKey: .caching)
        try container.encodeIfPresent(cacheSeconds, forKey: .cacheSeconds)
        try container.encodeIfPresent(texts, forKey: .texts)
    }
}

/// `project.deleted`.
public struct ProjectDeleted: EventData, Hashable {
    public static let type = "project.deleted"
    public init() {}
}
