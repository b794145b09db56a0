import JSON
import Money
import TestSupport
import Testing

@testable import Dialects

/// Calls of the functions that stand for custom tools become calls of these again.
@Suite struct CustomToolAnswerTests {
    private func functions() throws -> FunctionChat {
        let chat =
            #"{"model":"m","messages":[{"role":"user","content":"x"}],"tools":[{"type":"custom","custom":{"name":"patch"}},"#
            + #"{"type":"function","function":{"name":"f"}}]}"#
        return try FunctionChat(Array(chat.utf8))
    }

    private func run(_ bytes: [UInt8], _ size: () -> Int) throws -> (output: String, answer: any ForeignAnswer) {
        let fed = try functions().answer(of: "p").fed(bytes, size)
        return (String(decoding: fed.output, as: UTF8.self), fed.answer)
    }

    private func stream(_ choices: [String]) -> String {
        let usage = #""choices":[],"usage":{"prompt_tokens":5,"completion_tokens":3,"total_tokens":8}"#
        return (choices.map { "\"choices\":[\($0)]" } + [usage]).map { "data: {\"id\":\"c\",\($0)}\n\n" }.joined()
            + "data: [DONE]\n\n"
    }

    @Test func wholeAnswers() throws {
        let reader = try functions().answer(of: "p")
        func completion(_ calls: String) -> String {
            #"{"id":"c","model":"m-1","choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[\#(calls)]},"#
                + #""finish_reason":"tool_calls"}],"usage":{"prompt_tokens":5,"completion_tokens":3.0}}"#
        }
        let function = #"{"id":"b","type":"function","function":{"name":"f","arguments":"{\"input\":\"x\"}"}}"#
        let said = completion(
            #"{"id":"a","type":"function","function":{"name":"patch","arguments":"{\"input\": \"*** Begin\\n\\ud83d\\ude00\"}"},"extra_content":{"g":1}},"#
                + function)
        let expected = completion(
            #"{"id":"a","type":"custom","custom":{"name":"patch","input":"*** Begin\n😀"},"extra_content":{"g":1}},"# + function)
        #expect(String(decoding: try reader.completion(Array(said.utf8)), as: UTF8.self) == expected)
        // What calls nothing, and what is none, is as it was.
        for body in [#"{"choices": [{"message":{"content":"x"}}]}"#, #"{"error":{"message":"Oh"}}"#, "{\"tool_calls\"", ""] {
            #expect(String(decoding: try reader.completion(Array(body.utf8)), as: UTF8.self) == body)
        }
        #expect(reader.hiddenError(in: Array(#"{"error":{"message":"Oh","code":429}}"#.utf8))?.status == 429)
        #expect(reader.refusal(status: 400, body: Array(#"{"error":{"message":"Oh"}}"#.utf8)).message == "Oh")
    }

    /// What a function is called with before the input, or instead of it, may have no end.
    @Test func whatIsHeldIsBounded() {
        let passed = PassedAnswer(
            silent: [], failure: { _ in nil }, refused: { .upstream(status: $0, body: $1, provider: "p") })
        func call(_ arguments: String, isFirst: Bool = false) -> [UInt8] {
            let name: JSONValue? = isFirst ? .string("patch") : nil
            let function = JSONValue.members([("name", name), ("arguments", .string(arguments))])
            let id = isFirst ? #""id":"a","# : ""
            let delta = #"{"tool_calls":[{"index":0,\#(id)"function":\#(function.string)}]}"#
            return Array("data: {\"choices\":[{\"index\":0,\"delta\":\(delta)}]}\n\n".utf8)
        }
        let much = String(repeating: "x", count: 500)
        for (start, isHeld) in [(#"{"x":""#, true), (#"{""#, true), (#"{"x":1,"input":""#, false), ("print", false)] {
            var answer = CustomToolAnswer(passed, names: ["patch"], maximumHeldBytes: 5_000)
            _ = answer.feed(call(start, isFirst: true))
            for _ in 0..<20 where !answer.isMalformed { _ = answer.feed(call(much)) }
            #expect(answer.isMalformed == isHeld, "\(start)")
        }
    }

    private var deltas: [String] {
        [
            #"{"role":"assistant","content":null}"#,
            #"{"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"patch","arguments":""}}]}"#,
            #"{"tool_calls":[{"index":0,"function":{"arguments":"{\"input\":\"*** B"}}]}"#,
            #"{"tool_calls":[{"index":1,"id":"b","type":"function","function":{"name":"f","arguments":"{\"in"}}]}"#,
            #"{"tool_calls":[{"index":0,"function":{"name":null,"arguments":"egin\\n\\ud83d"}},{"index":1,"function":{"arguments":"put\":1}"}}]}"#,
            #"{"tool_calls":[{"index":0,"function":{"arguments":"\\ude00\"}"}}]}"#,
            // Another call of the same index, whole, with what is no such object.
            #"{"tool_calls":[{"index":0,"id":"d","type":"function","function":{"name":"patch","arguments":"print(1)"}}]}"#,
        ]
    }

    private func choices(_ deltas: [String]) -> [String] {
        deltas.map { #"{"index":0,"delta":\#($0)}"# } + [#"{"index":0,"delta":{},"finish_reason":"tool_calls"}"#]
    }

    @Test func streams() throws {
        let expected = [
            deltas[0], #"{"tool_calls":[{"index":0,"id":"a","type":"custom","custom":{"name":"patch","input":""}}]}"#,
            #"{"tool_calls":[{"index":0,"custom":{"input":"*** B"}}]}"#, deltas[3],
            #"{"tool_calls":[{"index":0,"custom":{"name":null,"input":"egin\n"}},{"index":1,"function":{"arguments":"put\":1}"}}]}"#,
            #"{"tool_calls":[{"index":0,"custom":{"input":"😀"}}]}"#,
            #"{"tool_calls":[{"index":0,"id":"d","type":"custom","custom":{"name":"patch","input":"print(1)"}}]}"#,
        ]
        let (output, answer) = try run(Array(stream(choices(deltas)).utf8)) { .max }
        #expect(output == stream(choices(expected)))
        #expect(answer.error == nil && !answer.isMalformed && answer.usage == nil)
        // The choices of one stream are apart from each other.
        func doubled(_ choices: [String]) -> [String] {
            choices.map { $0 + "," + $0.replacing(#"{"index":0,"delta""#, with: #"{"index":1,"delta""#) }
        }
        let mixed = try run(Array(stream(doubled(choices(deltas))).utf8)) { .max }
        #expect(mixed.output == stream(doubled(choices(expected))))
    }

    /// What a stream says beside chunks is told from the provider's own: its errors, and that it broke off.
    @Test func whatIsNoChunkStaysWhatItIs() throws {
        let error = "data: {\"error\":{\"message\":\"Oh\"}}\n\n"
        #expect(try run(Array(error.utf8)) { 3 }.output == error)
        let text = "data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\n"
        #expect(try run(Array((text + "data: {\"choi").utf8)) { 5 }.output == text)
        #expect(try run(Array((text + "data: [DONE]").utf8)) { 5 }.output == text + "data: [DONE]\n\n")
        let broken = "data: {\"tool_calls\":\n\n"
        #expect(try run(Array(broken.utf8)) { 5 }.output == broken)
    }

    /// The same through the reader of another dialect, which writes the chunks itself.
    @Test func otherDialectsAreReadFirst() throws {
        let inner = ResponsesAnswer(id: "chatcmpl-1", created: 17, provider: "p")
        var answer = try functions().answer(inner)
        let item = #"{"type":"function_call","call_id":"a","name":"patch","arguments":"{\"input\":\"x\"}"}"#
        let usage = #"{"input_tokens":5,"output_tokens":3}"#
        let response = #"{"object":"response","status":"completed","output":[\#(item)],"usage":\#(usage)}"#
        let events = [
            #"{"type":"response.output_item.done","output_index":0,"item":\#(item)}"#,
            #"{"type":"response.completed","response":\#(response)}"#,
        ]
        let output = answer.feed(Array(events.map { "data: \($0)\n\n" }.joined().utf8)) + answer.end()
        let text = String(decoding: output, as: UTF8.self)
        #expect(text.contains(#""custom":{"name":"patch","input":""}"#) && text.contains(#""custom":{"input":"x"}"#))
        #expect(text.hasSuffix("data: [DONE]\n\n") && answer.usage == TokenUsage(promptTokens: 5, completionTokens: 3))
        let whole = try JSONValue(try answer.completion(Array(response.utf8)))["choices"]?.elements?.first
        #expect(
            whole?["message"]?["tool_calls"]?.string
                == #"[{"id":"a","type":"custom","custom":{"name":"patch","input":"x"}}]"#)
    }

    @Test func theSameEventsComeHoweverTheBytesAreCut() throws {
        var random = RandomJSON(seed: TestEnvironment.seed("cuts of a stream with custom tools"))
        for _ in 0..<(TestEnvironment.soak ? 5_000 : 200) {
            let text = stream(choices(deltas)).replacing("\n", with: ["\n", "\r\n", "\r"][random.below(3)])
            var bytes = Array(text.utf8)
            if random.below(3) > 0 { bytes = random.mutated(bytes) }
            let whole = try run(bytes) { .max }
            for _ in 0..<4 {
                let size = random.below(60) + 1
                let cut = try run(bytes) { random.below(size) + 1 }
                #expect(cut.output == whole.output && cut.answer.isMalformed == whole.answer.isMalformed)
            }
        }
    }
}
