import Catalogue
import JSON
import Money
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

    /// The signature of a thought of Google's goes to the client and back to Google, and to nobody else.
    @Test(arguments: [true, false]) func signaturesOfGoogleComeBack(_ isStreamed: Bool) throws {
        let parts =
            #"[{"text":"Hm.","thought":true},{"functionCall":{"name":"f","id":"a"},"thoughtSignature":"czE="},{"functionCall":{"name":"f","id":"b"}},{"functionCall":{"name":"f","id":"c"},"thoughtSignature":"czI="}]"#
        let body = #"{"candidates":[{"content":{"parts":\#(parts)},"finishReason":"STOP"}]}"#
        let answered = try blocks(Array(body.utf8), isStreamed)
        func use(_ id: String) -> String { #"{"type":"tool_use","id":"\#(id)","name":"f","input":{}}"# }
        #expect(
            answered == [
                #"{"type":"thinking","thinking":"Hm.","signature":"google-gemini-v1:czE="}"#, use("a"), use("b"),
                #"{"type":"thinking","thinking":"","signature":"google-gemini-v1:czI="}"#, use("c"),
            ])
        let translation = try translate(
            #"{"role":"user","content":"x"},{"role":"assistant","content":[\#(answered.joined(separator: ","))]}"#)
        #expect(!String(decoding: translation.chat, as: UTF8.self).contains("czE="))
        let request = try GeminiRequest(
            try JSONValue(translation.chat), thinks: .adaptive, reasons: true, asides: translation.asides)
        #expect(request.addedPromptTokens == 1024 + 8)
        let sent = try JSONValue(try request.body(model: "m", maximumTokens: 9))["contents"]?.elements?.last?["parts"]
        #expect(sent?.elements?.map { $0["thoughtSignature"]?.text } == ["czE=", nil, "czI="])
        // Neither by the way on which a thought goes back to Claude, nor by its own.
        #expect(translation.thoughts.isEmpty)
        let native = try NativeMessages(translation).body(model: "m", maximumTokens: 9)
        let kept = try JSONValue(native)["messages"]?.elements?.last?["content"]?.elements
        #expect(kept?.map(\.string) == [use("a"), use("b"), use("c")])
    }

    /// The blocks that a client of Messages gets of an answer of Google's.
    private func blocks(_ body: [UInt8], _ isStreamed: Bool) throws -> [String] {
        var answer = GeminiAnswer(id: "i", created: 1)
        guard isStreamed else {
            let chat = try answer.completion(body)
            let message = try JSONValue(try MessagesReply(chat).answer(ResponseAdditions(), body: chat))
            return try #require(message["content"]?.elements).map(\.string)
        }
        var tap = MessagesEvents()
        let chunks = answer.feed(Array("data: ".utf8) + body + Array("\n\n".utf8)) + answer.end()
        let output = tap.feed(chunks) + tap.finish(estimated: TokenUsage(), additions: ResponseAdditions())
        var blocks: [[JSONValue.Member]] = []
        for line in String(decoding: output, as: UTF8.self).split(separator: "\n") where line.hasPrefix("data: ") {
            let event = try JSONValue(Array(line.dropFirst(6).utf8))
            if let block = event["content_block"]?.fields { blocks.append(block) }
            guard event["type"] == .string("content_block_delta"), let delta = event["delta"] else { continue }
            for name in ["thinking", "signature"] {
                guard let place = blocks[blocks.count - 1].firstIndex(where: { $0.name == name }), let text = delta[name]?.text
                else { continue }
                let before = blocks[blocks.count - 1][place].value.text ?? ""
                blocks[blocks.count - 1][place].value = .string(before + text)
            }
        }
        return blocks.map { JSONValue.object($0).string }
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
