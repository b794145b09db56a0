public import Money

/// How a request ended: who asked for what, what was tried, what was used, and what it comes to.
public struct Outcome: Codable, Sendable, Hashable {
    public var instance: InstanceID
    public var project: ProjectID
    public var apiKey: APIKeyID
    /// The model as the client wrote it.
    public var requestedModel: String
    /// The catalogue's id of the model.
    public var model: String
    /// The provider that answered, else the one that was asked last, or nil when none was.
    public var provider: String?
    /// The provider's own name of the model.
    public var upstreamModel: String?
    public var stream: Bool
    /// Answered from the cache.
    public var cached: Bool
    /// The usage was counted by us, not reported.
    public var estimated: Bool
    /// The HTTP status that the client was given.
    public var status: Int
    public var error: OutcomeError?
    /// The provider's own finish reason.
    public var finishReason: String?
    /// One of a closed list, the same for all providers.
    public var unifiedFinishReason: String
    public var attempts: [Attempt]
    public var usage: TokenUsage
    /// The digest of the catalogue whose prices these are.
    public var catalogueVersion: String
    public var credential: CredentialOwner
    /// Which of the organization's provider keys was used, or was tried last; nil for the house's.
    public var providerKey: ProviderKeyID?
    /// What the customer is charged for, before the bound of strict mode.
    public var price: Bill
    /// What the provider costs us.
    public var cost: Bill
    public var held: NanoDollars
    /// What is taken from the balance: in strict mode `min(price.total, held)`.
    public var charged: NanoDollars
    /// `price.total - charged`; posted to the house account `overrun`.
    public var overrun: NanoDollars
    /// What an answer from the cache would have cost whoever pays the provider; nil for every other.
    public var saved: NanoDollars?
    public var durationMS: Int64
    public var timeToFirstTokenMS: Int64?
    public var admittedAt: Timestamp
    /// What proves the bodies that are kept beside the ledger; nil when none are.
    public var bodies: BodyDigests?
    /// Why it went where it was tried first; nil where there was no choice.
    public var routing: RoutingDecision?

    public init(
        instance: InstanceID, project: ProjectID, apiKey: APIKeyID, requestedModel: String, model: String, provider: String?,
        upstreamModel: String?, stream: Bool, cached: Bool, estimated: Bool, status: Int, error: OutcomeError?,
        finishReason: String?, unifiedFinishReason: String, attempts: [Attempt], usage: TokenUsage, catalogueVersion: String,
        credential: CredentialOwner, price: Bill, cost: Bill, held: NanoDollars, charged: NanoDollars, overrun: NanoDollars,
        durationMS: Int64, timeToFirstTokenMS: Int64?, admittedAt: Timestamp, providerKey: ProviderKeyID? = nil,
        bodies: BodyDigests? = nil, saved: NanoDollars? = nil, routing: RoutingDecision? = nil
    ) {
        self.instance = instance
        self.project = project
        self.apiKey = apiKey
        self.requestedModel = requestedModel
        self.model = model
        self.provider = provider
        self.upstreamModel = upstreamModel
        self.stream = stream
        self.cached = cached
        self.estimated = estimated
        self.status = status
        self.error = error
        self.finishReason = finishReason
        self.unifiedFinishReason = unifiedFinishReason
        self.attempts = attempts
        self.usage = usage
        self.catalogueVersion = catalogueVersion
        self.credential = credential
        self.providerKey = providerKey
        self.price = price
        self.cost = cost
        self.held = held
        self.charged = charged
        self.overrun = overrun
        self.durationMS = durationMS
        self.timeToFirstTokenMS = timeToFirstTokenMS
        self.admittedAt = admittedAt
        self.bodies = bodies
        self.saved = saved
        self.routing = routing
    }

    enum CodingKeys: String, CodingKey {
        case instance, project, model, provider, stream, cached, estimated, status, error, attempts, usage, credential, price,
            cost, held, charged, overrun, saved, bodies, routing
        case apiKey = "api_key"
        case providerKey = "provider_key"
        case requestedModel = "requested_model"
        case upstreamModel = "upstream_model"
        case finishReason = "finish_reason"
        case unifiedFinishReason = "unified_finish_reason"
        case catalogueVersion = "catalogue_version"
        case durationMS = "duration_ms"
        case timeToFirstTokenMS = "time_to_first_token_ms"
        case admittedAt = "admitted_at"
    }
}

/// Keyed digests of bodies that are kept beside the ledger: HMAC-SHA256, 64 lower-case hexadecimal digits each. The keys lie
/// beside the bodies and go with them, and then nobody can tell from a digest what the body was.
public struct BodyDigests: Codable, Sendable, Hashable {
    /// Of the request's body as the client sent it; nil when it is not kept.
    public var prompt: String?
    /// Of the provider's answer as far as it came; nil when it is not kept.
    public var completion: String?
    /// Of what went to the provider and of what came from it as they were, where the client asked for these.
    public var upstreamRequest: String?
    public var upstreamAnswer: String?

    public init(prompt: String?, completion: String?, upstreamRequest: String? = nil, upstreamAnswer: String? = nil) {
        self.prompt = prompt
        self.completion = completion
        self.upstreamRequest = upstreamRequest
        self.upstreamAnswer = upstreamAnswer
    }

    enum CodingKeys: String, CodingKey {
        case prompt, completion
        case upstreamRequest = "upstream_request"
        case upstreamAnswer = "upstream_answer"
    }
}

/// Whose provider key was used.
public enum CredentialOwner: String, Codable, Sendable, Hashable {
    case house
    case organization
}

/// Why a request failed, in the words of the answer.
public struct OutcomeError: Codable, Sendable, Hashable {
    public var type: String
    public var code: String
    /// The provider's HTTP status, where it answered with an error.
    public var upstreamStatus: Int?

    public init(type: String, code: String, upstreamStatus: Int? = nil) {
        self.type = type
        self.code = code
        self.upstreamStatus = upstreamStatus
    }

    enum CodingKeys: String, CodingKey {
        case type, code
        case upstreamStatus = "upstream_status"
    }
}

/// One try at one provider.
public struct Attempt: Codable, Sendable, Hashable {
    public var provider: String
    /// The provider's own name of the model.
    public var model: String
    /// The provider's HTTP status, or nil when none came.
    public var status: Int?
    /// A short code, or nil when it went well.
    public var error: String?
    public var durationMS: Int64
    /// The organization's provider key that was tried; nil for the house's.
    public var providerKey: ProviderKeyID?

    public init(
        provider: String, model: String, status: Int?, error: String?, durationMS: Int64, providerKey: ProviderKeyID? = nil
    ) {
        self.provider = provider
        self.model = model
        self.status = status
        self.error = error
        self.durationMS = durationMS
        self.providerKey = providerKey
    }

    enum CodingKeys: String, CodingKey {
        case provider, model, status, error
        case durationMS = "duration_ms"
        case providerKey = "provider_key"
    }
}
