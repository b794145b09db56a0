import Catalogue
import JSON
import TestSupport
import Testing

@testable import Dialects

@Suite struct GeminiEmbeddingsTests {
    private static func request(_ fields: String, isVertex: Bool = false) throws -> GeminiEmbeddings {
        try GeminiEmbeddings(Array("{\"model\":\"m\",\(fields)}".utf8), isVertex: isVertex)
    }

    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    @Test func textsGoOverAsABatchOrAsInstances() throws {
        let account = Provider.Account(baseURL: "https://g.example", apiKey: "k", options: ["project": "p", "region": "r"])
        let batch = try Self.request(#""input":["a","ü"],"dimensions":3,"user":"u","encoding_format":"base64""#)
        #expect(batch.path(model: "e", at: account) == "/v1beta/models/e:batchEmbedContents")
        #expect(
            Self.text(try batch.body(model: "e", maximumTokens: 1))
                == #"{"requests":[{"model":"models/e","content":{"parts":[{"text":"a"}]},"outputDimensionality":3},"#
                + #"{"model":"models/e","content":{"parts":[{"text":"ü"}]},"outputDimensionality":3}]}"#)
        let instances = try Self.request(#""input":"a""#, isVertex: true)
        #expect(
            instances.path(model: "e", at: account) == "/v1/projects/p/locations/r/publishers/google/models/e:predict")
        #expect(Self.text(try instances.body(model: "e", maximumTokens: 1)) == #"{"instances":[{"content":"a"}]}"#)
    }

    @Test(arguments: [
        (#""input":[1,2]"#, "input"), (#""input":[[1]]"#, "input"), (#""input":"a","dimensions":0"#, "dimensions"),
        (#""input":"a","dimensions":"3""#, "dimensions"), (#""input":"a","encoding_format":"int8""#, "encoding_format"),
        (#""input":"a","truncate":true"#, "truncate"),
    ])
    func whatCanNotBeExpressedIsRefused(fields: String, param: String) {
        let error = #expect(throws: APIError.self) { try Self.request(fields) }
        #expect(error?.status == 400 && error?.param == param)
    }

    @Test func vectorsComeAsNumbersOrAsTheirBits() throws {
        let body = Array(#"{"embeddings":[{"values":[0.5,-2]},{"values":[1e-3,7]}],"usageMetadata":{"promptTokenCount":9}}"#.utf8)
        let plain = try Self.request(#""input":["a","b"]"#).answer(id: "", created: 0).completion(body)
        #expect(
            Self.text(plain)
                == #"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5,-2]},"#
                + #"{"object":"embedding","index":1,"embedding":[1e-3,7]}],"model":"m","#
                + #""usage":{"prompt_tokens":9,"total_tokens":9}}"#)
        let bits = try Self.request(#""input":["a","b"],"encoding_format":"base64""#).answer(id: "", created: 0).completion(body)
        // 0.5 is 0x3F000000 and -2 is 0xC0000000, the lowest byte first.
        #expect(try JSONValue(bits)["data"]?.elements?.first?["embedding"] == .string("AAAAPwAAAMA="))
        let predicted =
            Array(
                #"{"predictions":[{"embeddings":{"values":[1],"statistics":{"token_count":4,"truncated":false}}},"#.utf8
            ) + Array(#"{"embeddings":{"values":[2],"statistics":{"token_count":3}}}]}"#.utf8)
        let counted = try Self.request(#""input":["a","b"]"#, isVertex: true).answer(id: "", created: 0).completion(predicted)
        #expect(try JSONValue(counted)["usage"]?["prompt_tokens"]?.int64 == 7)
        let uncounted = Array(#"{"embeddings":[{"values":[1]},{"values":[2]}]}"#.utf8)
        let answer = try Self.request(#""input":["a","b"]"#).answer(id: "", created: 0).completion(uncounted)
        #expect(try InputAnswerScan(answer, of: .embedding).usage == nil)
    }

    @Test(arguments: [
        "{}", "[", #"{"embeddings":[]}"#, #"{"embeddings":[{"values":[1]}]}"#, #"{"embeddings":[{"values":[1]},{"values":[]}]}"#,
        #"{"embeddings":[{"values":[1]},{"values":["x"]}]}"#, #"{"embeddings":[{"values":[1]},{}]}"#,
    ])
    func whatIsNoVectorForEachTextIsMalformed(body: String) throws {
        let reader = try Self.request(#""input":["a","b"]"#).answer(id: "", created: 0)
        #expect(throws: ChatResponseError.self) { try reader.completion(Array(body.utf8)) }
    }

    @Test func randomBytesAreRefusedOrRead() throws {
        let seed = TestEnvironment.seed("vectors of Google that were damaged")
        var random = SeededGenerator(seed: seed)
        let whole = Array(
            #"{"embeddings":[{"values":[0.5,-2]},{"values":[1e-3,7]}],"usageMetadata":{"promptTokenCount":9}}"#.utf8)
        for _ in 0..<2_000 {
            var body = whole
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                body[Int.random(in: body.indices, using: &random)] = UInt8.random(in: .min ... .max, using: &random)
            }
            let reader = try Self.request(#""input":["a","b"],"encoding_format":"base64""#).answer(id: "", created: 0)
            guard let answer = try? reader.completion(body) else { continue }
            #expect(throws: Never.self) { try InputAnswerScan(answer, of: .embedding) }
        }
    }
}
