import JSON
import Money
import Testing

@testable import Dialects

/// What clients of Anthropic's format and Claude at Bedrock tell each other.
@Suite struct BedrockMessagesTests {
    private static let claude = BedrockModel(name: "anthropic.claude")

    private func request(_ thinking: String, _ model: BedrockModel = claude) throws -> BedrockRequest {
        let body = #"""
            {"model":"m","max_tokens":9000,"tools":[{"name":"f","input_schema":{"type":"object"}}],"messages":[
            {"role":"user","content":"x"},{"role":"assistant","content":[
            {"type":"thinking","thinking":"Hm.","signature":"c2ln"},{"type":"redacted_thinking","data":"eHh4"},
            {"type":"thinking","thinking":"of another","signature":""},{"type":"tool_use","id":"t","name":"f","input":{}}]},
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"noon"}]}]\#(thinking)}
            """#
        let translation = try MessagesTranslation(Array(body.utf8))
        // Nobody else is told of the thoughts.
        #expect(!String(decoding: translation.chat, as: UTF8.self).contains("reasoning_details"))
        return try BedrockRequest(
            try JSONValue(translation.chat), model, outputLimit: nil, thoughts: translation.thoughts)
    }

    private func body(_ request: BedrockRequest) throws -> JSONValue {
        try JSONValue(try request.body(model: "m", maximumTokens: 9000))
    }

    @Test func thoughtsGoBackWithTheirSignatures() throws {
        let asked = try request(#","thinking":{"type":"enabled","budget_tokens":4096}"#)
        let body = try body(asked)
        let blocks = try #require(body["messages"]?.elements?[1]["content"]?.elements)
        #expect(
            blocks.map(\.string) == [
                #"{"reasoningContent":{"reasoningText":{"text":"Hm.","signature":"c2ln"}}}"#,
                #"{"reasoningContent":{"redactedContent":"eHh4"}}"#,
                #"{"toolUse":{"toolUseId":"t","name":"f","input":{}}}"#,
            ])
        #expect(body["additionalModelRequestFields"]?["thinking"]?["budget_tokens"]?.int64 == 4000)
        // They are a part of the prompt that was not scanned.
        #expect(asked.addedPromptTokens > 2048 + 50)
    }

    @Test func thoughtsAreForAClaudeThatThinks() throws {
        let silent = try request("")
        #expect(!(try body(silent)).string.contains("reasoningContent") && silent.addedPromptTokens == 2048)
        let other = try request("", BedrockModel(name: "amazon.nova"))
        #expect(!(try body(other)).string.contains("reasoningContent") && other.addedPromptTokens == 2048)
    }

    @Test func wholeAnswersSayTheSignatures() throws {
        let answer = #"""
            {"output":{"message":{"content":[{"reasoningContent":{"reasoningText":{"text":"Hm.","signature":"c2ln"}}},
            {"reasoningContent":{"redactedContent":"eHh4"}},{"text":"Hi"}]}},"stopReason":"end_turn"}
            """#
        func content(_ model: BedrockModel) throws -> [String] {
            let chat = try BedrockAnswer(id: "i", created: 1, model: model).completion(Array(answer.utf8))
            let message = try JSONValue(try MessagesReply(chat).answer(ResponseAdditions(), body: chat))
            return try #require(message["content"]?.elements).map(\.string)
        }
        #expect(
            try content(Self.claude) == [
                #"{"type":"thinking","thinking":"Hm.","signature":"c2ln"}"#, #"{"type":"redacted_thinking","data":"eHh4"}"#,
                #"{"type":"text","text":"Hi"}"#,
            ])
        #expect(
            try content(BedrockModel(name: "deepseek.r1")) == [
                #"{"type":"thinking","thinking":"Hm.","signature":""}"#, #"{"type":"text","text":"Hi"}"#,
            ])
    }

    /// Which of several sequences it was, Bedrock does not say.
    @Test(arguments: [
        ("stop_sequence", [#""a""#], #""stop_reason":"stop_sequence","stop_sequence":"a""#),
        ("stop_sequence", [#""a""#, #""b""#], #""stop_reason":"stop_sequence","stop_sequence":null"#),
        ("end_turn", [#""a""#], #""stop_reason":"end_turn","stop_sequence":null"#),
        ("max_tokens", [#""a""#], #""stop_reason":"max_tokens","stop_sequence":null"#),
    ])
    func sequencesThatWereMetAreTold(_ reason: String, _ sequences: [String], _ told: String) throws {
        let asked =
            #"{"model":"m","max_tokens":9,"stop_sequences":[\#(sequences.joined(separator: ","))],"#
            + #""messages":[{"role":"user","content":"x"}]}"#
        let translation = try MessagesTranslation(Array(asked.utf8))
        let answer = #"{"output":{"message":{"content":[{"text":"Hi"}]}},"stopReason":"\#(reason)"}"#
        var reader = BedrockAnswer(id: "i", created: 1, model: Self.claude)
        let chat = try reader.completion(Array(answer.utf8))
        let message = try MessagesReply(chat, for: translation).answer(ResponseAdditions(), body: chat)
        #expect(String(decoding: message, as: UTF8.self).contains(told))
        let events =
            EventStream.event("contentBlockDelta", #"{"contentBlockIndex":0,"delta":{"text":"Hi"}}"#)
            + EventStream.event("messageStop", #"{"stopReason":"\#(reason)"}"#)
        var tap = MessagesEvents(for: translation)
        _ = tap.feed(reader.feed(events) + reader.end())
        let end = tap.finish(estimated: TokenUsage(), additions: ResponseAdditions())
        #expect(String(decoding: end, as: UTF8.self).contains(told))
    }

    @Test func streamsSayTheSignatures() throws {
        let deltas = [
            (0, #"{"reasoningContent":{"text":"Hm."}}"#), (0, #"{"reasoningContent":{"signature":"c2ln"}}"#),
            (1, #"{"reasoningContent":{"redactedContent":"eHh4"}}"#), (2, #"{"reasoningContent":{"text":"So."}}"#),
            (2, #"{"reasoningContent":{"signature":"czI="}}"#), (3, #"{"text":"Hi"}"#),
        ]
        var events = EventStream.event("messageStart", #"{"role":"assistant"}"#)
        for (block, delta) in deltas {
            events += EventStream.event("contentBlockDelta", #"{"contentBlockIndex":\#(block),"delta":\#(delta)}"#)
        }
        events += EventStream.event("messageStop", #"{"stopReason":"end_turn"}"#)
        var answer = BedrockAnswer(id: "i", created: 1, model: Self.claude)
        var tap = MessagesEvents()
        var output = tap.feed(answer.feed(events) + answer.end())
        output += tap.finish(estimated: TokenUsage(), additions: ResponseAdditions())
        let said = try String(decoding: output, as: UTF8.self).split(separator: "\n").filter { $0.hasPrefix("data: ") }.map {
            try JSONValue(Array($0.dropFirst(6).utf8))
        }
        let blocks = said.compactMap { ($0["content_block"] ?? $0["delta"]).map { $0.string } }
        #expect(
            blocks.dropLast() == [
                #"{"type":"thinking","thinking":"","signature":""}"#, #"{"type":"thinking_delta","thinking":"Hm."}"#,
                #"{"type":"signature_delta","signature":"c2ln"}"#, #"{"type":"redacted_thinking","data":"eHh4"}"#,
                #"{"type":"thinking","thinking":"","signature":""}"#, #"{"type":"thinking_delta","thinking":"So."}"#,
                #"{"type":"signature_delta","signature":"czI="}"#, #"{"type":"text","text":""}"#,
                #"{"type":"text_delta","text":"Hi"}"#,
            ])
        #expect(said.filter { $0["type"] == .string("content_block_stop") }.compactMap { $0["index"]?.int64 } == [0, 1, 2, 3])
    }
}
