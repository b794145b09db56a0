import Catalogue
import JSON
import Testing

@testable import Dialects

/// What a client of Anthropic's format says of its conversation beyond a chat completion request reaches whoever knows a word for it.
@Suite struct MessagesAsidesTests {
    private func translate(_ messages: String) throws -> MessagesTranslation {
        let tools = #""tools":[{"name":"f","input_schema":{"type":"object"}}]"#
        return try MessagesTranslation(Array(#"{"model":"m","max_tokens":9,\#(tools),"messages":[\#(messages)]}"#.utf8))
    }

    private func failing(_ content: String) throws -> MessagesTranslation {
        let call = #"{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{}}]}"#
        let result = #"{"type":"tool_result","tool_use_id":"t","content":\#(content),"is_error":true}"#
        return try translate(#"{"role":"user","content":"x"},\#(call),{"role":"user","content":[\#(result)]}"#)
    }

    @Test(arguments: [
        (#""no such file""#, #""Error: no such file""#), (#""Error: none""#, #""Error: none""#), ("\"\"", #""Error: ""#),
        (
            #"[{"type":"text","text":"a"},{"type":"text","text":"b"}]"#,
            #"[{"type":"text","text":"Error: a"},{"type":"text","text":"b"}]"#
        ),
    ])
    func whoKnowsNoFailureReadsOfIt(_ content: String, _ expected: String) throws {
        let translation = try failing(content)
        let said = try JSONValue(translation.chat)["messages"]?.elements?.last
        #expect(said?.string == #"{"role":"tool","tool_call_id":"t","content":\#(expected)}"#)
        let llama = try BedrockRequest(
            try JSONValue(translation.chat), BedrockModel(name: "meta.llama"), outputLimit: nil, asides: translation.asides)
        #expect(!String(decoding: try llama.body(model: "m", maximumTokens: 9), as: UTF8.self).contains("status"))
    }

    @Test func failuresAreTold() throws {
        let translation = try failing(#""no such file""#)
        let chat = try JSONValue(translation.chat)
        for model in ["anthropic.claude", "amazon.nova"] {
            let request = try BedrockRequest(
                chat, BedrockModel(name: model), outputLimit: nil, thoughts: translation.thoughts, asides: translation.asides)
            let result = try JSONValue(try request.body(model: "m", maximumTokens: 9))["messages"]?.elements?.last?["content"]
            #expect(
                result?.string
                    == #"[{"toolResult":{"toolUseId":"t","content":[{"text":"no such file"}],"status":"error"}}]"#)
        }
        func response(_ translation: MessagesTranslation) throws -> String? {
            let request = try GeminiRequest(
                try JSONValue(translation.chat), thinks: .budget, reasons: false, asides: translation.asides)
            let parts = try JSONValue(try request.body(model: "m", maximumTokens: 9))["contents"]?.elements?.last?["parts"]
            return parts?.elements?.first?["functionResponse"]?["response"]?.string
        }
        #expect(try response(translation) == #"{"error":"no such file"}"#)
        #expect(try response(try failing(#""{\"code\":5}""#)) == #"{"error":{"code":5}}"#)
    }
}
