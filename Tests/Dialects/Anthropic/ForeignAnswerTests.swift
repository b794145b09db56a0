import Catalogue
import JSON
import Testing

@testable import Dialects

/// What another model answered, and Anthropic refuses, comes back with the conversation.
@Suite struct ForeignAnswerTests {
    private func body(_ messages: String, _ fields: String = "") throws -> JSONValue {
        let text = #"{"model":"m","max_tokens":9000,"messages":[\#(messages)]\#(fields)}"#
        return try JSONValue(
            try NativeMessages(try MessagesTranslation(Array(text.utf8))).body(model: "m", maximumTokens: 9000))
    }

    /// What others thought is for people; Anthropic refuses what is not signed.
    @Test(arguments: [#","signature":"""#, "", #","signature":null"#])
    func thoughtsOfOthersAreNotShownToClaude(_ signature: String) throws {
        let thought = #"{"type":"thinking","thinking":"Hm."\#(signature)}"#
        let own = #"{"type":"thinking","thinking":"So.","signature":"c2ln"}"#
        let native = try body(
            #"{"role":"user","content":"a"},{"role":"assistant","content":[\#(thought)]},{"role":"user","content":[{"type":"text","text":"b"}]},{"role":"assistant","content":[\#(thought),\#(own),{"type":"text","text":"A"}]},{"role":"user","content":"c"}"#
        )
        #expect(
            native["messages"]?.string
                == #"[{"role":"user","content":"a"},{"role":"user","content":[{"type":"text","text":"b"}]},{"role":"assistant","content":[\#(own),{"type":"text","text":"A"}]},{"role":"user","content":"c"}]"#
        )
    }

    /// In the middle of a turn Anthropic wants to see what led to the call, or nothing may be thought with a budget.
    @Test func aTurnThatAnotherBeganGoesOnWithoutThinking() throws {
        let call = #"{"type":"tool_use","id":"t","name":"f","input":{}}"#
        let result = #"{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"x"}]}"#
        func thinking(_ signature: String, _ asked: String, _ rest: String = "") throws -> String? {
            let thought = #"{"type":"thinking","thinking":"Hm.","signature":"\#(signature)"}"#
            let answer = #"{"role":"assistant","content":[\#(thought),\#(call)]}"#
            return try body(#"{"role":"user","content":"a"},\#(answer),\#(result)\#(rest)"#, #","thinking":\#(asked)"#)[
                "thinking"]?.string
        }
        let budget = #"{"type":"enabled","budget_tokens":1024}"#
        #expect(try thinking("", budget) == #"{"type":"disabled"}"#)
        #expect(try thinking("c2ln", budget) == budget)
        #expect(try thinking("", #"{"type":"adaptive"}"#) == #"{"type":"adaptive"}"#)
        let over = #",{"role":"assistant","content":"A"},{"role":"user","content":"b"}"#
        #expect(try thinking("", budget, over) == budget)
        // Nor may anything be cleared of what is not thought.
        let clearing = #"{"type":"clear_thinking_20251015","keep":"all"}"#
        let tools = #"{"type":"clear_tool_uses_20250919"}"#
        for (edits, left) in [("\(clearing)", nil), ("\(clearing),\(tools)", tools), (tools, tools)] as [(String, String?)] {
            func context(_ signature: String) throws -> String? {
                let thought = #"{"type":"thinking","thinking":"Hm.","signature":"\#(signature)"}"#
                let messages = #"{"role":"user","content":"a"},{"role":"assistant","content":[\#(thought),\#(call)]},\#(result)"#
                let fields = #","thinking":\#(budget),"context_management":{"edits":[\#(edits)]}"#
                return try body(messages, fields)["context_management"]?.string
            }
            #expect(try context("") == (left.map { #"{"edits":[\#($0)]}"# } ?? "null"))
            #expect(try context("c2ln") == #"{"edits":[\#(edits)]}"#)
        }
    }

    /// A blank text of an answer is no block, and a message of nothing else is none.
    @Test func blankTextIsNotSaid() throws {
        let call = #"{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}"#
        let messages = [
            #"{"role":"user","content":"x"}"#, #"{"role":"assistant","content":"\n\n","tool_calls":[\#(call)]}"#,
            #"{"role":"tool","tool_call_id":"c","content":" "}"#,
            #"{"role":"user","content":[{"type":"text","text":"\t"},{"type":"text","text":" go "}]}"#,
            #"{"role":"assistant","content":"a"}"#, #"{"role":"user","content":""}"#, #"{"role":"assistant","content":"b"}"#,
        ]
        func chat(_ messages: [String]) throws -> JSONValue {
            let tools = #""tools":[{"type":"function","function":{"name":"f"}}]"#
            return try JSONValue(Array(#"{"model":"m",\#(tools),"messages":[\#(messages.joined(separator: ","))]}"#.utf8))
        }
        let request = try MessagesRequest(try chat(messages), thinks: .budget, outputLimit: nil)
        #expect(
            try JSONValue(try request.body(model: "m", maximumTokens: 9))["messages"]?.elements?.map(\.string) == [
                #"{"role":"user","content":"x"}"#,
                #"{"role":"assistant","content":[{"type":"tool_use","id":"c","name":"f","input":{}}]}"#,
                #"{"role":"user","content":[{"type":"tool_result","tool_use_id":"c"}]}"#, #"{"role":"user","content":" go "}"#,
                #"{"role":"assistant","content":"a"}"#, #"{"role":"assistant","content":"b"}"#,
            ])
        let claude = BedrockModel(name: "anthropic.claude")
        let bedrock = try BedrockRequest(try chat(messages), claude, outputLimit: nil)
        #expect(
            try JSONValue(try bedrock.body(model: "m", maximumTokens: 9))["messages"]?.elements?.map(\.string) == [
                #"{"role":"user","content":[{"text":"x"}]}"#,
                #"{"role":"assistant","content":[{"toolUse":{"toolUseId":"c","name":"f","input":{}}}]}"#,
                #"{"role":"user","content":[{"toolResult":{"toolUseId":"c","content":[]}},{"text":" go "}]}"#,
                #"{"role":"assistant","content":[{"text":"a"},{"text":"b"}]}"#,
            ])
        for silent in [#"{"role":"user","content":""}"#, #"{"role":"user","content":[{"type":"text","text":"\n"}]}"#] {
            let error = #expect(throws: APIError.self) {
                try MessagesRequest(try chat([silent]), thinks: .budget, outputLimit: nil)
            }
            #expect(error?.param == "messages" && error?.status == 400)
        }
        let native = try body(
            #"{"role":"user","content":" "},{"role":"assistant","content":[{"type":"text","text":"\n\n"},{"type":"tool_use","id":"t","name":"f","input":{}}]},{"role":"user","content":"b"}"#
        )
        #expect(
            native["messages"]?.string
                == #"[{"role":"user","content":" "},{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{}}]},{"role":"user","content":"b"}]"#
        )
    }

    /// Kimi's ids, and those that are too long, are the same of a call and of its result, whichever way they go.
    @Test(arguments: ["functions.f:0", "", String(repeating: "i", count: 65), "é"])
    func callsHaveIdsThatAreTaken(_ id: String) throws {
        let expected = id.asCallID
        #expect(expected.hasPrefix("call_") && expected.count == 29 && expected.isCallID)
        let block = #"{"type":"tool_use","id":"\#(id)","name":"f","input":{"n":1.50}}"#
        let result = #"{"type":"tool_result","tool_use_id":"\#(id)","content":"x","cache_control":{"type":"ephemeral"}}"#
        let native = try body(
            #"{"role":"user","content":"a"},{"role":"assistant","content":[\#(block)]},{"role":"user","content":[\#(result)]}"#)
        #expect(
            native["messages"]?.elements?.map(\.string) == [
                #"{"role":"user","content":"a"}"#,
                #"{"role":"assistant","content":[{"type":"tool_use","id":"\#(expected)","name":"f","input":{"n":1.50}}]}"#,
                #"{"role":"user","content":[{"type":"tool_result","tool_use_id":"\#(expected)","content":"x","cache_control":{"type":"ephemeral"}}]}"#,
            ])
        let call = #"{"id":"\#(id)","type":"function","function":{"name":"f","arguments":"{}"}}"#
        let chat = try JSONValue(
            Array(
                #"{"model":"m","tools":[{"type":"function","function":{"name":"f"}}],"messages":[{"role":"assistant","tool_calls":[\#(call)]},{"role":"tool","tool_call_id":"\#(id)","content":"x"}]}"#
                    .utf8))
        let anthropic = try JSONValue(
            try MessagesRequest(chat, thinks: .budget, outputLimit: nil).body(model: "m", maximumTokens: 9))
        let blocks = try #require(anthropic["messages"]?.elements).compactMap { $0["content"]?.elements?.first }
        #expect(blocks.first?["id"]?.text == expected && blocks.last?["tool_use_id"]?.text == expected)
        let claude = BedrockModel(name: "anthropic.claude")
        let bedrock = try JSONValue(try BedrockRequest(chat, claude, outputLimit: nil).body(model: "m", maximumTokens: 9))
        let turns = try #require(bedrock["messages"]?.elements).compactMap { $0["content"]?.elements?.first }
        #expect(turns.first?["toolUse"]?["toolUseId"]?.text == expected)
        #expect(turns.last?["toolResult"]?["toolUseId"]?.text == expected)
    }

    @Test func idsThatAreTakenStay() throws {
        for id in ["toolu_01A-b", "call_0", String(repeating: "i", count: 64)] { #expect(id.asCallID == id) }
        #expect("functions.f:0".asCallID != "functions.f:1".asCallID)
        let text =
            #"{ "model":"m" ,"max_tokens":9, "messages":[ {"role":"assistant","content":[ {"type":"tool_use","id":"t","name":"f","input":{}}]}]}"#
        let native = try NativeMessages(try MessagesTranslation(Array(text.utf8))).body(model: "m", maximumTokens: 9)
        #expect(native == Array(text.utf8))
    }
}
