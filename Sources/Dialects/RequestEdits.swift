public import Catalogue
internal import JSON
public import NIOCore

/// Where a scanned body can be changed without touching the rest.
struct EditPoints: Sendable, Hashable {
    enum StreamOptions: Hashable {
        case absent
        case null(Range<Int>)
        /// With its braces.
        case object(Range<Int>, isEmpty: Bool)
    }

    /// Just inside the top-level object, which has at least one member.
    var start = 0
    /// Empty where the body names none.
    var model = 0..<0
    var maximumTokensNull: Range<Int>?
    /// The name `max_tokens` as it was written, without its quotes.
    var maximumTokensName: Range<Int>?
    /// The name `max_completion_tokens` as it was written, without its quotes.
    var maximumCompletionTokensName: Range<Int>?
    var maximumCompletionTokensNull: Range<Int>?
    var streamOptions = StreamOptions.absent
    var includeUsage: Range<Int>?
    /// The members that no provider gets, in order.
    var own: [Range<Int>] = []
    /// The member `reasoning_effort` where it asks for none.
    var effort: Range<Int>?
    /// The value of `reasoning_effort` where it is `xhigh`.
    var mostEffort: Range<Int>?
    /// The member `temperature` where it is not 1.
    var temperature: Range<Int>?
    /// What earlier answers have beyond OpenAI's format, in order.
    var returned: [ReturnedMember] = []
    /// Behind the name of each `reasoning` of an earlier answer whose `reasoning_content` says nothing, and what the name of that
    /// one has beyond it, if it is there.
    var reasoningPlaces: [Range<Int>] = []

    func name(of field: OutputLimitField) -> Range<Int>? {
        field == .maximumTokens ? maximumTokensName : maximumCompletionTokensName
    }
}

/// What the gateway may change in a request: the model's name, and what it must add to be able to charge.
public struct RequestEdits: Sendable, Hashable {
    /// The provider's name for the model; nil leaves the client's.
    public var model: String?
    /// A bound on the completion, in the field that the provider reads. Only for a request without a bound of its own.
    public var outputLimit: OutputLimit?
    /// Asks for usage at the end of a stream.
    public var includeUsage: Bool
    /// Takes away what stands in `stream_options`, for a provider that refuses it and tells the usage of every stream.
    public var clearStreamOptions: Bool
    /// The field that the provider reads a bound in: one that stands in the other alone moves there, because a provider that
    /// doesn't read it would produce more than is held. nil leaves it where it is.
    public var limitField: OutputLimitField?
    /// An effort for a request that names none; it must need no escapes.
    public var effort: String?
    /// Takes away a `reasoning_effort` that asks for none, for a model that has none anyway.
    public var dropsNoEffort: Bool
    /// Makes a `reasoning_effort` of `xhigh` one of `high`, for a model that has no higher one.
    public var lowersEffort: Bool
    /// Takes away a `temperature` other than 1, for a model that has no other.
    public var dropsTemperature: Bool
    /// What the provider takes back of earlier answers; what else they have is taken out.
    public var returnedMembers: ReturnedMembers
    /// What the provider calls what was thought.
    public var reasoningField: ReasoningField

    /// A bound and its field.
    public struct OutputLimit: Sendable, Hashable {
        /// The field that is added.
        public let field: OutputLimitField
        /// The most tokens of each choice.
        public let tokens: Int64

        /// `tokens` in `field`.
        public init(field: OutputLimitField, tokens: Int64) {
            self.field = field
            self.tokens = tokens
        }
    }

    /// The given changes.
    public init(
        model: String? = nil, outputLimit: OutputLimit? = nil, includeUsage: Bool = false, clearStreamOptions: Bool = false,
        limitField: OutputLimitField? = nil, effort: String? = nil, dropsNoEffort: Bool = false,
        lowersEffort: Bool = false, dropsTemperature: Bool = false, returnedMembers: ReturnedMembers = .all,
        reasoningField: ReasoningField = .reasoning
    ) {
        self.reasoningField = reasoningField
        self.dropsNoEffort = dropsNoEffort
        self.lowersEffort = lowersEffort
        self.dropsTemperature = dropsTemperature
        self.returnedMembers = returnedMembers
        self.effort = effort
        self.limitField = limitField
        self.model = model
        self.outputLimit = outputLimit
        self.includeUsage = includeUsage
        self.clearStreamOptions = clearStreamOptions
    }
}

