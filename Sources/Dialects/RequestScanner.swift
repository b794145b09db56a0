internal import Catalogue
internal import JSON

extension ChatRequestScan {
    /// Scans a body that lies anywhere in memory.
    init(_ text: RawSpan, of kind: ModelKind = .chat) throws(APIError) {
        var scanner = RequestScanner(kind: kind)
        do throws(ScanFailure) {
            try scanner.scan(text)
        } catch {
            throw scanner.describe(error, text)
        }
        self = scanner.scan
    }
}

/// Why a scan stops: the text is no JSON that passes, or a field says what it may not.
enum ScanFailure: Error {
    case json(JSONError)
    case field(APIError)
}

/// The pass over a body: the fields of the top level here, messages and definitions in extensions.
struct RequestScanner {
    enum Field: Int, CaseIterable {
        case model, messages, stream, user, tools, functions, modalities, audio, prediction
        case streamOptions, maximumTokens, maximumCompletionTokens, choices, responseFormat, parallelToolCalls, reasoningEffort
        case serviceTier, webSearchOptions, bestOf, routing, freeModelsOnly, noReasoning, promptCacheKey, input, prompt
        case enableSearch, searchOptions, searchParameters, webSearch, plugins, deferred, enableThinking
        case temperature

        /// Whether it is the gateway's own, which no provider gets.
        var isOwn: Bool { self == .routing || self == .freeModelsOnly || self == .noReasoning }

        var name: String {
            switch self {
            case .model: "model"
            case .messages: "messages"
            case .stream: "stream"
            case .user: "user"
            case .tools: "tools"
            case .functions: "functions"
            case .modalities: "modalities"
            case .audio: "audio"
            case .prediction: "prediction"
            case .streamOptions: "stream_options"
            case .maximumTokens: "max_tokens"
            case .maximumCompletionTokens: "max_completion_tokens"
            case .choices: "n"
            case .responseFormat: "response_format"
            case .parallelToolCalls: "parallel_tool_calls"
            case .reasoningEffort: "reasoning_effort"
            case .serviceTier: "service_tier"
            case .webSearchOptions: "web_search_options"
            case .bestOf: "best_of"
            case .routing: "routing"
            case .freeModelsOnly: "free_models_only"
            case .noReasoning: "no_reasoning"
            case .promptCacheKey: "prompt_cache_key"
            case .input: "input"
            case .prompt: "prompt"
            case .enableSearch: "enable_search"
            case .searchOptions: "search_options"
            case .searchParameters: "search_parameters"
            case .webSearch: "web_search"
            case .plugins: "plugins"
            case .deferred: "deferred"
            case .enableThinking: "enable_thinking"
            case .temperature: "temperature"
            }
        }
    }

    /// The fields that are read of a kind of request.
    private struct Known: Sendable {
        let fields: [Field]
        let names: FieldNames
        let required: [Field]

        init(_ fields: [Field], required: [Field]) {
            self.fields = fields
            names = FieldNames(fields.map(\.name))
            self.required = required
        }
    }

    private static let chat = Known(
        Field.allCases.filter { $0 != .input && $0 != .prompt }, required: [.model, .messages])
    private static let images = Known([.model, .prompt, .choices, .stream, .user, .routing], required: [.model, .prompt])
    private static let embeddings = Known([.model, .input, .user, .routing], required: [.model, .input])
    private static let moderations = Known([.model, .input, .user, .routing], required: [.input])
    /// What a moderation is asked of that names no model
    /// (https://platform.openai.com/docs/api-reference/moderations/create).
    private static let standardModeration = "omni-moderation-latest"

    let kind: ModelKind

    var scan = ChatRequestScan()
    var cursor = JSONCursor()
    /// The top-level member that is being read, for errors.
    var member: JSONString?
    /// The message that is being read, for errors.
    var message: Int64?
    /// The member of the message that is being read, for errors.
    var messageMember: JSONString?

