import Catalogue
import Foundation
import JSON
import Money
import TestSupport
import Testing

@testable import Dialects

/// What both formats can express goes to the other and comes back the same.
@Suite struct MessagesRoundTripTests {
    /// Makes chat completion requests in the one of several ways to say a thing that the way back takes.
    private struct Maker {
        var random: RandomJSON
        var calls = 0

        mutating func chance(_ count: Int) -> Bool { random.below(count) == 0 }

        mutating func text() -> String { "\"x\(random.string().dropFirst())" }

        mutating func part() -> String {
            switch random.below(4) {
            case 0: #"{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgo="}}"#
            case 1: #"{"type":"image_url","image_url":{"url":"https://example.org/\#(random.below(99))"}}"#
            case 2: #"{"type":"file","file":{"filename":\#(text()),"file_data":"data:application/pdf;base64,JVBERi0="}}"#
            default: #"{"type":"text","text":\#(text())}"#
            }
        }

        mutating func object() -> String { #"{"a":\#(random.value()),"b":\#(random.number())}"# }

        mutating func message() -> [String] {
            switch random.below(3) {
            case 0: return [#"{"role":"user","content":\#(text())}"#]
            case 1: return [#"{"role":"user","content":[\#(part()),\#(part()),\#(part())]}"#]
            default:
                var made: [String] = []
                var results: [String] = []
                for _ in 0...random.below(2) {
                    calls += 1
                    var arguments: [UInt8] = []
                    // The arguments are text in the one format and an object in the other: only their shortest form comes back.
                    arguments.appendJSON(string: (try? JSONValue(Array(object().utf8)))?.string ?? "{}")
                    let function = #"{"name":"f\#(calls)","arguments":\#(String(decoding: arguments, as: UTF8.self))}"#
                    made.append(#"{"id":"c\#(calls)","type":"function","function":\#(function)}"#)
                    results.append(#"{"role":"tool","tool_call_id":"c\#(calls)","content":\#(text())}"#)
                }
                let content = chance(2) ? "null" : text()
                return [
                    #"{"role":"assistant","content":\#(content),"tool_calls":[\#(made.joined(separator: ","))]}"#
                ] + results
            }
        }

        mutating func request() -> String {
            var messages: [String] = []
            if chance(2) { messages.append(#"{"role":"system","content":[{"type":"text","text":\#(text())}]}"#) }
            messages.append(#"{"role":"user","content":\#(text())}"#)
            for _ in 0..<random.below(4) { messages += message() }
            let thinks = chance(3)
            // After the results of tools Claude thinks only if it thought before.
            if thinks || chance(3) { messages.append(#"{"role":"assistant","content":\#(text())}"#) }
            var members = [
                #""model":\#(text())"#, #""max_tokens":\#(random.below(9000) + 5000)"#,
                #""messages":[\#(messages.joined(separator: ","))]"#,
            ]
            if chance(2) { members.append(#""stream":true,"stream_options":{"include_usage":true}"#) }
            if chance(2) { members.append(#""stop":[\#(text()),\#(text())]"#) }
            // A longer one than OpenAI takes comes back as its hash.
            if chance(2) { members.append(#""user":"é\n\#(random.below(1 << 30))""#) }
            if chance(2) { members.append(#""top_p":0.\#(random.below(10))"#) }
            if thinks { members.append(#""reasoning_effort":"\#(["low", "medium", "high"][random.below(3)])""#) }
            if !thinks, chance(2) { members.append(#""temperature":0.\#(random.below(10))"#) }
            if chance(2) {
                let description = chance(2) ? #","description":\#(text())"# : ""
                let strict = chance(2) ? #","strict":true"# : ""
                let function = #"{"name":"f"\#(description),"parameters":\#(object())\#(strict)}"#
                members.append(#""tools":[{"type":"function","function":\#(function)}]"#)
                let choices = [#""auto""#, #""none""#, #""required""#, #"{"type":"function","function":{"name":"f"}}"#]
                let choice = choices[random.below(thinks ? 2 : 4)]
                members.append(#""tool_choice":\#(choice)"#)
                if choice != #""none""#, chance(2) { members.append(#""parallel_tool_calls":false"#) }
            }
            if chance(3) {
                let schema = #"{"name":"answer","strict":true,"schema":\#(object())}"#
                members.append(#""response_format":{"type":"json_schema","json_schema":\#(schema)}"#)
            }
            return "{" + members.joined(separator: ",") + "}"
        }
    }

    @Test func requestsComeBackTheSame() throws {
        var maker = Maker(random: RandomJSON(seed: TestEnvironment.seed("requests to Anthropic and back")))
        for round in 0..<500 {
            let chat = try JSONValue(Array(maker.request().utf8))
            let limit = try #require(chat["max_tokens"]?.int64)
            let request = try MessagesRequest(chat, thinks: .budget, outputLimit: limit)
            let back = try MessagesTranslation(try request.body(model: chat["model"]?.text ?? "", maximumTokens: limit))
            #expect(back.exclusive == nil && back.leftBytes == 0, "round \(round)")
            #expect(try JSONValue(back.chat).ordered.string == chat.ordered.string, "round \(round)")
            _ = try ChatRequestScan(back.chat)
        }
    }

    /// An effort without a word of thinking is a hint, for whoever reasons.
    @Test(arguments: [("low", "low"), ("high", "high"), ("xhigh", "high"), ("max", "high"), ("new", nil)] as [(String, String?)])
    func effortAloneIsAHint(_ effort: String, _ expected: String?) throws {
        let fields = #""model":"m","max_tokens":9,"messages":[{"role":"user","content":"x"}]"#
        let asked = #"\#(fields),"output_config":{"effort":"\#(effort)"}"#
        let translation = try MessagesTranslation(Array("{\(asked)}".utf8))
        #expect(translation.effort == expected)
        let scan = try ChatRequestScan(translation.chat)
        #expect(!scan.hasReasoningEffort)
        let reasoning = translation.reasoningChat(of: "m")
        #expect(try JSONValue(reasoning)["reasoning_effort"]?.text == expected)
        let sent = scan.applying(RequestEdits(effort: translation.effort), to: translation.chat)
        #expect(sent == reasoning)
        for mode in [ThinkingMode.budget, .adaptive] {
            let claude = BedrockModel(name: "anthropic.claude", thinking: mode)
            let request = try BedrockRequest(
                try JSONValue(translation.chat), claude, outputLimit: nil, thoughts: [:], effort: translation.effort)
            let own = try JSONValue(try request.body(model: "m", maximumTokens: 9))["additionalModelRequestFields"]
            #expect(own?["output_config"]?["effort"]?.text == (mode == .adaptive ? expected : nil))
            #expect(own?["thinking"] == nil)
        }
        let thinks = try MessagesTranslation(Array(#"{\#(asked),"thinking":{"type":"disabled"}}"#.utf8))
        #expect(thinks.effort == nil)
    }

    /// The most that a client of Anthropic asks for is the most that a dialect has a word for.
    @Test(arguments: [("low", "low"), ("high", "high"), ("xhigh", "xhigh"), ("max", "xhigh")])
    func theMostIsTheMostThatADialectKnows(_ effort: String, _ most: String) throws {
        let fields = #""model":"m","max_tokens":9000,"messages":[{"role":"user","content":"x"}]"#
        let asked = #"{\#(fields),"thinking":{"type":"adaptive"},"output_config":{"effort":"\#(effort)"}}"#
        let translation = try MessagesTranslation(Array(asked.utf8))
        let scan = try ChatRequestScan(translation.chat)
        for (model, knows) in [
            ("gpt-5.2", true), ("gpt-5.6-sol", true), ("gpt-5", false), ("gpt-5.1", false), ("gpt-oss-120b", false),
        ] {
            #expect(MessagesTranslation.goesBeyondHigh(model) == knows)
            let chat = try JSONValue(translation.reasoningChat(of: model))
            #expect(chat["reasoning_effort"]?.text == (knows ? most : effort == "low" ? "low" : "high"))
            // Where the request goes on as it is, it says the same.
            let sent = scan.applying(RequestEdits(lowersEffort: !knows), to: translation.chat)
            #expect(try JSONValue(sent) == chat)
        }
        for mode in ThinkingMode.allCases {
            for isVertex in [false, true] {
                let request = try GeminiRequest(
                    try JSONValue(translation.chat), thinks: mode, reasons: true, isVertex: isVertex)
                let body = try JSONValue(try request.body(model: "m", maximumTokens: 9000))
                let config = body["generationConfig"]?["thinkingConfig"]
                switch mode {
                case .budget: #expect(config?["thinkingBudget"]?.int64 == (effort == "low" ? 2048 : 24_576))
                case .adaptive: #expect(config?["thinkingLevel"]?.text == (effort == "low" ? "low" : "high"))
                }
            }
            let claude = BedrockModel(name: "anthropic.claude", thinking: mode)
            let request = try BedrockRequest(try JSONValue(translation.chat), claude, outputLimit: nil, thoughts: [:])
            let own = try JSONValue(try request.body(model: "m", maximumTokens: 9000))["additionalModelRequestFields"]
            switch mode {
            case .budget: #expect(own?["thinking"]?["budget_tokens"]?.int64 == (effort == "low" ? 1024 : 4000))
            case .adaptive: #expect(own?["output_config"]?["effort"]?.text == most)
            }
        }
    }

    @Test func answersComeBackTheSame() throws {
        var random = RandomJSON(seed: TestEnvironment.seed("answers to Anthropic's format and back"))
        for round in 0..<300 {
            let cached = random.below(50)
            let written = random.below(50)
            let prompt = cached + written + random.below(100)
            let details =
                written == 0
                ? ""
                : #","cache_write_tokens":\#(written),"cache_creation":{"ephemeral_5m_input_tokens":\#(written),"ephemeral_1h_input_tokens":0}"#
            var calls: [String] = []
            for index in 0..<random.below(3) {
                var arguments: [UInt8] = []
                arguments.appendJSON(string: try JSONValue(Array(#"{"a":\#(random.value())}"#.utf8)).string)
                calls.append(
                    #"{"id":"c\#(index)","type":"function","function":{"name":"f","arguments":\#(String(decoding: arguments, as: UTF8.self))}}"#
                )
            }
            let made = calls.isEmpty ? "" : #","tool_calls":[\#(calls.joined(separator: ","))]"#
            let message = #"{"role":"assistant","content":"x\#(random.string().dropFirst()),"refusal":null\#(made)}"#
            let reason = ["stop", "length", "tool_calls", "content_filter"][random.below(4)]
            let chat =
                #"{"id":"i","object":"chat.completion","created":17,"model":"m","choices":[{"index":0,"message":\#(message),"logprobs":null,"finish_reason":"\#(reason)"}],"usage":{"prompt_tokens":\#(prompt),"completion_tokens":5,"total_tokens":\#(prompt + 5),"prompt_tokens_details":{"cached_tokens":\#(cached)\#(details)},"completion_tokens_details":{"reasoning_tokens":0}}}"#
            let bytes = Array(chat.utf8)
            let there = try MessagesReply(bytes).answer(ResponseAdditions(), body: bytes)
            let back = try MessagesAnswer(created: 17).completion(there)
            #expect(try JSONValue(back).ordered.string == (try JSONValue(bytes)).ordered.string, "round \(round)")
        }
    }
}
