import JSON
import Testing

@testable import Dialects

/// The custom tools of chat completions and those of the Responses API are the same in two shapes.
@Suite struct ResponsesCustomToolsTests {
    private func upstream(_ chat: JSONValue) throws -> JSONValue {
        let request = try ResponsesRequest(chat, provider: "openai", reasons: true)
        return try JSONValue(try request.body(model: "gpt-upstream", maximumTokens: 100))
    }

    @Test func whatBothSidesExpressGoesOver() throws {
        let golden = try Golden.json("custom.request.json", of: "Responses")
        let chat = try #require(golden["chat"])
        _ = try ChatRequestScan(chat.bytes)
        #expect(try upstream(chat).ordered.string == golden["responses"]?.ordered.string)
    }

    @Test(arguments: [
        (#"{"name":"x","format":{"type":"json"}}"#, "format.type"), (#"{"name":"x","format":{"type":"grammar"}}"#, "format"),
        (#"{"name":"x","format":{"type":"grammar","syntax":"ebnf","definition":"x"}}"#, "format"),
        (#"{"name":"x","format":{"type":"grammar","syntax":"regex","definition":5}}"#, "format"), ("{}", "name"),
        (#"{"name":"x","depth":1}"#, "depth"),
    ])
    func whatIsNoCustomToolIsRefusedByName(_ tool: String, _ param: String) throws {
        let members = try #require(try JSONValue(Array(tool.utf8)).fields)
        let responses = JSONValue.object([.init("type", .string("custom"))] + members)
        let asked = #expect(throws: APIError.self) {
            try ResponsesTranslation(
                JSONValue.members([
                    ("model", .string("m")), ("input", .string("x")), ("tools", .array([responses])),
                ]).bytes, history: nil, id: "resp_1", createdAt: 1)
        }
        #expect(asked?.param == "tools[0].\(param)" && asked?.status == 400)
        // A chat's grammar lies one level deeper.
        let nested = members.map { member -> JSONValue.Member in
            guard member.name == "format", member.value["type"] == .string("grammar") else { return member }
            let grammar = (member.value.fields ?? []).filter { $0.name != "type" }
            return .init("format", .members([("type", .string("grammar")), ("grammar", .object(grammar))]))
        }
        let chat = JSONValue.members([("type", .string("custom")), ("custom", .object(nested))])
        let error = #expect(throws: APIError.self) {
            try upstream(.members([("messages", .array([])), ("tools", .array([chat]))]))
        }
        #expect(error?.param == "tools[0].custom.\(param)" && error?.status == 400)
    }

    private func answer() -> ResponsesAnswer { ResponsesAnswer(id: "chatcmpl-1", created: 17, provider: "openai") }

    @Test func callsComeBackWholeAndStreamed() throws {
        let item = #"{"id":"ctc_1","type":"custom_tool_call","status":"completed","call_id":"c1","name":"patch","input":"a\n😀"}"#
        let response = #"{"object":"response","status":"completed","output":[\#(item)],"usage":null}"#
        let whole = try JSONValue(try answer().completion(Array(response.utf8)))["choices"]?.elements?.first
        #expect(
            whole?["message"]?["tool_calls"]?.string
                == #"[{"id":"c1","type":"custom","custom":{"name":"patch","input":"a\n😀"}}]"#)
        #expect(whole?["finish_reason"] == .string("tool_calls") && whole?["message"]?["content"] == .null)

        let begun = #"{"id":"ctc_1","type":"custom_tool_call","call_id":"c1","name":"patch","input":""}"#
        let place = #""output_index":3"#
        let pieces = [#""a\n""#, #""😀""#].map { piece in
            #"{"type":"response.custom_tool_call_input.delta",\#(place),"item_id":"ctc_1","delta":\#(piece)}"#
        }
        let ends = [
            #"{"type":"response.custom_tool_call_input.done",\#(place),"item_id":"ctc_1","input":"a\n😀"}"#,
            #"{"type":"response.output_item.done",\#(place),"item":\#(item)}"#,
            #"{"type":"response.completed","response":\#(response)}"#,
        ]
        // Some say nothing before the end.
        for events in [[#"{"type":"response.output_item.added",\#(place),"item":\#(begun)}"#] + pieces + ends, ends] {
            var answer = answer()
            let output = answer.feed(Array(events.map { "data: \($0)\n\n" }.joined().utf8)) + answer.end()
            let texts = String(decoding: output, as: UTF8.self).split(separator: "\n\n").dropLast()
            let chunks = try texts.map { chunk -> JSONValue in
                try #require(try JSONValue(Array(chunk.dropFirst(6).utf8))["choices"]?.elements?.first)
            }
            let calls = chunks.flatMap { $0["delta"]?["tool_calls"]?.elements ?? [] }
            #expect(
                calls.first?.string == #"{"index":0,"id":"c1","type":"custom","custom":{"name":"patch","input":""}}"#)
            #expect(calls.allSatisfy { $0["index"]?.int64 == 0 && $0["function"] == nil })
            #expect(calls.compactMap { $0["custom"]?["input"]?.text }.joined() == "a\n😀")
            #expect(chunks.last?["finish_reason"] == .string("tool_calls"))
        }
    }

    /// What a chat completion calls, be it whole or in pieces that are mixed.
    @Test func callsOfAChatBecomeItems() throws {
        let asked = try ResponsesTranslation(
            Array(#"{"model":"m","input":"x","tools":[{"type":"custom","name":"patch"}]}"#.utf8), history: nil,
            id: "resp_1", createdAt: 17)
        #expect(try JSONValue(asked.chat)["tools"]?.string == #"[{"type":"custom","custom":{"name":"patch"}}]"#)
        let calls = [
            #"{"id":"a","type":"custom","custom":{"name":"patch","input":"*** Begin\n😀"}}"#,
            #"{"id":"b","type":"function","custom":null,"function":{"name":"f","arguments":"{}"}}"#,
            #"{"id":"c","type":"custom","custom":{"name":"patch","input":""}}"#,
        ]
        let completion =
            #"{"id":"c","model":"m-1","choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":["#
            + calls.joined(separator: ",") + #"]},"finish_reason":"tool_calls"}]}"#
        let body = Array(completion.utf8)
        let whole = try JSONValue(try ResponsesReply(body, for: asked).answer(ResponseAdditions(), body: body))
        let expected =
            #"[{"id":"ctc_1_0","type":"custom_tool_call","status":"completed","call_id":"a","name":"patch","input":"*** Begin\n😀"},"#
            + #"{"id":"fc_1_1","type":"function_call","status":"completed","call_id":"b","name":"f","arguments":"{}"},"#
            + #"{"id":"ctc_1_2","type":"custom_tool_call","status":"completed","call_id":"c","name":"patch","input":""}]"#
        #expect(whole["output"]?.string == expected)

        let pieces = [
            #"{"index":0,"id":"a","type":"custom","custom":{"name":"patch","input":""}}"#,
            #"{"index":0,"custom":{"input":"*** Begin\n"}}"#,
            #"{"index":1,"id":"b","type":"function","function":{"name":"f","arguments":"{"}}"#,
            #"{"index":0,"custom":{"input":"😀"}}"#, #"{"index":1,"function":{"arguments":"}"}}"#,
            // Some say the same index of every call.
            #"{"index":0,"id":"c","type":"custom","custom":{"name":"patch","input":""}}"#,
        ]
        let deltas = pieces.map { #"{"delta":{"tool_calls":[\#($0)]}}"# } + [#"{"delta":{},"finish_reason":"tool_calls"}"#]
        let stream = deltas.map { "data: {\"model\":\"m-1\",\"choices\":[\($0)]}\n\n" }.joined() + "data: [DONE]\n\n"
        var tap = ResponsesEvents(for: asked)
        let output = tap.feed(Array(stream.utf8)) + tap.finish(estimated: nil, additions: ResponseAdditions())
        #expect(try JSONValue(try #require(tap.response))["output"]?.string == expected)
        let events = try String(decoding: output, as: UTF8.self).split(separator: "\n").filter { $0.hasPrefix("data: ") }
            .map { try JSONValue(Array($0.dropFirst(6).utf8)) }
        func said(_ type: String) -> [String] {
            events.filter { $0["type"]?.text == type }.map { event in
                "\(event["item_id"]?.text ?? "") \((event["delta"] ?? event["input"])?.text ?? "")"
            }
        }
        #expect(said("response.custom_tool_call_input.delta") == ["ctc_1_0 *** Begin\n", "ctc_1_0 😀"])
        #expect(said("response.custom_tool_call_input.done") == ["ctc_1_0 *** Begin\n😀", "ctc_1_2 "])
        #expect(said("response.function_call_arguments.delta") == ["fc_1_1 {", "fc_1_1 }"])
        // Who goes on from it says the same to the next provider.
        let next = try ResponsesTranslation(
            Array(#"{"model":"m","input":[{"type":"custom_tool_call_output","call_id":"a","output":"done"}]}"#.utf8),
            history: asked.conversation(with: try #require(tap.response)), id: "resp_2", createdAt: 18)
        let messages = try JSONValue(next.chat)["messages"]?.elements
        let again = try JSONValue(Array("[\(calls.joined(separator: ","))]".replacing(#""custom":null,"#, with: "").utf8))
        #expect(messages?[1]["tool_calls"] == again)
        #expect(messages?[2].string == #"{"role":"tool","tool_call_id":"a","content":"done"}"#)
    }
}