    mutating func scan(_ text: RawSpan) throws(ScanFailure) {
        var seen = 0
        let known =
            switch kind {
            case .chat: Self.chat
            case .image: Self.images
            case .embedding: Self.embeddings
            case .moderation: Self.moderations
            }
        guard try json({ cursor throws(JSONError) in try cursor.next(text) }) == UInt8(ascii: "{") else {
            // What follows must be JSON all the same: a client is told of the syntax before the shape.
            try json { cursor throws(JSONError) in
                try cursor.skip(text, depth: 0)
                try cursor.end(text)
            }
            throw .field(APIError.invalid(nil, "the body must be a JSON object"))
        }
        let isEmpty = !(try json { cursor throws(JSONError) in try cursor.enter("{", "}", text) })
        scan.edits.start = cursor.offset
        if !isEmpty {
            repeat {
                let name = try json { cursor throws(JSONError) in try cursor.name(text) }
                member = name
                guard let index = try index(known.names, name, text) else {
                    try skip(text, depth: 1)
                    continue
                }
                guard seen & 1 << index == 0 else { throw .field(duplicate(known.fields[index].name)) }
                seen |= 1 << index
                try read(known.fields[index], text)
                switch known.fields[index] {
                case .maximumTokens: scan.edits.maximumTokensName = name.range
                case .maximumCompletionTokens: scan.edits.maximumCompletionTokensName = name.range
                case .reasoningEffort where scan.wantsNoReasoning: scan.edits.effort = memberRange(name)
                case .temperature where scan.wantsTemperature: scan.edits.temperature = memberRange(name)
                case let field where field.isOwn: scan.edits.own.append(memberRange(name))
                default: break
                }
            } while try json({ cursor throws(JSONError) in try cursor.another(UInt8(ascii: "}"), text) })
        }
        member = nil
        try json { cursor throws(JSONError) in try cursor.end(text) }
        for required in known.required
        where !known.fields.indices.contains(where: {
            known.fields[$0] == required && seen & 1 << $0 != 0
        }) {
            throw .field(APIError.invalid(required.name, "\"\(required.name)\" is required"))
        }
        if scan.model.isEmpty { scan.model = Self.standardModeration }
    }

    private mutating func read(_ field: Field, _ text: RawSpan) throws(ScanFailure) {
        let name = field.name
        let first = try json { cursor throws(JSONError) in try cursor.next(text) }
        let start = cursor.offset
        switch field {
        case .model:
            let model = try string(text, name)
            scan.model = model.decoded(text)
            scan.edits.model = start..<cursor.offset
            guard (1...256).contains(model.decodedCount) else {
                throw .field(APIError.invalid(name, "\"model\" must have 1 to 256 bytes"))
            }
        case .messages: try messages(text)
        case .input: try input(text)
        case .prompt:
            scan.textBytes += Int64(try string(text, name).decodedCount)
            scan.messages = 1
        case .stream:
            scan.stream = try flag(text, name)
            guard kind == .chat || !scan.stream else {
                throw .field(APIError.invalid(name, "\"stream\" is not served here: images come whole"))
            }
        case .user:
            if first != UInt8(ascii: "n") { scan.user = try string(text, name).decoded(text) } else { try skip(text, depth: 1) }
        case .tools, .functions: try definitions(text, field)
        case .responseFormat: try responseFormat(text)
        case .streamOptions: try streamOptions(text)
        case .maximumTokens:
            scan.maximumTokens = try integer(text, name, 1...1_000_000_000)
            if scan.maximumTokens == nil { scan.edits.maximumTokensNull = start..<cursor.offset }
        case .maximumCompletionTokens:
            scan.maximumCompletionTokens = try integer(text, name, 1...1_000_000_000)
            if scan.maximumCompletionTokens == nil { scan.edits.maximumCompletionTokensNull = start..<cursor.offset }
        case .choices: scan.choices = try integer(text, name, kind == .image ? 1...10 : 1...128) ?? 1
        case .bestOf:
            guard try integer(text, name, 1...128) ?? 1 == 1 else {
                throw .field(APIError.invalid(name, "\"best_of\" is not served: its completions are not all counted"))
            }
        case .parallelToolCalls: scan.wantsParallelToolCalls = try flag(text, name)
        case .reasoningEffort:
            if first == UInt8(ascii: "n") {
                try skip(text, depth: 1)
            } else {
                let effort = try string(text, name)
                scan.wantsNoReasoning = effort.equals(Self.noEffort, text)
                if effort.equals(Self.mostEffort, text) { scan.edits.mostEffort = start..<cursor.offset }
                scan.hasReasoningEffort = !scan.wantsNoReasoning
            }
        case .prediction:
            try skip(text, depth: 1)
            if first != UInt8(ascii: "n") { scan.predictionBytes = Int64(cursor.offset - start) }
        case .routing:
            if first != UInt8(ascii: "n") {
                scan.routing = try string(text, name).decoded(text)
            } else {
                try skip(text, depth: 1)
            }
        case .freeModelsOnly: scan.freeModelsOnly = try flag(text, name)
        case .noReasoning: scan.noReasoning = try flag(text, name)
        case .enableThinking: scan.wantsThinking = try flag(text, name)
        case .temperature:
            // Whatever it is, the provider says what is wrong with it.
            try skip(text, depth: 1)
            let isOne = first == UInt8(ascii: "1") && (cursor.offset - start == 1 || isPointZero(text, from: start + 1))
            scan.wantsTemperature = !isOne && first != UInt8(ascii: "n")
        case .promptCacheKey:
            // Whatever it is, the provider reads it too; here only a string says something.
            if first == UInt8(ascii: "\"") {
                scan.promptCacheKey = try string(text, name).decoded(text)
            } else {
                try skip(text, depth: 1)
            }
        case .serviceTier, .webSearchOptions, .modalities, .audio, .enableSearch, .searchOptions, .searchParameters, .webSearch,
            .plugins, .deferred:
            try refusals(text, field)
        }
    }

