public import Catalogue
internal import JSON
internal import Money

internal import struct FoundationEssentials.Data

/// A request for embeddings as Google wants it: of AI Studio a batch (https://ai.google.dev/api/embeddings), of Vertex AI a
/// prediction (https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api).
///
/// Texts and `dimensions` go over, and `encoding_format` is done here. Tokens can't be expressed; `user` has no meaning there.
public struct GeminiEmbeddings: ForeignRequest {
    private let model: String
    private let texts: [String]
    private let dimensions: JSONValue?
    private let isBase64: Bool
    private let isVertex: Bool
    public let addedPromptTokens: Int64 = 0

    /// Translates a request that ``ChatRequestScan`` has let pass.
    ///
    /// - Throws: 400 naming the field that can't be expressed.
    public init(_ body: [UInt8], isVertex: Bool) throws(APIError) {
        let request: JSONValue
        do { request = try JSONValue(request: body) } catch { throw .invalid(nil, "the body is not valid JSON: \(error)") }
        self.isVertex = isVertex
        model = request["model"]?.text ?? ""
        var fields = ChatFields(request, provider: "Google")
        switch try fields.take("input") {
        case .string(let text)?: texts = [text]
        case .array(let elements)? where elements.allSatisfy({ $0.text != nil }): texts = elements.compactMap(\.text)
        default: throw .invalid("input", "\"input\" must be texts for Google, which takes no tokens")
        }
        dimensions = try fields.take("dimensions")
        guard dimensions.map({ ($0.int64 ?? 0) > 0 }) ?? true else {
            throw .invalid("dimensions", "\"dimensions\" must be an integer above 0")
        }
        let encoding = try fields.text("encoding_format") ?? "float"
        guard encoding == "float" || encoding == "base64" else {
            throw .invalid("encoding_format", "\"encoding_format\" must be float or base64")
        }
        isBase64 = encoding == "base64"
        _ = try fields.take("user")
        try fields.end()
    }

    public func path(model: String, at account: Provider.Account) -> String {
        GeminiRequest.path(isVertex ? "predict" : "batchEmbedContents", of: model, at: account, isVertex: isVertex)
    }

    public func headers(of call: ProviderCall) -> [(String, String)] { GeminiRequest.headers(of: call) }

    public func body(model: String, maximumTokens: Int64) throws(APIError) -> [UInt8] {
        let value: JSONValue =
            if isVertex {
                .members([
                    ("instances", .array(texts.map { .members([("content", .string($0))]) })),
                    ("parameters", dimensions.map { .members([("outputDimensionality", $0)]) }),
                ])
            } else {
                .members([
                    (
                        "requests",
                        .array(
                            texts.map { text in
                                .members([
                                    ("model", .string("models/" + model)),
                                    ("content", .members([("parts", .array([.members([("text", .string(text))])]))])),
                                    ("outputDimensionality", dimensions),
                                ])
                            })
                    )
                ])
            }
        return value.bytes
    }

    public func answer(id: String, created: Int64) -> any ForeignAnswer {
        GeminiEmbeddingsAnswer(model: model, count: texts.count, isBase64: isBase64)
    }
}

/// Reads the vectors that Google answers with. They come whole, never as a stream.
struct GeminiEmbeddingsAnswer: WholeAnswer {
    /// As the client named it: Google does not say.
    let model: String
    let count: Int
    let isBase64: Bool

    func completion(of answer: JSONValue) throws(ChatResponseError) -> [UInt8] {
        let predictions = answer["predictions"]?.elements?.map { $0["embeddings"] ?? .null }
        guard let embeddings = predictions ?? answer["embeddings"]?.elements, embeddings.count == count else {
            throw ChatResponseError(message: "the answer has not one vector for each text")
        }
        var data: [JSONValue] = []
        for (index, embedding) in embeddings.enumerated() {
            data.append(
                .members([
                    ("object", .string("embedding")), ("index", .integer(index)), ("embedding", try vector(embedding["values"])),
                ]))
        }
        // Vertex AI counts each text apart; what nobody counts is estimated.
        let counts = embeddings.compactMap { $0["statistics"]?["token_count"]?.int64 }
        let sum = counts.reduce(Int64(0)) { $0.addingReportingOverflow(max(0, $1)).partialValue }
        let tokens = answer["usageMetadata"]?["promptTokenCount"]?.int64 ?? (counts.count == count ? sum : nil)
        let usage = tokens.map { JSONValue.members([("prompt_tokens", .integer($0)), ("total_tokens", .integer($0))]) }
        return JSONValue.members([
            ("object", .string("list")), ("data", .array(data)), ("model", .string(model)), ("usage", usage),
        ]).bytes
    }

    /// Numbers as they came, or their bits as OpenAI writes them: 32 bits each, the lowest byte first, in Base64.
    private func vector(_ values: JSONValue?) throws(ChatResponseError) -> JSONValue {
        guard let numbers = values?.elements, !numbers.isEmpty else {
            throw ChatResponseError(message: "a vector has no numbers")
        }
        var bits: [UInt8] = []
        for number in numbers {
            guard case .number(let text) = number, let value = Float(text) else {
                throw ChatResponseError(message: "a vector has something else than numbers")
            }
            guard isBase64 else { continue }
            withUnsafeBytes(of: value.bitPattern.littleEndian) { bits += $0 }
        }
        return isBase64 ? .string(Data(bits).base64EncodedString()) : .array(numbers)
    }

    func refusal(status: Int, body: [UInt8]) -> APIError { .gemini(status: status, try? JSONValue(body)) }
}
