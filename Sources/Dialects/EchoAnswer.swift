internal import JSON

/// What the built-in provider answers: one choice, which all choices are alike.
///
/// One of its tokens is a run of whole characters of at most four bytes, and each is a delta of a stream. A tool call is one
/// token more for its name.
struct EchoAnswer {
    /// A tool call in pieces of one token.
    struct Call {
        let id: String
        let name: String
        let isCustom: Bool
        let pieces: [Substring]

        var arguments: String { pieces.joined() }
    }

    let content: [Substring]?
    let calls: [Call]
    let finishReason: String
    let tokens: Int64

    init(_ request: EchoRequest) throws(APIError) {
        var left = request.limit ?? .max
        var isCut = false
        if request.calls.isEmpty {
            let pieces = Self.pieces(Self.beforeStop(try Self.text(request), request.stop))
            content = Array(pieces.prefix(Int(clamping: left)))
            isCut = Int64(pieces.count) > left
            tokens = Int64(content?.count ?? 0)
            calls = []
            finishReason = isCut ? "length" : "stop"
            return
        }
        var calls: [Call] = []
        for (index, tool) in request.calls.enumerated() where left > 0 {
            let arguments = tool.isCustom ? request.text : try Self.arguments(tool)
            let pieces = Self.pieces(arguments)
            let kept = Array(pieces.prefix(Int(clamping: left - 1)))
            isCut = kept.count < pieces.count
            left -= Int64(kept.count) + 1
            calls.append(Call(id: "call_echo\(index + 1)", name: tool.name, isCustom: tool.isCustom, pieces: kept))
        }
        content = nil
        self.calls = calls
        tokens = calls.reduce(0) { $0 + Int64($1.pieces.count) + 1 }
        finishReason = isCut || calls.count < request.calls.count ? "length" : "tool_calls"
    }

    private static func arguments(_ tool: EchoRequest.Tool) throws(APIError) -> String {
        guard let parameters = tool.parameters, parameters != .null else { return "{}" }
        return String(decoding: try SchemaInstance.make(parameters, field: "tools").bytes, as: UTF8.self)
    }

    private static func text(_ request: EchoRequest) throws(APIError) -> String {
        switch request.format {
        case .text:
            let images = request.images == 0 ? "" : "[\(request.images) image\(request.images == 1 ? "" : "s")]"
            return request.text.isEmpty || images.isEmpty ? request.text + images : "\(request.text)\n\(images)"
        case .jsonObject:
            let value = JSONValue.members([
                ("echo", .string(request.text)), ("images", request.images == 0 ? nil : .integer(request.images)),
            ])
            return String(decoding: value.bytes, as: UTF8.self)
        case .jsonSchema(let schema):
            let value = try SchemaInstance.make(schema, field: "response_format.json_schema.schema")
            return String(decoding: value.bytes, as: UTF8.self)
        }
    }

    /// `text` up to the first place where one of `stop` begins.
    private static func beforeStop(_ text: String, _ stop: [String]) -> String {
        let bytes = Array(text.utf8)
        var end = bytes.count
        for word in stop { end = min(end, bytes.firstPlace(of: Array(word.utf8), from: 0) ?? end) }
        return String(decoding: bytes[..<end], as: UTF8.self)
    }

    /// `text` in runs of whole Unicode scalars of at most four bytes.
    private static func pieces(_ text: String) -> [Substring] {
        var pieces: [Substring] = []
        let scalars = text.unicodeScalars
        var start = scalars.startIndex
        var length = 0
        var index = start
        while index < scalars.endIndex {
            let width = UTF8.width(scalars[index])
            if length + width > 4 {
                pieces.append(text[start..<index])
                (start, length) = (index, 0)
            }
            length += width
            scalars.formIndex(after: &index)
        }
        if start < index { pieces.append(text[start..<index]) }
        return pieces
    }
}

extension EchoAnswer {
    /// A tool call as a message or a delta shows it; `arguments` nil leaves out what is said in a later delta.
    static func call(_ call: Call, index: Int?, arguments: String) -> JSONValue {
        let body: [(String, JSONValue?)] = [
            ("name", .string(call.name)), (call.isCustom ? "input" : "arguments", .string(arguments)),
        ]
        return .members([
            ("index", index.map { .integer($0) }), ("id", .string(call.id)),
            ("type", .string(call.isCustom ? "custom" : "function")), (call.isCustom ? "custom" : "function", .members(body)),
        ])
    }

    /// More of a tool call's arguments.
    static func more(_ call: Call, index: Int, _ arguments: Substring) -> JSONValue {
        .members([
            ("index", .integer(index)),
            (
                call.isCustom ? "custom" : "function",
                .members([(call.isCustom ? "input" : "arguments", .string(String(arguments)))])
            ),
        ])
    }

    func usage(_ request: EchoRequest) -> JSONValue {
        let completion = tokens * request.choices
        return .members([
            ("prompt_tokens", .integer(request.promptTokens)), ("completion_tokens", .integer(completion)),
            ("total_tokens", .integer(request.promptTokens + completion)),
            ("prompt_tokens_details", .members([("cached_tokens", .integer(0))])),
            ("completion_tokens_details", .members([("reasoning_tokens", .integer(0))])),
        ])
    }

    /// The whole answer to a request that does not stream.
    func body(_ request: EchoRequest, id: String, created: Int64) -> [UInt8] {
        let calls = calls.map { Self.call($0, index: nil, arguments: $0.arguments) }
        let message: [(String, JSONValue?)] = [
            ("role", .string("assistant")), ("content", content.map { .string($0.joined()) } ?? .null), ("refusal", .null),
            ("tool_calls", calls.isEmpty ? nil : .array(calls)),
        ]
        let choices = (0..<request.choices).map { index in
            JSONValue.members([
                ("index", .integer(index)), ("message", .members(message)), ("logprobs", .null),
                ("finish_reason", .string(finishReason)),
            ])
        }
        return JSONValue.members([
            ("id", .string(id)), ("object", .string("chat.completion")), ("created", .integer(created)),
            ("model", .string(request.model)), ("choices", .array(choices)), ("usage", usage(request)),
        ]).bytes
    }
}
