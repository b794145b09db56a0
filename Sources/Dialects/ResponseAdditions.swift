internal import Catalogue
internal import JSON
public import Money

/// What the gateway tells the client in `metadata`.
///
/// Every value is a string, as OpenAI's `metadata` has them: clients that check what they get refuse any other. What has parts is
/// the text of a JSON object.
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
    /// What the gateway told the model beside the client's own words, if it did.
    public var instruction: String?
    /// Whether the client asked for a temperature that the model does not have.
    public var hasFixedTemperature = false
    /// Whether the usage was estimated because the provider reported none.
    public var estimated = false
    /// Whether the answer is one that was given before.
    public var cached = false
    /// Why it went where it was tried first, as a JSON object; nil where there was no choice.
    public var routing: [UInt8]?

    /// What every answer has.
    public init(
        requestedModel: String, requestedProvider: String?, usedModel: String, usedProvider: String, underlyingUsedModel: String,
        requestID: String? = nil, outputLimit: RequestEdits.OutputLimit? = nil, instruction: String? = nil,
        hasFixedTemperature: Bool = false, estimated: Bool = false, cached: Bool = false, routing: [UInt8]? = nil
    ) {
        self.requestedModel = requestedModel
        self.requestedProvider = requestedProvider
        self.usedModel = usedModel
        self.usedProvider = usedProvider
        self.underlyingUsedModel = underlyingUsedModel
        self.requestID = requestID
        self.outputLimit = outputLimit
        self.instruction = instruction
        self.hasFixedTemperature = hasFixedTemperature
        self.estimated = estimated
        self.cached = cached
        self.routing = routing
    }

    /// Appends the object. It is written by hand because every answer has one.
    func write(into bytes: inout [UInt8]) {
        bytes.append(contentsOf: "{\"requested_model\":".utf8)
        bytes.appendJSON(string: requestedModel)
        if let requestedProvider {
            bytes.append(contentsOf: ",\"requested_provider\":".utf8)
            bytes.appendJSON(string: requestedProvider)
        }
        bytes.append(contentsOf: ",\"used_model\":".utf8)
        bytes.appendJSON(string: usedModel)
        bytes.append(contentsOf: ",\"used_provider\":".utf8)
        bytes.appendJSON(string: usedProvider)
        bytes.append(contentsOf: ",\"underlying_used_model\":".utf8)
        bytes.appendJSON(string: underlyingUsedModel)
        if let requestID {
            bytes.append(contentsOf: ",\"request_id\":".utf8)
            bytes.appendJSON(string: requestID)
        }
        if let instruction {
            let limit = outputLimit.map { [JSONValue.Member($0.field.rawValue, .integer($0.tokens))] } ?? []
            let added = JSONValue.object(limit + [.init("system", .string(instruction))])
            bytes.append(contentsOf: ",\"added_parameters\":".utf8)
            bytes.appendJSON(string: String(decoding: added.bytes, as: UTF8.self))
        } else if let outputLimit {
            bytes.append(contentsOf: ",\"added_parameters\":".utf8)
            bytes.appendJSON(string: "{\"\(outputLimit.field.rawValue)\":\(outputLimit.tokens)}")
        }
        if hasFixedTemperature { bytes.append(contentsOf: #","changed_parameters":"{\"temperature\":1}""#.utf8) }
        if cached { bytes.append(contentsOf: ",\"cached\":\"true\"".utf8) }
        if estimated { bytes.append(contentsOf: ",\"estimated\":\"true\"".utf8) }
        if let routing {
            bytes.append(contentsOf: ",\"routing\":".utf8)
            bytes.appendJSON(string: String(decoding: routing, as: UTF8.self))
        }
        bytes.append(UInt8(ascii: "}"))
    }

    /// The object with what a provider's own says beside, but for the names that are the gateway's.
    func joined(with theirs: JSONValue?) -> JSONValue {
        let ours = json.fields ?? []
        let names = Set(ours.map(\.name))
        return .object(ours + (theirs?.fields ?? []).filter { !names.contains($0.name) })
    }

    /// The object as a tree, for the rare places that need one.
    var json: JSONValue {
        var bytes: [UInt8] = []
        write(into: &bytes)
        return (try? JSONValue(bytes)) ?? .object([])
    }
}

/// What the gateway adds to an answer.
public struct ResponseAdditions: Sendable {
    /// Goes into `metadata`.
    public var metadata: GatewayMetadata?
    /// Goes into `usage.cost_details`, in US dollars as exact decimal numbers.
    public var bill: Bill?
    /// Goes into `usage.cost`: what was charged of the bill, which is all of it where this is nil.
    public var charged: NanoDollars?
    /// Goes into `usage` where the provider reported none.
    public var estimatedUsage: TokenUsage?

    /// The given additions.
    public init(
        metadata: GatewayMetadata? = nil, bill: Bill? = nil, charged: NanoDollars? = nil, estimatedUsage: TokenUsage? = nil
    ) {
        self.metadata = metadata
        self.bill = bill
        self.charged = charged
        self.estimatedUsage = estimatedUsage
    }

    /// Appends the value of `usage.cost_details`, by hand as well.
    static func write(details bill: Bill, into bytes: inout [UInt8]) {
        let amount = { (first: String, second: String) in
            NanoDollars(
                bill.lines.reduce(0) { $1.component == first || $1.component == second ? $0 + $1.amount.rawValue : $0 }
            ).decimal
        }
        bytes.append(contentsOf: "{\"total_cost\":".utf8)
        bytes.append(contentsOf: bill.total.decimal.utf8)
        bytes.append(contentsOf: ",\"input_cost\":".utf8)
        bytes.append(contentsOf: amount("input", "input").utf8)
        bytes.append(contentsOf: ",\"output_cost\":".utf8)
        bytes.append(contentsOf: amount("output", "reasoning").utf8)
        bytes.append(contentsOf: ",\"cached_input_cost\":".utf8)
        bytes.append(contentsOf: amount("cached_input", "cached_input").utf8)
        bytes.append(contentsOf: ",\"cache_write_input_cost\":".utf8)
        bytes.append(contentsOf: amount("cache_write", "cache_write").utf8)
        bytes.append(contentsOf: ",\"request_cost\":".utf8)
        bytes.append(contentsOf: amount("request", "request").utf8)
        bytes.append(contentsOf: ",\"image_input_cost\":".utf8)
        bytes.append(contentsOf: amount("image", "image_input").utf8)
        bytes.append(contentsOf: ",\"image_output_cost\":".utf8)
        bytes.append(contentsOf: amount("image_output", "generated_image").utf8)
        bytes.append(UInt8(ascii: "}"))
    }

    /// `cost` and `cost_details`, for a usage of another format than chat completions; nothing where there is no bill.
    var costs: [JSONValue.Member] {
        guard let bill else { return [] }
        var details: [UInt8] = []
        Self.write(details: bill, into: &details)
        return [
            .init("cost", .number((charged ?? bill.total).decimal)),
            .init("cost_details", (try? JSONValue(details)) ?? .object([])),
        ]
    }

    /// The members of such a usage with what it costs, in the place of what the provider says of that.
    func priced(_ usage: [JSONValue.Member]) -> [JSONValue.Member] {
        let costs = costs
        return costs.isEmpty ? usage : usage.filter { !Self.isCost($0) } + costs
    }

    static func isCost(_ member: JSONValue.Member) -> Bool { member.name.hasPrefix("cost") }

    /// A whole `usage` object for an answer without one.
    func usage(_ usage: TokenUsage) -> [UInt8] {
        var bytes = Array("{".utf8)
        if let bill {
            bytes.append(contentsOf: "\"cost\":\((charged ?? bill.total).decimal),\"cost_details\":".utf8)
            Self.write(details: bill, into: &bytes)
            bytes.append(UInt8(ascii: ","))
        }
        let counts =
            "\"prompt_tokens\":\(usage.promptTokens),\"completion_tokens\":\(usage.completionTokens),"
            + "\"total_tokens\":\(usage.promptTokens + usage.completionTokens),"
            + "\"prompt_tokens_details\":{\"cached_tokens\":\(usage.cachedTokens)},"
            + "\"completion_tokens_details\":{\"reasoning_tokens\":\(usage.reasoningTokens)}}"
        bytes.append(contentsOf: counts.utf8)
        return bytes
    }
}