    /// Fields that change what a request costs in ways that no price of the catalogue covers: among them searches, which Alibaba,
    /// xAI, Baidu and others charge one by one, and xAI's `deferred`, whose answer is charged and never seen here.
    private mutating func refusals(_ text: RawSpan, _ field: Field) throws(ScanFailure) {
        let name = field.name
        let first = try json { cursor throws(JSONError) in try cursor.next(text) }
        guard first != UInt8(ascii: "n") else { return try skip(text, depth: 1) }
        switch field {
        case .enableSearch where first == UInt8(ascii: "f"), .webSearch where first == UInt8(ascii: "f"),
            .deferred where first == UInt8(ascii: "f"):
            try skip(text, depth: 1)
        case .serviceTier:
            let tier = try string(text, name)
            guard tier.equals(Array("auto".utf8), text) || tier.equals(Array("default".utf8), text) else {
                throw .field(APIError.invalid(name, "\"service_tier\" must be auto or default: no other tier has a price here"))
            }
        case .modalities:
            let value = try json { cursor throws(JSONError) in try cursor.value(text, depth: 1) }
            let known: Set<JSONValue> = [.string("text"), .string("image")]
            guard let modalities = value.elements, !modalities.isEmpty, modalities.allSatisfy(known.contains) else {
                throw .field(APIError.invalid(name, "\"modalities\" must be of text and image: no other output has a price here"))
            }
            scan.wantsImages = modalities.contains(.string("image"))
        default:
            try skip(text, depth: 1)
            throw .field(APIError.invalid(name, "\"\(name)\" is not served: what it costs has no bound"))
        }
    }

    /// Whether what was read last goes on with `.0` alone.
    private func isPointZero(_ text: RawSpan, from start: Int) -> Bool {
        cursor.offset - start == 2 && text.byte(start) == UInt8(ascii: ".") && text.byte(start + 1) == UInt8(ascii: "0")
    }

    private mutating func streamOptions(_ text: RawSpan) throws(ScanFailure) {
        let start = cursor.offset
        guard text.byte(start) != UInt8(ascii: "n") else {
            try skip(text, depth: 1)
            scan.edits.streamOptions = .null(start..<cursor.offset)
            return
        }
        var isEmpty = true
        try object(text, Self.streamOptionNames, path: "stream_options", depth: 1) { scanner, index, text throws(ScanFailure) in
            isEmpty = false
            guard index == 0 else { return try scanner.skip(text, depth: 2) }
            _ = try scanner.json { cursor throws(JSONError) in try cursor.next(text) }
            let flag = scanner.cursor.offset
            scanner.scan.includeUsage = try scanner.flag(text, "stream_options.include_usage")
            scanner.scan.edits.includeUsage = flag..<scanner.cursor.offset
        }
        scan.edits.streamOptions = .object(start..<cursor.offset, isEmpty: isEmpty)
    }

    private static let streamOptionNames = FieldNames(["include_usage"])
    private static let noEffort = Array("none".utf8)
    private static let mostEffort = Array("xhigh".utf8)
}
