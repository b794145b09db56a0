import Catalogue
import Foundation
import JSON
import TestSupport
import Testing

@testable import Dialects

/// Pairs of what goes in and what comes out, in files of `Golden`.
enum Golden {
    static func read(_ name: String, of dialect: String = "Anthropic") throws -> [UInt8] {
        let folder = TestEnvironment.root + "/Tests/Dialects/\(dialect)/Golden"
        return Array(try Data(contentsOf: URL(filePath: "\(folder)/\(name)")))
    }

    static func json(_ name: String, of dialect: String = "Anthropic") throws -> JSONValue {
        try JSONValue(try read(name, of: dialect))
    }
}

extension JSONValue {
    /// The same value with its members in the order of their names.
    var ordered: JSONValue {
        switch self {
        case .array(let elements): .array(elements.map(\.ordered))
        case .object(let members):
            .object(members.map { .init($0.name, $0.value.ordered) }.sorted { $0.name < $1.name })
        default: self
        }
    }

    var string: String { String(decoding: bytes, as: UTF8.self) }
}

@Suite struct MessagesRequestTests {
    private func translate(_ chat: String, thinks: String = "budget", limit: Int64 = 5000) throws -> JSONValue {
        let request = try MessagesRequest(
            try JSONValue(Array(chat.utf8)), thinks: thinks == "adaptive" ? .adaptive : .budget, outputLimit: nil)
        return try JSONValue(try request.body(model: "claude-upstream", maximumTokens: limit))
    }

    @Test(arguments: ["text", "parts", "tools", "thinking", "schema"])
    func whatBothSidesExpressGoesOver(_ name: String) throws {
        let golden = try Golden.json("\(name).request.json")
        let chat = try #require(golden["chat"])
        let limit = try #require((chat["max_tokens"] ?? chat["max_completion_tokens"])?.int64)
        // What is translated has passed the gateway's own reading before.
        _ = try ChatRequestScan(chat.bytes)
        let body = try translate(chat.string, thinks: golden["thinks"]?.text ?? "budget", limit: limit)
        #expect(body.ordered.string == golden["messages"]?.ordered.string)
    }

