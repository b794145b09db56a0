import Catalogue
import Foundation
import JSON
import TestSupport
import Testing

@testable import Dialects

/// JSON without a schema, where the provider has no such mode: the model is told, and so is the client.
@Suite struct JSONModeTests {
    private static let object = #","response_format":{"type":"json_object"}"#

    private func chat(_ fields: String) throws -> JSONValue {
        let messages = #"[{"role":"system","content":"Be brief."},{"role":"user","content":"x"}]"#
        return try JSONValue(Array(#"{"model":"m","messages":\#(messages)\#(fields)}"#.utf8))
    }

    private func requests(_ fields: String) throws -> [any ForeignRequest] {
        [
            try MessagesRequest(try chat(fields), thinks: .budget, outputLimit: nil),
            try BedrockRequest(try chat(fields), BedrockModel(name: "anthropic.claude"), outputLimit: nil),
            try BedrockRequest(try chat(fields), BedrockModel(name: "xai.grok"), outputLimit: nil),
        ]
    }

    @Test func theModelIsToldBehindAllElse() throws {
        for (asked, plain) in zip(try requests(Self.object), try requests("")) {
            let instruction = try #require(asked.instruction)
            #expect(instruction.contains("JSON") && plain.instruction == nil)
            #expect(asked.addedPromptTokens == plain.addedPromptTokens + Int64(instruction.utf8.count))
            let body = try JSONValue(try asked.body(model: "m", maximumTokens: 9))
            #expect(body["system"]?.elements?.compactMap { $0["text"]?.text } == ["Be brief.", instruction])
            #expect(body["output_config"] == nil && body["outputConfig"] == nil)
        }
        for request in try requests(#","response_format":{"type":"text"}"#) { #expect(request.instruction == nil) }
    }

    @Test func theClientIsTold() throws {
        var metadata = GatewayMetadata(
            requestedModel: "m", requestedProvider: nil, usedModel: "m", usedProvider: "p", underlyingUsedModel: "u",
            instruction: #"Say "{}"."#)
        func added() throws -> String? {
            let text = try #require(metadata.json["added_parameters"]?.text)
            return try JSONValue(Array(text.utf8)).string
        }
        #expect(try added() == #"{"system":"Say \"{}\"."}"#)
        metadata.outputLimit = RequestEdits.OutputLimit(field: .maximumTokens, tokens: 7)
        #expect(try added() == #"{"max_tokens":7,"system":"Say \"{}\"."}"#)
        metadata.instruction = nil
        #expect(try added() == #"{"max_tokens":7}"#)
    }

    /// Of the models that come with the gateway those that its table of models says it of.
    @Test(arguments: [
        ("claude-haiku-4-5", 3), ("claude-haiku-4-5-free", 1), ("claude-haiku-4-5-20251001", 2), ("grok-4-3", 2), ("grok-4-6", 3),
    ])
    func theCatalogueSaysWhoHasIt(_ model: String, _ count: Int) throws {
        let files = try Catalogue.paths(folder: TestEnvironment.root + "/Sources/Catalogue/Data", environment: [:])
        let mappings = try #require(try Catalogue.load(files: files, environment: [:]).model(model)?.mappings)
        #expect(mappings.filter(\.capabilities.jsonOutput).count == count)
    }
}
