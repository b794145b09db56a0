import Foundation
import JSON
import Money
import TestSupport
import Testing

@testable import Dialects

@Suite struct ResponsesTests {
    private func translate(_ fields: String, history: String? = nil) throws -> ResponsesTranslation {
        try ResponsesTranslation(
            Array("{\"model\":\"m\",\(fields)}".utf8), history: history.map { Array($0.utf8) }, id: "resp_1", createdAt: 17)
    }

    private func messages(_ input: String, history: String? = nil) throws -> String {
        let chat = try JSONValue(try translate("\"input\":\(input)", history: history).chat)
        return String(decoding: try #require(chat["messages"]).bytes, as: UTF8.self)
    }

    @Test func itemsBecomeMessages() throws {
        #expect(try messages(#""Hi""#) == #"[{"role":"user","content":"Hi"}]"#)
        #expect(
            try messages(
                """
                [{"role":"developer","content":"Be brief."},
                {"type":"message","role":"user","content":[{"type":"input_text","text":"What is it?"},
                {"type":"input_image","image_url":"data:image/png;base64,AA==","detail":"low"},
                {"type":"input_file","filename":"a.pdf","file_data":"data:application/pdf;base64,AA=="}]}]
                """)
                == #"[{"role":"system","content":"Be brief."},{"role":"user","content":[{"type":"text","text":"What is it?"},"#
                + #"{"type":"image_url","image_url":{"url":"data:image/png;base64,AA==","detail":"low"}},"#
                + #"{"type":"file","file":{"file_data":"data:application/pdf;base64,AA==","filename":"a.pdf"}}]}]"#)
        // What the assistant said and called is one turn; what it thought is left behind.
        let turn = """
            {"type":"reasoning","summary":[]},{"type":"message","role":"assistant","content":[{"type":"output_text","text":"One "},
            {"type":"output_text","text":"moment."}]},{"type":"function_call","call_id":"c1","name":"f","arguments":"{}"},
            {"type":"function_call","call_id":"c2","name":"g","arguments":"{}"},
            {"type":"function_call_output","call_id":"c1","output":"1"},
            {"type":"function_call_output","call_id":"c2","output":[{"type":"input_text","text":"2"}]}
            """
        let expected =
            #"{"role":"assistant","content":"One moment.","tool_calls":["#
            + #"{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}},"#
            + #"{"id":"c2","type":"function","function":{"name":"g","arguments":"{}"}}]},"#
            + #"{"role":"tool","tool_call_id":"c1","content":"1"},{"role":"tool","tool_call_id":"c2","content":"2"}"#
        #expect(try messages("[\(turn)]") == "[\(expected)]")
        #expect(try messages(#""Go on""#, history: "[\(turn)]") == "[\(expected),{\"role\":\"user\",\"content\":\"Go on\"}]")
        #expect(
            try messages(#"[{"role":"assistant","content":[{"type":"refusal","refusal":"No."}]}]"#)
                == #"[{"role":"assistant","content":null,"refusal":"No."}]"#)
    }

    /// What an item says and nobody would be told is refused; what an answer's item says of itself means nothing.
    @Test func unknownMembersOfItemsAreRefusedByName() throws {
        for (item, param) in [
            (#"{"role":"user","content":"x","cache_control":{}}"#, "input[0].cache_control"),
            (#"{"type":"function_call","call_id":"c","name":"f","arguments":"","namespace":"n"}"#, "input[0].namespace"),
            (#"{"type":"reasoning","summary":[],"depth":1}"#, "input[0].depth"),
            (#"{"role":"user","content":[{"type":"input_text","text":"x","weight":1}]}"#, "input[0].content[0].weight"),
            (#"{"role":"assistant","content":[{"type":"output_text","text":"x","tone":1}]}"#, "input[0].content[0].tone"),
            (
                #"{"role":"user","content":[{"type":"input_image","image_url":"data:","file_id":"f"}]}"#,
                "input[0].content[0].image_url"
            ),
        ] {
            let error = #expect(throws: APIError.self) { try messages("[\(item)]") }
            #expect(error?.param == param && error?.status == 400)
        }
        let own =
            #"{"id":"msg_1","type":"message","status":"completed","role":"assistant","phase":"final_answer","content":[{"type":"#
            + #""output_text","text":"x","annotations":[],"logprobs":[]}]},{"id":"fc","type":"function_call","status":"completed","#
            + #""call_id":"c","name":"f","arguments":"","namespace":null}"#
        #expect(try messages("[\(own)]").contains(#""content":"x""#))
    }

    /// What a model wants to see again of its thoughts goes back to it, and to no other.
    @Test func thoughtsGoBackToWhoHadThem() throws {
        let details =
            #"[{"type":"reasoning.text","text":"Hmm.","signature":"s","format":"anthropic-claude-v1","index":0}]"#
        let body =
            #"{"id":"c","model":"m-1","choices":[{"index":0,"message":{"role":"assistant","content":null,"reasoning":"Hmm.","#
            + #""reasoning_details":\#(details),"tool_calls":[{"id":"a","type":"function","function":{"name":"f","#
            + #""arguments":"{}"}}]},"finish_reason":"tool_calls"}]}"#
        let request = try translate(#""input":"x""#)
        let whole = try ResponsesReply(Array(body.utf8), for: request).answer(ResponseAdditions(), body: Array(body.utf8))
        let streamed =
            chunk(
                #"{"role":"assistant","reasoning":"Hmm.","reasoning_details":[{"type":"reasoning.text","text":"Hm","#
                    + #""format":"anthropic-claude-v1","index":0}]}"#)
            + chunk(
                #"{"reasoning_details":[{"type":"reasoning.text","text":"m.","signature":null,"format":"anthropic-claude-v1","#
                    + #""index":0}]}"#)
            + chunk(
                #"{"reasoning_details":[{"type":"reasoning.text","signature":"s","format":"anthropic-claude-v1","index":0}]}"#)
            + chunk(#"{"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]}"#)
            + chunk("{}", #""tool_calls""#) + "data: [DONE]\n\n"
        let answers = [whole, try #require(try run(Array(streamed.utf8)) { 7 }.tap.response)]
        for answer in answers {
            let output = try #require(try JSONValue(answer)["output"]?.elements)
            let result = #"{"type":"function_call_output","call_id":"a","output":"1"}"#
            let items = output.map { String(decoding: $0.bytes, as: UTF8.self) } + [result]
            let again = try messages("[\(items.joined(separator: ","))]")
            let message = try #require(try JSONValue(Array(again.utf8)).elements?.first)
            #expect(try message["reasoning_details"] == JSONValue(Array(details.utf8)), "\(again)")
            #expect(message["tool_calls"]?.elements?.count == 1)
            // From the conversation that is kept as well.
            let kept = String(decoding: request.conversation(with: answer), as: UTF8.self)
            #expect(try messages("[\(result)]", history: kept).contains("reasoning_details"))
            let other = try ResponsesTranslation(
                Array(#"{"model":"other","input":[\#(items.joined(separator: ","))]}"#.utf8), history: nil, id: "resp_2",
                createdAt: 1)
            #expect(!String(decoding: other.chat, as: UTF8.self).contains("reasoning_details"))
        }
    }

    /// An answer that was cut off says which item was, and a call without an id gets one.
    @Test func whatWasCutOffIsIncomplete() throws {
        let stream = chunk(#"{"content":"One "}"#) + chunk(#"{"content":"two"}"#) + chunk("{}", #""length""#) + "data: [DONE]\n\n"
        let response = try JSONValue(try #require(try run(Array(stream.utf8)) { .max }.tap.response))
        #expect(response["status"] == .string("incomplete"))
        #expect(response["output"]?.elements?.last?["status"] == .string("incomplete"))
        let body =
            #"{"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"x","tool_calls":[{"type":"function","#
            + #""function":{"name":"f","arguments":"{"}}]},"finish_reason":"length"}]}"#
        let scan = try ResponsesReply(Array(body.utf8), for: try translate(#""input":"x""#))
        let output = try JSONValue(scan.answer(ResponseAdditions(), body: Array(body.utf8)))["output"]?.elements
        #expect(output?.map { $0["status"] } == [.string("completed"), .string("incomplete")])
        #expect(output?.last?["call_id"]?.text?.isEmpty == false)
    }

    @Test func aResultFollowsTheMessageWithItsCall() throws {
        let items = """
            [{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},{"role":"assistant","content":"Looking."},
            {"type":"function_call_output","call_id":"c","output":"1"}]
            """
        #expect(
            try messages(items)
                == #"[{"role":"assistant","content":"Looking.","tool_calls":["#
                + #"{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},"#
                + #"{"role":"tool","tool_call_id":"c","content":"1"}]"#)
        // What would be lost is refused.
        for lost in [
            #""input":[{"type":"function_call_output","call_id":"c","output":[{"type":"input_audio"}]}]"#,
            #""input":[{"role":"assistant","content":[{"type":"output_text","text":5}]}]"#, #""input":"x","tools":{}"#,
        ] {
            #expect(throws: APIError.self) { try translate(lost) }
        }
    }

    @Test func nothingComesAfterAnError() throws {
        let text =
            chunk(#"{"content":"Hi"}"#) + "data: {\"error\":{\"message\":\"overloaded\"}}\n\n" + chunk(#"{"content":"more"}"#)
            + "data: [DONE]\n\n"
        let (output, tap) = try run(Array(text.utf8)) { 5 }
        #expect(output.contains("event: error\n") && !output.contains("more") && !output.contains("response.completed"))
        #expect(tap.response == nil)
    }

    @Test func anErrorCountsTheClientsOwnItems() {
        let history = #"[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]"#
        let error = #expect(throws: APIError.self) {
            try translate(#""input":[{"role":"user","content":"c"},{"role":"user","content":5}]"#, history: history)
        }
        #expect(error?.param == "input[1].content" && error?.status == 400)
    }

    private func chunk(_ delta: String, _ reason: String = "null") -> String {
        #"data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m-1","choices":[{"index":0,"delta":"#
            + delta + #","finish_reason":\#(reason)}]}"# + "\n\n"
    }

    private var stream: [UInt8] {
        let text =
            chunk(#"{"role":"assistant","reasoning":"Hm"}"#) + chunk(#"{"reasoning":"m."}"#) + chunk(#"{"content":"Grüße 🌍"}"#)
            + chunk(#"{"refusal":"No"}"#)
            + chunk(#"{"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\""}}]}"#)
            + chunk(#"{"tool_calls":[{"index":1,"id":"b","type":"function","function":{"name":"g","arguments":"{}"}}]}"#)
            + chunk(#"{"tool_calls":[{"index":0,"function":{"arguments":":1}"}}]}"#) + chunk("{}", #""tool_calls""#)
            + #"data: {"id":"c","model":"m-1","choices":[],"usage":{"prompt_tokens":5,"completion_tokens":3,"total_tokens":8}}"#
            + "\n\ndata: [DONE]\n\n"
        return Array(text.utf8)
    }

    /// The events of the stream when it comes in pieces of these sizes.
    private func run(_ bytes: [UInt8], _ size: () -> Int) throws -> (text: String, tap: ResponsesEvents) {
        var tap = ResponsesEvents(for: try translate(#""input":"x","store":false"#))
        var output: [UInt8] = []
        var start = 0
        while start < bytes.count {
            let end = min(bytes.count, start + max(1, size()))
            output += tap.feed(Array(bytes[start..<end]))
            start = end
        }
        output += tap.end()
        output += tap.finish(estimated: nil, additions: ResponseAdditions(metadata: nil, bill: Bill.none))
        return (String(decoding: output, as: UTF8.self), tap)
    }

    @Test func theSameEventsComeHoweverTheBytesAreCut() throws {
        let whole = try run(stream) { .max }
        let names = whole.text.split(separator: "\n").filter { $0.hasPrefix("event: ") }.map { $0.dropFirst(7) }
        #expect(
            names == [
                "response.created", "response.in_progress", "response.output_item.added",
                "response.reasoning_summary_part.added", "response.reasoning_summary_text.delta",
                "response.reasoning_summary_text.delta", "response.reasoning_summary_text.done",
                "response.reasoning_summary_part.done", "response.output_item.done", "response.output_item.added",
                "response.content_part.added", "response.output_text.delta", "response.output_text.done",
                "response.content_part.done", "response.content_part.added", "response.refusal.delta", "response.refusal.done",
                "response.content_part.done", "response.output_item.done", "response.output_item.added",
                "response.function_call_arguments.delta", "response.output_item.added",
                "response.function_call_arguments.delta", "response.function_call_arguments.delta",
                "response.function_call_arguments.done", "response.output_item.done",
                "response.function_call_arguments.done", "response.output_item.done", "response.completed",
            ])
        let response = try JSONValue(try #require(whole.tap.response))
        #expect(
            response["output"]?.elements?.map { $0["type"]?.text } == ["reasoning", "message", "function_call", "function_call"])
        #expect(response["output"]?.elements?[2]["arguments"]?.text == #"{"x":1}"#)
        #expect(whole.tap.usage == TokenUsage(promptTokens: 5, completionTokens: 3) && whole.tap.isComplete)
        for size in 1...stream.count { #expect(try run(stream) { size }.text == whole.text, "pieces of \(size)") }
        var random = SeededGenerator(seed: TestEnvironment.seed("cuts of a stream of responses"))
        for _ in 0..<(TestEnvironment.soak ? 5_000 : 100) {
            let text = try run(stream) { Int.random(in: 1...60, using: &random) }.text
            #expect(text == whole.text)
        }
    }

    @Test func whateverComesEndsInEventsThatAreJSON() throws {
        var random = SeededGenerator(seed: TestEnvironment.seed("damaged streams of responses"))
        for _ in 0..<(TestEnvironment.soak ? 20_000 : 500) {
            var bytes = stream
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            let text = try run(bytes) { Int.random(in: 1...200, using: &random) }.text
            for line in text.split(separator: "\n") where line.hasPrefix("data: ") {
                #expect((try? JSONValue(Array(line.dropFirst(6).utf8))) != nil, "\(line)")
            }
        }
    }

    @Test func aLongSafetyIdentifierIsAUserByItsDigest() throws {
        let long = String(repeating: "s", count: 65)
        let user = try JSONValue(try translate(#""input":"x","safety_identifier":"\#(long)""#).chat)["user"]?.text
        #expect(user?.count == 64 && user?.allSatisfy(\.isHexDigit) == true)
        let short = try JSONValue(try translate(#""input":"x","safety_identifier":"s1""#).chat)["user"]?.text
        #expect(short == "s1")
    }

    @Test func anAnswerIsOnlyWhatItsChatCompletionSays() throws {
        let request = try translate(#""input":"x","max_output_tokens":9,"metadata":{"a":"b"},"truncation":"auto""#)
        let body =
            #"{"id":"c","model":"m-1","choices":[{"message":{"content":"Hi"},"finish_reason":"length"}],"#
            + #""usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}"#
        let reply = try ResponsesReply(Array(body.utf8), for: request)
        let answer = try JSONValue(reply.answer(ResponseAdditions(), body: Array(body.utf8)))
        #expect(answer["id"]?.text == "resp_1" && answer["created_at"]?.int64 == 17 && answer["status"]?.text == "incomplete")
        #expect(answer["incomplete_details"]?["reason"]?.text == "max_output_tokens" && answer["max_output_tokens"]?.int64 == 9)
        #expect(answer["metadata"]?["a"]?.text == "b" && answer["usage"]?["total_tokens"]?.int64 == 3)
        #expect(answer["usage"]?["input_tokens_details"]?["cache_write_tokens"]?.int64 == 0)
        // Nothing is cut from a conversation here.
        #expect(answer["truncation"]?.text == "disabled")
        let items = try JSONValue(request.conversation(with: answer.bytes)).elements
        #expect(items?.count == 2 && items?[0]["content"]?.text == "x" && items?[1]["role"]?.text == "assistant")
        // Who goes on from it gets it back as it was.
        let next = String(decoding: JSONValue.array(items ?? []).bytes, as: UTF8.self)
        #expect(
            try messages(#""y""#, history: next)
                == #"[{"role":"user","content":"x"},{"role":"assistant","content":"Hi"},{"role":"user","content":"y"}]"#)
    }
}