    @Test(arguments: [
        (#""n":2"#, "n"), (#""seed":1"#, "seed"), (#""logprobs":true"#, "logprobs"), (#""top_logprobs":3"#, "top_logprobs"),
        (#""frequency_penalty":0.5"#, "frequency_penalty"), (#""logit_bias":{"5":1}"#, "logit_bias"),
        (#""temperature":1.5"#, "temperature"), (#""temperature":"hot""#, "temperature"), (#""top_p":-1"#, "top_p"),
        (#""top_k":-1"#, "top_k"), (#""response_format":{"type":"grammar"}"#, "response_format"),
        (#""response_format":{"type":"json_schema","json_schema":{}}"#, "response_format.json_schema.schema"),
        (#""reasoning_effort":"extreme""#, "reasoning_effort"), (#""reasoning_effort":1"#, "reasoning_effort"),
        (#""reasoning_effort":"low","temperature":0.5"#, "temperature"), (#""stop":[1]"#, "stop"), (#""user":1"#, "user"),
        (#""tools":[{"type":"custom","custom":{"name":"x"}}]"#, "tools[0].type"),
        (#""tools":[{"type":"function","function":{}}]"#, "tools[0].function.name"),
        (#""tool_choice":"required""#, "tool_choice"), (#""functions":[{"name":"f"}]"#, "functions"),
        (#""tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":{"type":"allowed_tools"}"#, "tool_choice"),
        (
            #""tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"required","reasoning_effort":"low""#,
            "tool_choice"
        ),
        (#""verbosity":"low""#, "verbosity"), (#""whatever":{}"#, "whatever"), (#""store":true"#, "store"),
    ])
    func whatCannotBeExpressedIsRefusedByName(_ field: String, _ param: String) throws {
        let error = #expect(throws: APIError.self) {
            try translate(#"{"model":"m","messages":[{"role":"user","content":"x"}],\#(field)}"#)
        }
        #expect(error?.param == param)
        #expect(error?.status == 400)
    }

    @Test(arguments: [
        (#"{"role":"function","name":"f","content":"x"}"#, "messages[0].role"),
        (#"{"role":"user","name":"Ann","content":"x"}"#, "messages[0].name"),
        (#"{"role":"user","content":[{"type":"input_audio","input_audio":{}}]}"#, "messages[0].content[0].type"),
        (#"{"role":"user","content":[{"type":"file","file":{"file_id":"f"}}]}"#, "messages[0].content[0].file.file_data"),
        (
            #"{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/bmp;base64,Qk0="}}]}"#,
            "messages[0].content[0].image_url.url"
        ),
        (
            #"{"role":"user","content":[{"type":"image_url","image_url":{"url":"ftp://a/b"}}]}"#,
            "messages[0].content[0].image_url.url"
        ),
        (
            #"{"role":"assistant","tool_calls":[{"id":"c","function":{"name":"f","arguments":"[1]"}}]}"#,
            "messages[0].tool_calls[0].function.arguments"
        ),
        (
            #"{"role":"assistant","tool_calls":[{"id":"c","function":{"name":"f","arguments":"{"}}]}"#,
            "messages[0].tool_calls[0].function.arguments"
        ),
        (#"{"role":"tool","content":"x"}"#, "messages[0].tool_call_id"),
        (#"{"role":"system","content":"x"}"#, "messages"),
        (
            #"{"role":"system","content":[{"type":"image_url","image_url":{"url":"https://a/b"}}]}"#, "messages[0].content[0]"
        ),
    ])
    func messagesThatCannotBeExpressedAreRefusedByName(_ message: String, _ param: String) throws {
        let error = #expect(throws: APIError.self) { try translate(#"{"model":"m","messages":[\#(message)]}"#) }
        #expect(error?.param == param)
    }

    /// Anthropic takes 256 characters for a user, whichever of both fields names one.
    @Test(arguments: ["user", "safety_identifier"])
    func usersOfAnyLengthHaveANameThere(_ field: String) throws {
        func user(_ name: String) throws -> String? {
            let chat = #"{"model":"m","messages":[{"role":"user","content":"x"}],"\#(field)":"\#(name)"}"#
            let claude = BedrockModel(name: "anthropic.claude")
            _ = try BedrockRequest(try JSONValue(Array(chat.utf8)), claude, outputLimit: nil)
            _ = try GeminiRequest(try JSONValue(Array(chat.utf8)), thinks: .budget, reasons: false)
            return try translate(chat)["metadata"]?["user_id"]?.text
        }
        let longest = String(repeating: "u", count: 256)
        #expect(try user("u1") == "u1" && user(longest) == longest)
        let digest = try user(longest + "u")
        #expect(digest?.count == 64 && digest?.allSatisfy(\.isHexDigit) == true)
    }

    @Test func thinkingNeedsRoomInTheCompletion() throws {
        let chat = #"{"model":"m","messages":[{"role":"user","content":"x"}],"reasoning_effort":"medium"}"#
        for (limit, budget) in [(5000, 2000), (2001, 2000), (2000, 1024), (1025, 1024), (1024, nil), (5, nil)]
            as [(Int64, Int64?)]
        {
            #expect(try translate(chat, limit: limit)["thinking"]?["budget_tokens"]?.int64 == budget)
            // The client's own bound is known before the gateway's.
            let bounded = try MessagesRequest(try JSONValue(Array(chat.utf8)), thinks: .budget, outputLimit: limit)
            let expected = budget.map { MessagesRequest.Thinking.budget($0) } ?? MessagesRequest.Thinking.none
            #expect(bounded.thinking == expected)
        }
        #expect(try translate(chat.replacing("medium", with: "high"), limit: 4000)["thinking"]?["budget_tokens"]?.int64 == 2000)
        #expect(try translate(chat, thinks: "adaptive", limit: 5)["output_config"]?["effort"] == .string("medium"))
    }

    @Test(arguments: [
        ("minimal", "low", 1024), ("low", "low", 1024), ("high", "high", 4000), ("xhigh", "xhigh", 4000),
        ("max", "max", 4000),
    ])
    func effortsAreTheNearestThatThereAre(_ effort: String, _ level: String, _ budget: Int64) throws {
        let chat = #"{"model":"m","messages":[{"role":"user","content":"x"}],"reasoning_effort":"\#(effort)"}"#
        #expect(try translate(chat)["thinking"]?["budget_tokens"]?.int64 == budget)
        #expect(try translate(chat, thinks: "adaptive")["output_config"]?["effort"]?.text == level)
    }

    @Test(arguments: [
        ("claude-opus-4-6", "xhigh", "max"), ("claude-sonnet-4-6", "xhigh", "max"), ("claude-sonnet-4-6", "max", "max"),
        ("claude-sonnet-4-6", "high", "high"), ("claude-opus-4-7", "xhigh", "xhigh"), ("claude-opus-4-7", "max", "max"),
    ])
    func theMostThatAModelKnowsDiffers(_ model: String, _ effort: String, _ level: String) throws {
        let text = #"{"model":"m","messages":[{"role":"user","content":"x"}],"reasoning_effort":"\#(effort)"}"#
        let chat = try JSONValue(Array(text.utf8))
        let request = try MessagesRequest(chat, thinks: .adaptive, outputLimit: nil)
        let body = try JSONValue(try request.body(model: model, maximumTokens: 9))
        #expect(body["output_config"]?["effort"]?.text == level)
        let name = "anthropic.\(model)-v1"
        let bedrock = try BedrockRequest(chat, BedrockModel(name: name, thinking: .adaptive), outputLimit: nil)
        let sent = try JSONValue(try bedrock.body(model: name, maximumTokens: 9))["additionalModelRequestFields"]
        #expect(sent?["output_config"]?["effort"]?.text == level)
    }

    /// What was thought before a call of a tool must stand before its result, or nothing may be thought with a budget.
    @Test(arguments: [
        (["user", "call", "tool"], false), (["user", "thought", "tool"], true),
        (["user", "thought", "tool", "call", "tool"], true),
        (["user", "call", "tool", "user"], false), (["user", "thought", "tool", "user", "call", "tool"], true),
        (["user", "call", "tool", "text"], true), (["user", "call", "tool", "text", "user"], true),
        (["user", "thought", "tool", "text", "user", "call", "tool"], false),
        (["user", "call", "tool", "thought", "tool"], true),
    ])
    func lostThoughtsEndTheThinking(_ kinds: [String], _ thinks: Bool) throws {
        let call = #""content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]"#
        let thought = #"{"type":"reasoning.text","text":"a","signature":"b","format":"anthropic-claude-v1"}"#
        let messages = [
            "user": #"{"role":"user","content":"x"}"#, "text": #"{"role":"assistant","content":"y"}"#,
            "call": #"{"role":"assistant",\#(call)}"#, "tool": #"{"role":"tool","tool_call_id":"c","content":"z"}"#,
            "thought": #"{"role":"assistant",\#(call),"reasoning_details":[\#(thought)]}"#,
        ]
        let history = kinds.compactMap { messages[$0] }.joined(separator: ",")
        let tools = #""tools":[{"type":"function","function":{"name":"f"}}]"#
        let chat = #"{"model":"m","messages":[\#(history)],\#(tools),"reasoning_effort":"high"}"#
        let asked = try translate(chat)["thinking"]
        #expect((asked != nil) == thinks)
        // A model that thinks as it sees fit needs to see nothing.
        #expect(try translate(chat, thinks: "adaptive")["thinking"] != nil)
        let claude = BedrockModel(name: "anthropic.claude")
        let bedrock = try BedrockRequest(try JSONValue(Array(chat.utf8)), claude, outputLimit: nil)
        let body = try JSONValue(try bedrock.body(model: claude.name, maximumTokens: 5000))
        #expect((body["additionalModelRequestFields"] != nil) == thinks)
    }

    @Test(arguments: [
        (#""auto""#, #"{"type":"auto"}"#), (#""none""#, #"{"type":"none"}"#), (#""required""#, #"{"type":"any"}"#),
        (#"{"type":"function","function":{"name":"f"}}"#, #"{"type":"tool","name":"f"}"#),
    ])
    func choicesOfTools(_ choice: String, _ expected: String) throws {
        let body = try translate(
            #"{"model":"m","messages":[{"role":"user","content":"x"}],"tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":\#(choice)}"#
        )
        #expect(body["tool_choice"]?.string == expected)
    }

    /// No text makes the translation fail in another way than with a named field.
    @Test func randomBodiesNeverCrash() {
        var random = RandomJSON(seed: TestEnvironment.seed("random bodies to Anthropic"))
        let fields = [
            "messages", "tools", "tool_choice", "stop", "response_format", "reasoning_effort", "temperature", "user",
            "cache_control",
        ]
        for _ in 0..<2000 {
            var text = #"{"model":"m""#
            for field in fields where random.below(2) == 0 { text += #","\#(field)":\#(random.value())"# }
            guard let chat = try? JSONValue(Array((text + "}").utf8)) else { continue }
            do { _ = try MessagesRequest(chat, thinks: .budget, outputLimit: nil) } catch { #expect(error.status == 400) }
        }
    }
}
