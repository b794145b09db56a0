import JSON
import TestSupport
import Testing

@testable import Dialects

/// What both formats can express goes over and says the same there.
@Suite struct BedrockRoundTripTests {
    /// Reads a body of Converse as a chat completion request, in the one of several ways to say a thing that ``Maker`` takes.
    private struct Reader {
        let body: JSONValue

        private func part(_ block: JSONValue) -> JSONValue {
            func url(_ type: String, _ value: JSONValue) -> JSONValue {
                .string("data:\(type)/\(value["format"]?.text ?? "");base64,\(value["source"]?["bytes"]?.text ?? "")")
            }
            if let image = block["image"] {
                return .members([
                    ("type", .string("image_url")), ("image_url", .members([("url", url("image", image))])),
                ])
            }
            if let document = block["document"] {
                return .members([
                    ("type", .string("file")), ("file", .members([("file_data", url("application", document))])),
                ])
            }
            return .members([("type", .string("text")), ("text", block["text"])])
        }

        private func call(_ use: JSONValue) -> JSONValue {
            let function: [(String, JSONValue?)] = [
                ("name", use["name"]), ("arguments", use["input"].map { .string($0.string) }),
            ]
            return .members([
                ("id", use["toolUseId"]), ("type", .string("function")), ("function", .members(function)),
            ])
        }

        private func messages(_ message: JSONValue) -> [JSONValue] {
            let blocks = message["content"]?.elements ?? []
            var read: [JSONValue] = blocks.compactMap { $0["toolResult"] }.map { result in
                .members([
                    ("role", .string("tool")), ("tool_call_id", result["toolUseId"]),
                    ("content", .array((result["content"]?.elements ?? []).map(part))),
                ])
            }
            let parts = blocks.filter { $0["toolResult"] == nil && $0["toolUse"] == nil }.map(part)
            let calls = blocks.compactMap { $0["toolUse"] }.map(call)
            if !parts.isEmpty || !calls.isEmpty {
                read.append(
                    .members([
                        ("role", message["role"]), ("content", .array(parts)),
                        ("tool_calls", calls.isEmpty ? nil : .array(calls)),
                    ]))
            }
            return read
        }

        private var tools: JSONValue? {
            (body["toolConfig"]?["tools"]?.elements?.compactMap { $0["toolSpec"] }).map { tools in
                .array(
                    tools.map { tool in
                        let function: [(String, JSONValue?)] = [
                            ("name", tool["name"]), ("description", tool["description"]),
                            ("parameters", tool["inputSchema"]?["json"]), ("strict", tool["strict"]),
                        ]
                        return .members([("type", .string("function")), ("function", .members(function))])
                    })
            }
        }

        private var choice: JSONValue? {
            guard let choice = body["toolConfig"]?["toolChoice"] else { return nil }
            guard let tool = choice["tool"] else { return .string("required") }
            return .members([("type", .string("function")), ("function", .members([("name", tool["name"])]))])
        }

        private var format: JSONValue? {
            guard let definition = body["outputConfig"]?["textFormat"]?["structure"]?["jsonSchema"] else { return nil }
            let schema = definition["schema"]?.text.flatMap { try? JSONValue(Array($0.utf8)) }
            return .members([
                ("type", .string("json_schema")),
                ("json_schema", .members([("name", definition["name"]), ("schema", schema)])),
            ])
        }

        var chat: JSONValue {
            let system = body["system"].map { system in
                JSONValue.members([
                    ("role", .string("system")), ("content", .array((system.elements ?? []).map(part))),
                ])
            }
            let budget = body["additionalModelRequestFields"]?["thinking"]?["budget_tokens"]?.int64
            let efforts: [Int64: String] = [1024: "low", 2000: "medium", 4000: "high"]
            let configuration = body["inferenceConfig"]
            return .members([
                ("max_tokens", configuration?["maxTokens"]), ("temperature", configuration?["temperature"]),
                ("top_p", configuration?["topP"]), ("stop", configuration?["stopSequences"]),
                ("reasoning_effort", budget.flatMap { efforts[$0] }.map { .string($0) }), ("tools", tools),
                ("tool_choice", choice), ("response_format", format),
                (
                    "messages",
                    .array((system.map { [$0] } ?? []) + (body["messages"]?.elements ?? []).flatMap(messages))
                ),
            ])
        }
    }