extension ChatRequestScan {
    /// The scanned body with `edits`; every byte that they don't name stays as it is. `body` must be what was scanned.
    public func applying(_ edits: RequestEdits, to body: [UInt8]) -> [UInt8] { applying(edits, to: body.span.bytes) }

    /// The scanned body with `edits`; every byte that they don't name stays as it is. `body` must be what was scanned.
    public func applying(_ edits: RequestEdits, to body: ByteBuffer) -> [UInt8] { applying(edits, to: body.readableBytesSpan) }

    private func applying(_ wanted: RequestEdits, to body: RawSpan) -> [UInt8] {
        var splices: [Splice] = []
        var added: [UInt8] = []
        if edits.model.isEmpty {
            added += "\"model\":".utf8
            added.appendJSON(string: wanted.model ?? model)
            added += ",".utf8
        } else if let model = wanted.model {
            var value: [UInt8] = []
            value.appendJSON(string: model)
            splices.append(Splice(edits.model, value))
        }
        if let field = wanted.limitField { splices += moving(boundTo: field) }
        if let limit = wanted.outputLimit {
            let value = Array(String(limit.tokens).utf8)
            let null = limit.field == .maximumTokens ? edits.maximumTokensNull : edits.maximumCompletionTokensNull
            if let null {
                splices.append(Splice(null, value))
            } else {
                added += "\"\(limit.field.rawValue)\":".utf8 + value + ",".utf8
            }
        }
        if wanted.clearStreamOptions {
            if case .object(let range, false) = edits.streamOptions { splices.append(Splice(range, Array("{}".utf8))) }
        } else if wanted.includeUsage, !includeUsage {
            let option = "\"include_usage\":true"
            switch (edits.streamOptions, edits.includeUsage) {
            case (_, let flag?): splices.append(Splice(flag, Array("true".utf8)))
            case (.absent, _): added += "\"stream_options\":{\(option)},".utf8
            case (.null(let range), _): splices.append(Splice(range, Array("{\(option)}".utf8)))
            case (.object(let range, let isEmpty), _):
                let inside = range.lowerBound + 1
                splices.append(Splice(inside..<inside, Array((isEmpty ? option : option + ",").utf8)))
            }
        }
        if let effort = wanted.effort, !hasReasoningEffort, !wantsNoReasoning {
            added += "\"reasoning_effort\":\"\(effort)\",".utf8
        }
        if wanted.lowersEffort, let most = edits.mostEffort { splices.append(Splice(most, Array("\"high\"".utf8))) }
        if !added.isEmpty { splices.append(Splice(edits.start..<edits.start, added)) }
        if wanted.reasoningField == .reasoningContent, wanted.returnedMembers == .all {
            for place in edits.reasoningPlaces { splices.append(Splice(place, ReasoningName.renaming(place))) }
        }
        // After what is added, which may stand at the same place.
        splices += Splice.removing(removed(wanted), from: body, after: edits.start)
        return Splice.apply(splices, to: body)
    }

    /// The members that are taken out, in order.
    private func removed(_ wanted: RequestEdits) -> [Range<Int>] {
        var members = edits.own
        if wanted.dropsNoEffort, let effort = edits.effort { members.append(effort) }
        if wanted.dropsTemperature, let temperature = edits.temperature { members.append(temperature) }
        for member in edits.returned where !member.isKept(by: wanted.returnedMembers) { members.append(member.range) }
        return members.sorted { $0.lowerBound < $1.lowerBound }
    }

    /// Gives a bound that stands in one field alone the name of `field`; where that one is there with null, the names change
    /// places.
    private func moving(boundTo field: OutputLimitField) -> [Splice] {
        let isThere = field == .maximumTokens ? maximumTokens != nil : maximumCompletionTokens != nil
        guard !isThere, outputLimit != nil else { return [] }
        let other: OutputLimitField = field == .maximumTokens ? .maximumCompletionTokens : .maximumTokens
        return [(edits.name(of: other), field), (edits.name(of: field), other)].compactMap { name, field in
            name.map { Splice($0, Array(field.rawValue.utf8)) }
        }
    }
}
