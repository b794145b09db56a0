public import Money

/// What a rule of an API key is about, and whether it lets in or keeps out.
public enum IAMRuleType: String, Codable, Sendable, Hashable, CaseIterable {
    case allowModels = "allow_models"
    case denyModels = "deny_models"
    case allowProviders = "allow_providers"
    case denyProviders = "deny_providers"
    case allowPricing = "allow_pricing"
    case denyPricing = "deny_pricing"
    case allowIPNetworks = "allow_ip_cidrs"
    case denyIPNetworks = "deny_ip_cidrs"
}

/// What a rule compares with; only the members that belong to its type are there.
public struct IAMRuleValue: Codable, Sendable, Hashable {
    /// The catalogue's ids.
    public var models: [String]?
    public var providers: [String]?
    /// `free` or `paid`.
    public var pricing: String?
    /// The most that an input token may cost.
    public var maxInputPrice: PicoDollars?
    /// The most that an output token may cost.
    public var maxOutputPrice: PicoDollars?
    /// Networks in CIDR form.
    public var networks: [String]?

    public init(
        models: [String]? = nil, providers: [String]? = nil, pricing: String? = nil, maxInputPrice: PicoDollars? = nil,
        maxOutputPrice: PicoDollars? = nil, networks: [String]? = nil
    ) {
        self.models = models
        self.providers = providers
        self.pricing = pricing
        self.maxInputPrice = maxInputPrice
        self.maxOutputPrice = maxOutputPrice
        self.networks = networks
    }

    enum CodingKeys: String, CodingKey {
        case models, providers, pricing, networks
        case maxInputPrice = "max_input_price"
        case maxOutputPrice = "max_output_price"
    }
}

/// `iam_rule.created`, in the API key's stream.
public struct IAMRuleCreated: EventData, Hashable {
    public static let type = "iam_rule.created"
    public var rule: IAMRuleID
    public var kind: IAMRuleType
    public var value: IAMRuleValue
    public var status: EntityStatus

    public init(rule: IAMRuleID, kind: IAMRuleType, value: IAMRuleValue, status: EntityStatus = .active) {
        self.rule = rule
        self.kind = kind
        self.value = value
        self.status = status
    }
}

/// `iam_rule.updated`, in the API key's stream: only what changed is there; a value is there as a whole.
public struct IAMRuleUpdated: EventData, Hashable {
    public static let type = "iam_rule.updated"
    public var rule: IAMRuleID
    public var kind: IAMRuleType?
    public var value: IAMRuleValue?
    public var status: EntityStatus?

    public init(rule: IAMRuleID, kind: IAMRuleType? = nil, value: IAMRuleValue? = nil, status: EntityStatus? = nil) {
        self.rule = rule
        self.kind = kind
        self.value = value
        self.status = status
    }
}

/// `iam_rule.deleted`, in the API key's stream.
public struct IAMRuleDeleted: EventData, Hashable {
    public static let type = "iam_rule.deleted"
    public var rule: IAMRuleID

    public init(rule: IAMRuleID) { self.rule = rule }
}