    private struct Maker {
        var random: RandomJSON
        var calls = 0

        mutating func chance(_ count: Int) -> Bool { random.below(count) == 0 }

        mutating func text() -> String { "\"x\(random.string().dropFirst())" }

        mutating func object() -> String { #"{"a":\#(random.value()),"b":\#(random.number())}"# }

        mutating func parts() -> String {
            let parts = (0...random.below(3)).map { _ in
                switch random.below(4) {
                case 0: #"{"type":"image_url","image_url":{"url":"data:image/webp;base64,UklGRg=="}}"#
                case 1: #"{"type":"file","file":{"file_data":"data:application/pdf;base64,JVBERi0="}}"#
                default: #"{"type":"text","text":\#(text())}"#
                }
            }
            return parts.joined(separator: ",")
        }

        /// A turn of the assistant, and one of the user that answers it: they alternate in both formats.
        mutating func turns(_ withTools: Bool) -> [String] {
            var made: [String] = []
            var results: [String] = []
            if withTools {
                for _ in 0..<random.below(3) {
                    calls += 1
                    var arguments: [UInt8] = []
                    arguments.appendJSON(string: (try? JSONValue(Array(object().utf8)))?.string ?? "{}")
                    let function = #"{"name":"f","arguments":\#(String(decoding: arguments, as: UTF8.self))}"#
                    made.append(#"{"id":"c\#(calls)","type":"function","function":\#(function)}"#)
                    results.append(
                        #"{"role":"tool","tool_call_id":"c\#(calls)","content":[{"type":"text","text":\#(text())}]}"#)
                }
            }
            let said = made.isEmpty || chance(2) ? #"{"type":"text","text":\#(text())}"# : ""
            let tools = made.isEmpty ? "" : #","tool_calls":[\#(made.joined(separator: ","))]"#
            let answer = results.isEmpty || chance(2) ? [#"{"role":"user","content":[\#(parts())]}"#] : []
            return [#"{"role":"assistant","content":[\#(said)]\#(tools)}"#] + results + answer
        }

        mutating func request() -> String {
            let withTools = chance(2)
            let thinks = chance(3)
            var messages = chance(2) ? [#"{"role":"system","content":[{"type":"text","text":\#(text())}]}"#] : []
            messages.append(#"{"role":"user","content":[\#(parts())]}"#)
            for _ in 0..<random.below(4) { messages += turns(withTools) }
            // After the results of tools Claude thinks only if it thought before.
            if thinks, withTools {
                messages.append(#"{"role":"assistant","content":[{"type":"text","text":\#(text())}]}"#)
            }
            var members = [#""max_tokens":\#(random.below(9000) + 5000)"#, #""messages":[\#(messages.joined(separator: ","))]"#]
            if chance(2) { members.append(#""stop":[\#(text()),\#(text())]"#) }
            if chance(2) { members.append(#""top_p":0.\#(random.below(10))"#) }
            if thinks { members.append(#""reasoning_effort":"\#(["low", "medium", "high"][random.below(3)])""#) }
            if !thinks, chance(2) { members.append(#""temperature":0.\#(random.below(10))"#) }
            if withTools {
                let description = chance(2) ? #","description":\#(text())"# : ""
                let strict = chance(2) ? #","strict":true"# : ""
                let function = #"{"name":"f"\#(description),"parameters":\#(object())\#(strict)}"#
                members.append(#""tools":[{"type":"function","function":\#(function)}]"#)
                let choices = [#""required""#, #"{"type":"function","function":{"name":"f"}}"#]
                if !thinks, chance(2) { members.append(#""tool_choice":\#(choices[random.below(2)])"#) }
            }
            if chance(3) {
                members.append(
                    #""response_format":{"type":"json_schema","json_schema":{"name":"answer","schema":\#(object())}}"#)
            }
            return "{" + members.joined(separator: ",") + "}"
        }
    }

    @Test func requestsComeBackTheSame() throws {
        var maker = Maker(random: RandomJSON(seed: TestEnvironment.seed("requests to Bedrock and back")))
        let model = BedrockModel(name: "anthropic.claude")
        for round in 0..<500 {
            let chat = try JSONValue(Array(maker.request().utf8))
            let limit = try #require(chat["max_tokens"]?.int64)
            let body = try BedrockRequest(chat, model, outputLimit: limit).body(model: model.name, maximumTokens: limit)
            #expect(Reader(body: try JSONValue(body)).chat.ordered.string == chat.ordered.string, "round \(round)")
        }
    }

    /// A streamed answer says the same as a whole one.
    @Test func streamsSayWhatWholeAnswersSay() throws {
        var random = RandomJSON(seed: TestEnvironment.seed("answers of Bedrock"))
        let model = BedrockModel(name: "amazon.nova")
        for round in 0..<200 {
            var blocks: [String] = []
            var events = EventStream.event("messageStart", #"{"role":"assistant"}"#)
            for index in 0..<random.below(4) {
                if random.below(2) == 0 {
                    let pieces = (0..<3).map { _ in random.string() }
                    blocks += pieces.map { #"{"text":\#($0)}"# }
                    for piece in pieces {
                        events += EventStream.event(
                            "contentBlockDelta", #"{"contentBlockIndex":\#(index),"delta":{"text":\#(piece)}}"#)
                    }
                } else {
                    let input = try JSONValue(Array(#"{"a":\#(random.value())}"#.utf8)).string
                    blocks.append(#"{"toolUse":{"toolUseId":"c\#(index)","name":"f","input":\#(input)}}"#)
                    events += EventStream.event(
                        "contentBlockStart",
                        #"{"contentBlockIndex":\#(index),"start":{"toolUse":{"toolUseId":"c\#(index)","name":"f"}}}"#)
                    let cut = input.index(input.startIndex, offsetBy: random.below(input.count))
                    for piece in [input[..<cut], input[cut...]] {
                        var text: [UInt8] = []
                        text.appendJSON(string: String(piece))
                        events += EventStream.event(
                            "contentBlockDelta",
                            #"{"contentBlockIndex":\#(index),"delta":{"toolUse":{"input":\#(String(decoding: text, as: UTF8.self))}}}"#
                        )
                    }
                }
                events += EventStream.event("contentBlockStop", #"{"contentBlockIndex":\#(index)}"#)
            }
            let counts = #""usage":{"inputTokens":\#(random.below(9)),"outputTokens":\#(random.below(9))}"#
            events += EventStream.event("messageStop", #"{"stopReason":"end_turn"}"#)
            events += EventStream.event("metadata", "{\(counts)}")
            let body =
                #"{"output":{"message":{"content":[\#(blocks.joined(separator: ","))]}},"stopReason":"end_turn",\#(counts)}"#
            let whole = try JSONValue(BedrockAnswer(id: "i", created: 1, model: model).completion(Array(body.utf8)))
            var answer = BedrockAnswer(id: "i", created: 1, model: model)
            let chunks = String(decoding: answer.feed(events) + answer.end(), as: UTF8.self)
            var text = ""
            var arguments: [Int64: String] = [:]
            for chunk in chunks.split(separator: "\n\n").dropLast() {
                let delta = try JSONValue(Array(chunk.dropFirst(6).utf8))["choices"]?.elements?.first?["delta"]
                text += delta?["content"]?.text ?? ""
                for call in delta?["tool_calls"]?.elements ?? [] {
                    arguments[call["index"]?.int64 ?? 0, default: ""] += call["function"]?["arguments"]?.text ?? ""
                }
            }
            let message = whole["choices"]?.elements?.first?["message"]
            #expect(text == message?["content"]?.text ?? "", "round \(round)")
            let calls = message?["tool_calls"]?.elements ?? []
            #expect(arguments.count == calls.count)
            for (index, call) in calls.enumerated() {
                #expect(arguments[Int64(index)] == call["function"]?["arguments"]?.text, "round \(round)")
            }
            #expect(chunks.contains("\"prompt_tokens\":\(whole["usage"]?["prompt_tokens"]?.int64 ?? -1),"))
        }
    }
}
