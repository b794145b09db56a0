public import Money

/// `request.authorized`: the hold. No byte goes to a provider before it is durable.
public struct RequestAuthorized: EventData, Hashable {
    public static let type = "request.authorized"
    /// The process that serves the request; when its lease ends, the request is abandoned.
    public var instance: InstanceID
    /// The admission epoch in which the hold was placed.
    public var epoch: Int64
    /// Redis's time of admission, which decides the period.
    public var admittedAt: Timestamp
    public var project: ProjectID
    public var apiKey: APIKeyID
    /// The model as the client wrote it.
    public var requestedModel: String
    /// The catalogue's id of the model.
    public var model: String
    /// The route that is tried first.
    public var provider: String
    public var stream: Bool
    /// The highest amount that the request can cost.
    public var held: NanoDollars
    /// Whether the charge is bounded by the hold.
    public var strict: Bool

    public init(
        instance: InstanceID, epoch: Int64, admittedAt: Timestamp, project: ProjectID, apiKey: APIKeyID, requestedModel: String,
        model: String, provider: String, stream: Bool, held: NanoDollars, strict: Bool
    ) {
        self.instance = instance
        self.epoch = epoch
        self.admittedAt = admittedAt
        self.project = project
        self.apiKey = apiKey
        self.requestedModel = requestedModel
        self.model = model
        self.provider = provider
        self.stream = stream
        self.held = held
        self.strict = strict
    }

    enum CodingKeys: String, CodingKey {
        case instance, epoch, project, model, provider, stream, held, strict
        case admittedAt = "admitted_at"
        case apiKey = "api_key"
        case requestedModel = "requested_model"
    }

    public func encodeJSON(into writer: inout JSONWriter) throws(EventError) {
        writer.beginObject()
        writer.member("instance", instance)
        writer.member("epoch", epoch)
        writer.member("admitted_at", admittedAt)
        writer.member("project", project)
        writer.member("api_key", apiKey)
        writer.member("requested_model", requestedModel)
        writer.member("model", model)
        writer.member("provider", provider)
        writer.member("stream", stream)
        writer.member("held", held)
        writer.member("strict", strict)
        writer.endObject()
    }
}

/// `request.voided`: a hold whose authorization never came is given back. It takes version 1, so the authorization can't come later.
public struct RequestVoided: EventData, Hashable {
    public static let type = "request.voided"
    public var reason: String
    public var project: ProjectID
    public var apiKey: APIKeyID
    public var held: NanoDollars

    public init(reason: String, project: ProjectID, apiKey: APIKeyID, held: NanoDollars) {
        self.reason = reason
        self.project = project
        self.apiKey = apiKey
        self.held = held
    }

    enum CodingKeys: String, CodingKey {
        case reason, project, held
        case apiKey = "api_key"
    }
}

/// `request.denied`: the first refusal of a key for a reason in a minute, in the refused request's own stream, or the rest of that
/// minute's with their count, in a stream of their own.
public struct RequestDenied: EventData, Hashable {
    public static let type = "request.denied"
    public var project: ProjectID
    public var apiKey: APIKeyID
    /// For example `balance` or `key_limit`; or the code of the error that was answered, where that says it all.
    public var reason: String
    /// `organization`, `project`, `member` or `api_key`, where one of them was the limit.
    public var scope: String?
    /// The model as the client wrote it, where it was read; of a count only where all wrote the same.
    public var model: String?
    /// The HTTP status that was answered.
    public var status: Int
    /// How many refusals this event stands for.
    public var count: Int64

    public init(
        project: ProjectID, apiKey: APIKeyID, reason: String, scope: String?, model: String?, status: Int, count: Int64 = 1
    ) {
        self.project = project
        self.apiKey = apiKey
        self.reason = reason
        self.scope = scope
        self.model = model
        self.status = status
        self.count = count
    }

    enum CodingKeys: String, CodingKey {
        case project, reason, scope, model, status, count
        case apiKey = "api_key"
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(project, forKey: .project)
        try container.encode(apiKey, forKey: .apiKey)
        try container.encode(reason, forKey: .reason)
        try container.encode(scope, forKey: .scope)
        try container.encode(model, forKey: .model)
        try container.encode(status, forKey: .status)
        try container.encode(count, forKey: .count)
    }
}
