internal import Catalogue
internal import JSON
public import Money

/// What the gateway tells the client in `metadata`.
public struct GatewayMetadata: Sendable, Hashable {
    /// The model as the client named it.
    public var requestedModel: String
    /// The provider that the client asked for, if it did.
    public var requestedProvider: String?
    /// The id of the model that answered.
    public var usedModel: String
    /// The id of the provider that answered.
    public var usedProvider: String
    /// The provider's own name for the model.
    public var underlyingUsedModel: String
    /// The gateway's id of the request.
    public var requestID: String?
    /// The bound on the completion that the gateway added, if it did.
    public var outputLimit: RequestEdits.OutputLimit?
    /// Whether the usage was estimated because the provider reported none.
    public var estimated = false

    /// What every answer has.
    public init(
        requestedModel: String, requestedProvider: String?, usedModel: String, usedProvider: String, underlyingUsedModel: String,
        requestID: String? = nil, outputLimit: RequestEdits.OutputLimit? = nil, estimated: Bool = false
    ) {
        self.requestedModel = requestedModel
        self.requestedProvider = requestedProvider
        self.usedModel = usedModel
        self.usedProvider = usedProvider
        self.underlyingUsedModel = underlyingUsedModel
        self.requestID = requestID
        self.outputLimit = outputLimit
        self.estimated = estimated
    }

    var json: JSONValue {
        let text = { (value: String?) -> JSONValue in value.map { .string($0) } ?? .null }
        return .members([
            ("requested_model", text(requestedModel)), ("requested_provider", text(requestedProvider)),
            ("used_model", text(usedModel)), ("used_provider", text(usedProvider)),
            ("underlying_used_model", text(underlyingUsedModel)), ("request_id", requestID.map { .string($0) }),
            (
                "added_parameters",
                outputLimit.map { limit in .members([(limit.field.rawValue, .integer(limit.tokens))]) }
            ),
            ("estimated", estimated ? .bool(true) : nil),
        ])
    }
}

/// What the gateway adds to an answer.
public struct ResponseAdditions: Sendable {
    /// Goes into `metadata`.
    public var metadata: GatewayMetadata?
    /// Goes into `usage.cost` and `usage.cost_details`, in US dollars as exact decimal numbers.
    public var bill: Bill?
    /// Goes into `usage` where the provider reported none.
    public var estimatedUsage: TokenUsage?

    /// The given additions.
    public init(metadata: GatewayMetadata? = nil, bill: Bill? = nil, estimatedUsage: TokenUsage? = nil) {
        self.metadata = metadata
        self.bill = bill
        self.estimatedUsage = estimatedUsage
    }

    /// The members of `usage` that say the cost.
    var costMembers: [(String, JSONValue?)] {
        guard let bill else { return [] }
        let sum = { (components: [String]) in
            JSONValue.number(
                NanoDollars(bill.lines.reduce(0) { components.contains($1.component) ? $0 + $1.amount.rawValue : $0 }).decimal)
        }
        let details: [(String, JSONValue?)] = [
            ("total_cost", .number(bill.total.decimal)), ("input_cost", sum(["input"])),
            ("output_cost", sum(["output", "reasoning"])), ("cached_input_cost", sum(["cached_input"])),
            ("cache_write_input_cost", sum(["cache_write"])), ("request_cost", sum(["request"])),
            ("image_input_cost", sum(["image"])),
        ]
        return [("cost", .number(bill.total.decimal)), ("cost_details", .members(details))]
    }

    /// A whole `usage` object for an answer without one.
    func usage(_ usage: TokenUsage) -> JSONValue {
        .members(
            [
                ("prompt_tokens", .integer(usage.promptTokens)), ("completion_tokens", .integer(usage.completionTokens)),
                ("total_tokens", .integer(usage.promptTokens + usage.completionTokens)),
                ("prompt_tokens_details", .members([("cached_tokens", .integer(usage.cachedTokens))])),
                ("completion_tokens_details", .members([("reasoning_tokens", .integer(usage.reasoningTokens))])),
            ] + costMembers)
    }
}
