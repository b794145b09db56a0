import Catalogue
import Foundation
import JSON
import Money
import TestSupport
import Testing

@testable import Dialects

/// The Responses API on both sides: what goes through as it came, and what is the gateway's own.
@Suite struct NativeResponsesTests {
    private static func mapping() throws -> Mapping {
        let file =
            #"{"providers":[{"id":"p","name":"P","base_url":"https://p.example/v1"}],"models":[{"id":"m","name":"M","#
            + #""family":"f","mappings":[{"provider":"p","model":"up","api":"responses","prices":{"input":"1","output":"1"},"#
            + #""context_size":9,"reasoning":true}]}]}"#
        return try Catalogue.load(contents: [(path: "f", bytes: Array(file.utf8))], environment: [:]).models[0].mappings[0]
    }

    private func request(_ fields: String, history: String? = nil) throws -> ResponsesTranslation {
        try ResponsesTranslation(
            Array("{\"model\":\"m\",\(fields)}".utf8), history: history.map { Array($0.utf8) }, id: "resp_1", createdAt: 17)
    }

    private func body(_ fields: String, history: String? = nil) throws -> String {
        let native = NativeResponses(try request(fields, history: history), mapping: try Self.mapping(), isAzure: false)
        return String(decoding: try native.body(model: "up", maximumTokens: 50), as: UTF8.self)
    }

    private static let head = #"{"model":"up","max_output_tokens":50,"store":false,"include":["reasoning.encrypted_content"]"#

