internal import Catalogue
internal import JSON

/// Who serves Anthropic's Messages: what differs is how the model is named, which version is meant, and who may ask.
enum MessagesPlace {
    /// Anthropic itself (https://platform.claude.com/docs/en/api/messages).
    case anthropic
    /// Vertex AI, which wants the model in the path, and in its place in the body the version
    /// (https://platform.claude.com/docs/en/build-with-claude/claude-on-vertex-ai).
    case vertex

    private static let version = "vertex-2023-10-16"
    /// All that Vertex AI knows of what may go on: it refuses a request that names another, as `effort-2025-11-24` or
    /// `structured-outputs-2025-11-13` ("Unexpected value(s) … for the `anthropic-beta` header",
    /// https://github.com/vercel/ai/issues/10981), while what they stand for needs no naming any more.
    private static let vertexBetas: Set<String> = ["context-management-2025-06-27", "interleaved-thinking-2025-05-14"]

    func path(model: String, isStreamed: Bool, at account: Provider.Account) -> String {
        switch self {
        case .anthropic: "/v1/messages"
        case .vertex:
            VertexPlace.path(isStreamed ? "streamRawPredict" : "rawPredict", of: model, by: "anthropic", at: account)
        }
    }

    func headers(of call: ProviderCall) -> [(String, String)] {
        switch self {
        case .anthropic: [("x-api-key", call.account.apiKey), ("anthropic-version", "2023-06-01")]
        case .vertex: [("authorization", "Bearer \(call.account.apiKey)")]
        }
    }

    /// Whether it may be told of `beta`.
    func takes(beta: String) -> Bool {
        switch self {
        case .anthropic: true
        case .vertex: Self.vertexBetas.contains(beta)
        }
    }

    /// The member of the body that says the model, or stands in its place.
    func member(model: String) -> JSONValue.Member {
        switch self {
        case .anthropic: .init("model", .string(model))
        case .vertex: .init("anthropic_version", .string(Self.version))
        }
    }

    /// What makes that member of the client's own.
    ///
    /// - Parameter value: where the model's name stands in `body`, with its quotes.
    func splice(model: String, inPlaceOf value: Range<Int>, of body: [UInt8]) -> Splice {
        var bytes: [UInt8] = []
        switch self {
        case .anthropic:
            bytes.appendJSON(string: model)
            return Splice(value, bytes)
        case .vertex:
            // A member whose name is escaped was refused: it is what stands between the two quotes before.
            let quote = UInt8(ascii: "\"")
            let end = body[..<value.lowerBound].lastIndex(of: quote) ?? value.lowerBound
            let start = body[..<end].lastIndex(of: quote) ?? end
            bytes.append(contentsOf: #""anthropic_version":"\#(Self.version)""#.utf8)
            return Splice(start..<value.upperBound, bytes)
        }
    }
}
