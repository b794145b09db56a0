import JSON
import Money
import TestSupport
import Testing

@testable import Dialects

/// What goes to a provider in the Responses API is read there as the entrance of the same API reads it.
@Suite struct ResponsesRoundTripTests {
    /// Makes chat completion requests in the one of several ways to say a thing that the entrance writes.
    private struct Maker {
        var random: RandomJSON
        var calls = 0

        mutating func chance(_ count: Int) -> Bool { random.below(count) == 0 }

        mutating func text() -> String { "\"x\(random.string().dropFirst())" }

        mutating func part() -> String {
            switch random.below(4) {
            case 0: #"{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgo="}}"#
            case 1: #"{"type":"image_url","image_url":{"url":"https://example.org/\#(random.below(99))","detail":"low"}}"#
            case 2: #"{"type":"file","file":{"filename":\#(text()),"file_data":"data:application/pdf;base64,JVBERi0="}}"#
            default: #"{"type":"text","text":\#(text())}"#
            }
        }

        mutating func turn() -> [String] {
            switch random.below(4) {
            case 0: return [#"{"role":"user","content":\#(text())}"#]
            case 1: return [#"{"role":"user","content":[\#(part()),\#(part())]}"#]
            case 2: return [#"{"role":"assistant","content":\#(text())}"#, #"{"role":"system","content":\#(text())}"#]
            default:
                var made: [String] = []
                var results: [String] = []
                for _ in 0...random.below(2) {
                    calls += 1
                    let (type, input) = chance(3) ? ("custom", "input") : ("function", "arguments")
                    made.append(
                        #"{"id":"c\#(calls)","type":"\#(type)","\#(type)":{"name":"f","\#(input)":\#(random.string())}}"#)
                    results.append(#"{"role":"tool","tool_call_id":"c\#(calls)","content":\#(text())}"#)
                }
                let said = chance(2) ? text() : "null"
                return [#"{"role":"assistant","content":\#(said),"tool_calls":[\#(made.joined(separator: ","))]}"#] + results
            }
        }

        mutating func request() -> String {
            var messages = chance(2) ? [#"{"role":"system","content":\#(text())}"#] : []
            // Two things that an assistant says one after the other would be one turn to no reader.
            for _ in 0...random.below(4) { messages += turn() + [#"{"role":"user","content":\#(text())}"#] }
            var members = [
                #""model":"m""#, #""max_tokens":\#(random.below(9000) + 1)"#,
                #""messages":[\#(messages.joined(separator: ","))]"#,
            ]
            if chance(2) { members.append(#""stream":true,"stream_options":{"include_usage":true}"#) }
            if chance(2) { members.append(#""top_p":0.\#(random.below(10))"#) }
            if chance(2) { members.append(#""temperature":1.\#(random.below(10))"#) }
            if chance(2) { members.append(#""reasoning_effort":"\#(["low", "medium", "xhigh"][random.below(3)])""#) }
            if chance(3) { members.append(#""verbosity":"low""#) }
            if chance(3) { members.append(#""prompt_cache_key":\#(text())"#) }
            if chance(3) { members.append(#""prompt_cache_retention":"24h""#) }
            // A longer name of a user comes back as its digest.
            let user = text()
            if chance(3), user.utf8.count <= 64 { members.append(#""user":\#(user)"#) }
            if chance(2) {
                let description = chance(2) ? #","description":\#(text())"# : ""
                let function =
                    #"{"name":"f"\#(description),"parameters":{"a":\#(random.value())},"strict":\#(chance(2) ? "true" : "false")}"#
                let grammar = #"{"type":"grammar","grammar":{"syntax":"lark","definition":\#(text())}}"#
                let format = chance(2) ? #","format":\#(grammar)"# : ""
                let custom = chance(2) ? #",{"type":"custom","custom":{"name":"p"\#(description)\#(format)}}"# : ""
                members.append(#""tools":[{"type":"function","function":\#(function)}\#(custom)]"#)
                if chance(2) { members.append(#""parallel_tool_calls":\#(chance(2) ? "true" : "false")"#) }
                let named = #"{"type":"function","function":{"name":"f"}}"#
                let choices = [
                    #""required""#, #""none""#, named,
                    #"{"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[\#(named)]}}"#,
                    #"{"type":"custom","custom":{"name":"p"}}"#,
                ]
                if chance(2) { members.append(#""tool_choice":\#(choices[random.below(5)])"#) }
            }
            switch random.below(4) {
            case 0: members.append(#""response_format":{"type":"json_object"}"#)
            case 1:
                members.append(
                    #""response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"a":\#(random.value())},"strict":true}}"#
                )
            default: break
            }
            return "{" + members.joined(separator: ",") + "}"
        }
    }

    @Test func requestsComeBackTheSame() throws {
        var maker = Maker(random: RandomJSON(seed: TestEnvironment.seed("requests to the Responses API and back")))
        for round in 0..<500 {
            let text = maker.request()
            let chat = try JSONValue(Array(text.utf8))
            let body = try ResponsesRequest(chat, provider: "p", reasons: round % 2 == 0)
                .body(model: "m", maximumTokens: try #require(chat["max_tokens"]?.int64))
            let back = try ResponsesTranslation(body, history: nil, id: "resp_1", createdAt: 1)
            #expect(try JSONValue(back.chat).ordered.string == chat.ordered.string, "round \(round)")
            #expect(!back.isStored)
        }
    }

    private static func said(in call: JSONValue) -> String? {
        (call["function"]?["arguments"] ?? call["custom"]?["input"])?.text
    }

    /// A streamed answer says the same as a whole one.
    @Test func streamsSayWhatWholeAnswersSay() throws {
        var random = RandomJSON(seed: TestEnvironment.seed("answers of the Responses API"))
        for round in 0..<300 {
            var items: [String] = []
            var events = ""
            func event(_ type: String, _ place: Int, _ fields: String) {
                events += "data: {\"type\":\"\(type)\",\"output_index\":\(place),\(fields)}\n\n"
            }
            for place in 0..<random.below(5) {
                let pieces = (0..<random.below(4)).map { _ in random.string() }
                let whole = "\"" + pieces.map { $0.dropFirst().dropLast() }.joined() + "\""
                let type: String
                switch random.below(5) {
                case 0, 4:
                    let (item, input) = random.below(2) == 0 ? ("custom_tool_call", "input") : ("function_call", "arguments")
                    type = "response.\(item)_\(input)"
                    let head = #""type":"\#(item)","call_id":"c\#(place)","name":"f""#
                    event("response.output_item.added", place, #""item":{\#(head),"\#(input)":""}"#)
                    items.append("{\(head),\"\(input)\":\(whole)}")
                case 1:
                    type = "response.reasoning_summary_text"
                    items.append(
                        #"{"type":"reasoning","id":"r","encrypted_content":"e\#(place)","summary":[{"type":"summary_text","text":\#(whole)}]}"#
                    )
                case 2:
                    type = "response.refusal"
                    items.append(#"{"type":"message","content":[{"type":"refusal","refusal":\#(whole)}]}"#)
                default:
                    type = "response.output_text"
                    items.append(#"{"type":"message","content":[{"type":"output_text","text":\#(whole)}]}"#)
                }
                for piece in pieces { event(type + ".delta", place, #""delta":\#(piece)"#) }
                event("response.output_item.done", place, #""item":\#(items[place])"#)
            }
            // What is cached and what is written may be more than there is: a provider's mistake.
            let cache = #""cached_tokens":\#(random.below(6)),"cache_write_tokens":\#(random.below(6))"#
            let input = #""input_tokens":\#(random.below(9)),"input_tokens_details":{\#(cache)}"#
            let usage = #""usage":{\#(input),"output_tokens":\#(random.below(9))}"#
            let response =
                #"{"object":"response","status":"completed","output":[\#(items.joined(separator: ","))],\#(usage)}"#
            event("response.completed", 0, #""response":\#(response)"#)
            let whole = try JSONValue(
                ResponsesAnswer(id: "i", created: 1, provider: "p").completion(Array(response.utf8)))
            var answer = ResponsesAnswer(id: "i", created: 1, provider: "p")
            let chunks = String(decoding: answer.feed(Array(events.utf8)) + answer.end(), as: UTF8.self)
            var texts: [String: String] = [:]
            var calls: [(id: String, arguments: String)] = []
            var details: [JSONValue] = []
            for chunk in chunks.split(separator: "\n\n").dropLast() {
                let delta = try JSONValue(Array(chunk.dropFirst(6).utf8))["choices"]?.elements?.first?["delta"]
                for name in ["content", "refusal", "reasoning"] { texts[name, default: ""] += delta?[name]?.text ?? "" }
                details += delta?["reasoning_details"]?.elements ?? []
                for call in delta?["tool_calls"]?.elements ?? [] {
                    if let id = call["id"]?.text { calls.append((id, "")) }
                    let index = Int(call["index"]?.int64 ?? 0)
                    calls[index].arguments += Self.said(in: call) ?? ""
                }
            }
            let message = whole["choices"]?.elements?.first?["message"]
            for name in ["content", "refusal", "reasoning"] {
                #expect(texts[name] ?? "" == message?[name]?.text ?? "", "round \(round): \(name)")
            }
            let expected = message?["tool_calls"]?.elements ?? []
            #expect(calls.map(\.id) == expected.compactMap { $0["id"]?.text }, "round \(round)")
            #expect(calls.map(\.arguments) == expected.compactMap(Self.said), "round \(round)")
            #expect(details == message?["reasoning_details"]?.elements ?? [], "round \(round)")
            #expect(answer.usage == (try ChatResponseScan(whole.bytes).usage), "round \(round)")
            let told = try #require(answer.usage)
            #expect(told.cachedTokens + told.cacheWriteTokens <= told.promptTokens, "round \(round)")
        }
    }
}