    @Test func whatTheClientSaysGoesAsItCame() throws {
        let input =
            #""input" : [ {"role":"user", "content":"Gr\u00fc\u00dfe"},{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"gAAA"} ]"#
        #expect(
            try body(#"\#(input),"temperature":0.50,"store":true,"routing":"price","metadata":{"a":"b"},"max_output_tokens":50"#)
                == Self.head
                + #","input":[ {"role":"user", "content":"Gr\u00fc\u00dfe"},{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"gAAA"} ],"#
                + #""temperature":0.50,"metadata":{"a":"b"}}"#)
        #expect(try body(#""input":"Hi","include":[],"stream":false"#) == Self.head + #","input":"Hi","stream":false}"#)
    }

    /// A chat is told how long its prompt may be cached, and nothing of what it has nothing like.
    @Test func whatAChatHasNothingLikeGoesToTheSameAPIAlone() throws {
        let fields =
            #""prompt_cache_retention":"24h","stream":true,"stream_options":{"include_obfuscation":false},"max_tool_calls":3"#
        #expect(try body(#""input":"Hi",\#(fields)"#) == Self.head + #","input":"Hi",\#(fields)}"#)
        let chat = try request(#""input":"Hi",\#(fields)"#).chat
        #expect(
            String(decoding: chat, as: UTF8.self)
                == #"{"model":"m","messages":[{"role":"user","content":"Hi"}],"stream":true,"#
                + #""stream_options":{"include_usage":true},"prompt_cache_retention":"24h"}"#)
        for (wrong, param) in [
            (#""prompt_cache_retention":24"#, "prompt_cache_retention"), (#""stream_options":[]"#, "stream_options"),
            (#""stream_options":{"include_usage":true}"#, "stream_options.include_usage"),
            (#""stream_options":{"include_obfuscation":1}"#, "stream_options.include_obfuscation"),
            (#""max_tool_calls":0"#, "max_tool_calls"), (#""max_tool_calls":"1""#, "max_tool_calls"),
        ] {
            let error = #expect(throws: APIError.self) { try request("\"input\":\"x\",\(wrong)") }
            #expect(error?.param == param && error?.status == 400, "\(wrong)")
        }
    }

    @Test func functionsThatMayBeCalledAreNamedInBothAPIs() throws {
        let tools = #""tools":[{"type":"function","name":"f"},{"type":"function","name":"g"}]"#
        let choice = #"{"type":"allowed_tools","mode":"required","tools":[{"type":"function","name":"g"}]}"#
        #expect(try body(#""input":"x",\#(tools),"tool_choice":\#(choice)"#).hasSuffix(#""tool_choice":\#(choice)}"#))
        let chat = try JSONValue(try request(#""input":"x",\#(tools),"tool_choice":\#(choice)"#).chat)["tool_choice"]
        let expected =
            #"{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[{"type":"function","function":{"name":"g"}}]}}"#
        #expect(chat.map { String(decoding: $0.bytes, as: UTF8.self) } == expected)
        for wrong in [
            #"{"type":"allowed_tools","mode":"required","tools":[{"type":"mcp","server_label":"s"}]}"#,
            #"{"type":"allowed_tools","mode":"required","tools":[]}"#,
            #"{"type":"allowed_tools","mode":"none","tools":[{"type":"function","name":"g"}]}"#,
            #"{"type":"file_search"}"#, "{}", "1",
        ] {
            let error = #expect(throws: APIError.self) {
                try request("\"input\":\"x\",\(tools),\"tool_choice\":\(wrong)")
            }
            #expect(error?.param == "tool_choice", "\(wrong)")
        }
    }

    /// What only a provider of the same API can be told goes there as it came, is counted, and keeps the request from others.
    @Test(
        arguments: [
            (
                #""input":[{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"c","output":[{"type":"input_text","text":"x"},{"type":"input_image","image_url":"data:image/png;base64,AA=="}]}]"#,
                "input[1].output"
            ),
            (#""input":"x","top_logprobs":2"#, "top_logprobs"),
        ])
    func whatOtherAPIsCanNotBeTold(_ fields: String, _ param: String) throws {
        #expect(try body(fields) == Self.head + ",\(fields)}")
        let asked = try request(fields)
        #expect(asked.exclusive?.param == param && asked.exclusive?.status == 400)
        let scan = try ChatRequestScan(asked.chat)
        #expect(scan.images == (param == "input[1].output" ? 1 : 0))
        #expect(scan.textBytes > (param.hasPrefix("input") ? 10 : 0))
        #expect(try request(#""input":"x""#).exclusive == nil)
    }

    /// Custom tools go there as they came, and others can be told of them in another way.
    @Test(arguments: [
        #""input":"x","tools":[{"type":"custom","name":"patch","format":{"type":"text"}}],"tool_choice":{"type":"custom","name":"patch"}"#,
        #""input":[{"type":"custom_tool_call","call_id":"c","name":"patch","input":"*** Begin"},{"type":"custom_tool_call_output","call_id":"c","output":"done"}]"#,
    ])
    func customToolsGoAsTheyCame(_ fields: String) throws {
        #expect(try body(fields) == Self.head + ",\(fields)}")
        let asked = try request(fields)
        #expect(asked.exclusive == nil)
        #expect(try ChatRequestScan(asked.chat).hasCustomTools)
        #expect(Dialect.openai.takesCustomTools(try Self.mapping()))
    }

    @Test func whatIsIncludedIsAdded() throws {
        let fields = #""input":"x","include":["message.output_text.logprobs","reasoning.encrypted_content"]"#
        #expect(
            try body(fields)
                == String(Self.head.dropLast()) + #","message.output_text.logprobs"],"input":"x"}"#)
        #expect(try request(fields).exclusive?.param == "include")
        for (wrong, param) in [
            (#""include":["file_search_call.results"]"#, "include"), (#""include":"x""#, "include"),
            (#""top_logprobs":21"#, "top_logprobs"), (#""top_logprobs":"2""#, "top_logprobs"),
        ] {
            let error = #expect(throws: APIError.self) { try request("\"input\":\"x\",\(wrong)") }
            #expect(error?.param == param, "\(wrong)")
        }
        // A client of another model's hears that it is what came before.
        let image = #"{"type":"input_image","image_url":"data:image/png;base64,AA=="}"#
        let before =
            #"[{"type":"function_call","call_id":"c","name":"f","arguments":""},"#
            + #"{"type":"function_call_output","call_id":"c","output":[\#(image)]}]"#
        #expect(
            try request(#""input":"x","previous_response_id":"resp_0""#, history: before).exclusive?.param
                == "previous_response_id")
    }

    @Test func whatCameBeforeGoesBeforeIt() throws {
        let history =
            #"[{"role":"user","content":"A"},{"id":"rs_1","type":"reasoning","summary":[],"encrypted_content":"gAAA"},"#
            + #"{"id":"msg_1","type":"message","role":"assistant","status":"completed","content":[{"type":"output_text","text":"B"}]}]"#
        #expect(
            try body(#""input":"C","previous_response_id":"resp_0""#, history: history)
                == Self.head
                + #","input":[{"role":"user","content":"A"},{"id":"rs_1","type":"reasoning","summary":[],"encrypted_content":"gAAA"},"#
                + #"{"type":"message","role":"assistant","status":"completed","content":[{"type":"output_text","text":"B"}]},"#
                + #"{"role":"user","content":"C"}]}"#)
        // Thoughts that lie in the gateway's own wrapping are unwrapped, and those of others left behind.
        func wrapped(_ model: String) -> String {
            let details = #"[{"type":"reasoning.encrypted","data":"gBBB","id":"rs_2","format":"openai-responses-v1","index":0}]"#
            var text: [UInt8] = []
            text.appendJSON(string: #"{"model":"\#(model)","reasoning_details":\#(details)}"#)
            return #"{"type":"reasoning","summary":[],"encrypted_content":\#(String(decoding: text, as: UTF8.self))}"#
        }
        #expect(
            try body(
                #""input":[{"role":"user","content":"A"},\#(wrapped("m")),\#(wrapped("other")),{"type":"reasoning","summary":[]}]"#
            )
                == Self.head
                + #","input":[{"role":"user","content":"A"},{"type":"reasoning","id":"rs_2","summary":[],"encrypted_content":"gBBB"}]}"#
        )
    }

    private func run(_ bytes: [UInt8], _ size: () -> Int) throws -> (output: String, tap: ResponsesTap) {
        var answer = PassedAnswer.responses(of: "p")
        var tap = ResponsesTap(for: try request(#""input":"x","metadata":{"t":"1"}"#))
        var output: [UInt8] = []
        var start = 0
        while start < bytes.count {
            let end = min(bytes.count, start + max(1, size()))
            output += tap.feed(answer.feed(Array(bytes[start..<end])))
            start = end
        }
        output += tap.feed(answer.end()) + tap.end()
        if tap.isComplete { output += tap.finish(estimated: nil, additions: ResponseAdditions(bill: Bill.none)) }
        return (String(decoding: output, as: UTF8.self), tap)
    }

    @Test func aStreamGoesThroughUnderItsOwnID() throws {
        let golden = String(decoding: try Golden.read("stream.sse", of: "Responses"), as: UTF8.self)
        let (output, tap) = try run(Array(golden.utf8)) { .max }
        #expect(tap.isComplete && tap.finishReasons == ["stop"] && tap.error == nil)
        #expect(tap.usage == TokenUsage(promptTokens: 100, completionTokens: 50, cachedTokens: 40, reasoningTokens: 30))
        let (events, given) = (output.components(separatedBy: "\n\n"), golden.components(separatedBy: "\n\n"))
        #expect(events.count == given.count)
        for (event, original) in zip(events, given) where !original.isEmpty {
            guard original.contains("\"response\":") else {
                #expect(event == original)
                continue
            }
            #expect(!event.contains("\"id\": \"resp_1\"") && event.contains(#""id":"resp_1""#))
            #expect(event.components(separatedBy: "\n")[0] == original.components(separatedBy: "\n")[0])
        }
        let final = try JSONValue(try #require(tap.response))
        #expect(final["usage"]?["cost"] == .number("0") && final["usage"]?["total_tokens"]?.int64 == 150)
        let details = final["usage"]?["input_tokens_details"]
        #expect(details?["cached_tokens"]?.int64 == 40 && details?["cache_write_tokens"]?.int64 == 0)
    }

    @Test func whatIsTheGatewaysIsPutIntoAnAnswer() throws {
        let body = try #require(try Golden.json("answer.json", of: "Responses")["responses"])
        let asked = try request(#""input":"x","store":false,"metadata":{"t":"1"},"previous_response_id":"resp_0""#)
        let reply = try NativeResponsesReply(body.bytes, for: asked)
        #expect(reply.usage?.reasoningTokens == 30 && reply.finishReasons == ["tool_calls"] && reply.error == nil)
        let answer = try JSONValue(reply.answer(ResponseAdditions(bill: Bill.none), body: body.bytes))
        #expect(answer["id"] == .string("resp_1") && answer["output"] == body["output"] && answer["model"] == body["model"])
        #expect(answer["usage"]?["cost"] == .number("0") && answer["usage"]?["input_tokens"]?.int64 == 100)
        let failed = #"{"object":"response","status":"failed","output":[],"error":{"code":"server_error","message":"Oh"}}"#
        #expect(try NativeResponsesReply(Array(failed.utf8), for: asked).error?.status == 502)
        for wrong in ["{}", "[", #"{"object":"response"}"#] {
            #expect(throws: ChatResponseError.self) { try NativeResponsesReply(Array(wrong.utf8), for: asked) }
        }
    }

    @Test func errorsBeforeAnythingWasSaidLeaveTheOthers() throws {
        func event(_ type: String, _ fields: String) -> String { "data: {\"type\":\"\(type)\",\(fields)}\n\n" }
        let begun = event("response.created", #""response":{"id":"r","status":"in_progress"}"#)
        let failed = event("response.failed", #""response":{"id":"r","error":{"code":"server_error","message":"Oh"}}"#)
        var answer = PassedAnswer.responses(of: "p")
        #expect(answer.feed(Array((begun + failed).utf8)).isEmpty && answer.error?.status == 502)
        let said = event("response.output_text.delta", #""output_index":0,"delta":"x""#)
        let late = try run(Array((begun + said + failed + said).utf8)) { 5 }
        #expect(late.tap.error?.status == 502 && !late.tap.isComplete && late.output.contains(#""id":"resp_1","error""#))
        #expect(late.output.components(separatedBy: "output_text.delta").count == 3)
        // Without an end the stream was broken off.
        let half = try run(Array((begun + said).utf8)) { 5 }
        #expect(!half.tap.isComplete && half.tap.estimatedCompletionTokens == 1)
    }

    /// An end without the answer that it is said to hold is none.
    @Test(arguments: ["", #","response":null"#, #","response":"x""#]) func anEndHasAnAnswer(_ response: String) throws {
        let said = "data: {\"type\":\"response.output_text.delta\",\"output_index\":0,\"delta\":\"x\"}\n\n"
        for type in ["response.completed", "response.incomplete"] {
            let (output, tap) = try run(Array("\(said)data: {\"type\":\"\(type)\"\(response)}\n\n".utf8)) { 5 }
            #expect(tap.failure == .malformedEvent && !tap.isComplete && tap.response == nil)
            #expect(output.contains("output_text.delta") && !output.contains(type))
        }
    }

    /// However the bytes are cut, the same comes out, and what is no stream never crashes.
    @Test func cutsDoNotMatter() throws {
        var random = RandomJSON(seed: TestEnvironment.seed("cuts of a stream of responses that goes through"))
        let golden = String(decoding: try Golden.read("stream.sse", of: "Responses"), as: UTF8.self)
        for _ in 0..<100 {
            var bytes = Array(golden.replacing("\n", with: ["\n", "\r\n", "\r"][random.below(3)]).utf8)
            if random.below(3) > 0 { bytes = random.mutated(bytes) }
            let whole = try run(bytes) { .max }
            for _ in 0..<3 {
                let size = random.below(60) + 1
                let cut = try run(bytes) { random.below(size) + 1 }
                #expect(cut.output == whole.output && cut.tap.usage == whole.tap.usage && cut.tap.failure == whole.tap.failure)
            }
            _ = try run((0..<random.below(300)).map { _ in UInt8(random.below(256)) }) { 9 }
            _ = try run(Array("data: \(random.value())\n\n".utf8)) { 9 }
        }
    }
}
