import Catalogue
import JSON
import TestSupport
import Testing

@testable import Dialects

/// What both formats can express goes over to Google, by AI Studio or by Vertex AI, and says the same there.
@Suite struct GeminiRoundTripTests {
    /// Reads what Google is sent as a chat completion request, in the one of several ways to say a thing that ``Maker`` takes.
    private struct Reader {
        let body: JSONValue
        let path: String

        private func part(_ part: JSONValue) -> JSONValue {
            func image(_ url: String) -> JSONValue {
                .members([("type", .string("image_url")), ("image_url", .members([("url", .string(url))]))])
            }
            if let data = part["inlineData"] {
                let type = data["mimeType"]?.text ?? ""
                let url = "data:\(type);base64,\(data["data"]?.text ?? "")"
                guard type == "application/pdf" else { return image(url) }
                return .members([("type", .string("file")), ("file", .members([("file_data", .string(url))]))])
            }
            if let file = part["fileData"] { return image(file["fileUri"]?.text ?? "") }
            return .members([("type", .string("text")), ("text", part["text"])])
        }

        private func call(_ part: JSONValue) -> JSONValue? {
            part["functionCall"].map { call -> JSONValue in
                let function: [(String, JSONValue?)] = [
                    ("name", call["name"]), ("arguments", call["args"].map { .string($0.string) }),
                ]
                let signature = part["thoughtSignature"].map { signature in
                    JSONValue.members([("google", .members([("thought_signature", signature)]))])
                }
                return .members([
                    ("id", call["id"]), ("type", .string("function")), ("function", .members(function)),
                    ("extra_content", signature),
                ])
            }
        }

        private func result(_ part: JSONValue) -> JSONValue? {
            part["functionResponse"].map { result -> JSONValue in
                let text = result["response"]?["output"]?.text ?? result["response"]?.string ?? ""
                let said = JSONValue.members([("type", .string("text")), ("text", .string(text))])
                return .members([
                    ("role", .string("tool")), ("tool_call_id", result["id"]), ("content", .array([said])),
                ])
            }
        }

        private func messages(_ content: JSONValue) -> [JSONValue] {
            let parts = content["parts"]?.elements ?? []
            let results = parts.compactMap(result)
            guard results.isEmpty else { return results }
            let calls = parts.compactMap(call)
            return [
                .members([
                    ("role", .string(content["role"] == .string("model") ? "assistant" : "user")),
                    ("content", .array(parts.filter { $0["functionCall"] == nil }.map(part))),
                    ("tool_calls", calls.isEmpty ? nil : .array(calls)),
                ])
            ]
        }

        private var tools: JSONValue? {
            body["tools"]?.elements?.first?["functionDeclarations"]?.elements.map { tools in
                .array(
                    tools.map { tool in
                        let function: [(String, JSONValue?)] = [
                            ("name", tool["name"]), ("description", tool["description"]),
                            ("parameters", tool["parametersJsonSchema"]),
                        ]
                        return .members([("type", .string("function")), ("function", .members(function))])
                    })
            }
        }

        private var choice: JSONValue? {
            guard let calling = body["toolConfig"]?["functionCallingConfig"] else { return nil }
            if let name = calling["allowedFunctionNames"]?.elements?.first {
                return .members([("type", .string("function")), ("function", .members([("name", name)]))])
            }
            let words = ["AUTO": "auto", "NONE": "none", "ANY": "required"]
            return calling["mode"]?.text.flatMap { words[$0] }.map { JSONValue.string($0) }
        }

        private var format: JSONValue? {
            let configuration = body["generationConfig"]
            guard configuration?["responseMimeType"] == .string("application/json") else { return nil }
            guard let schema = configuration?["responseJsonSchema"] else { return .members([("type", .string("json_object"))]) }
            return .members([
                ("type", .string("json_schema")),
                ("json_schema", .members([("name", .string("answer")), ("schema", schema)])),
            ])
        }

        private var effort: JSONValue? {
            let thinking = body["generationConfig"]?["thinkingConfig"]
            let efforts: [Int64: String] = [0: "none", 512: "minimal", 2048: "low", 8192: "medium", 24_576: "high"]
            return thinking?["thinkingLevel"]
                ?? thinking?["thinkingBudget"]?.int64.flatMap { efforts[$0] }.map { JSONValue.string($0) }
        }

        var chat: JSONValue {
            let system = body["systemInstruction"].map { system in
                JSONValue.members([
                    ("role", .string("system")), ("content", .array((system["parts"]?.elements ?? []).map(part))),
                ])
            }
            let configuration = body["generationConfig"]
            return .members([
                ("max_tokens", configuration?["maxOutputTokens"]), ("temperature", configuration?["temperature"]),
                ("top_p", configuration?["topP"]), ("top_k", configuration?["topK"]), ("seed", configuration?["seed"]),
                ("frequency_penalty", configuration?["frequencyPenalty"]),
                ("presence_penalty", configuration?["presencePenalty"]), ("stop", configuration?["stopSequences"]),
                ("reasoning_effort", effort), ("tools", tools), ("tool_choice", choice), ("response_format", format),
                ("stream", path.hasSuffix(":streamGenerateContent?alt=sse") ? .bool(true) : nil),
                (
                    "messages",
                    .array((system.map { [$0] } ?? []) + (body["contents"]?.elements ?? []).flatMap(messages))
                ),
            ])
        }
    }

    private struct Maker {
        var random: RandomJSON
        /// Whether it is for a model that wants to see its signatures again.
        let signs: Bool
        var calls = 0

        mutating func chance(_ count: Int) -> Bool { random.below(count) == 0 }

        mutating func text() -> String { "\"x\(random.string().dropFirst())" }

        mutating func textPart() -> String { #"{"type":"text","text":\#(text())}"# }

        mutating func object() -> String { #"{"a":\#(random.value()),"b":\#(random.number())}"# }

        /// The shortest text of an object, as the text of a string: only that comes back.
        mutating func objectText() -> String {
            var text: [UInt8] = []
            text.appendJSON(string: (try? JSONValue(Array(object().utf8)))?.string ?? "{}")
            return String(decoding: text, as: UTF8.self)
        }

        mutating func parts() -> String {
            let parts = (0...random.below(3)).map { _ in
                switch random.below(5) {
                case 0: #"{"type":"image_url","image_url":{"url":"data:image/webp;base64,UklGRg=="}}"#
                case 1: #"{"type":"image_url","image_url":{"url":"https://example.org/\#(random.below(99)).png?x"}}"#
                case 2: #"{"type":"file","file":{"file_data":"data:application/pdf;base64,JVBERi0="}}"#
                default: textPart()
                }
            }
            return parts.joined(separator: ",")
        }

        /// A turn of the assistant, the results of its calls, and one of the user.
        mutating func turns() -> [String] {
            var made: [String] = []
            var results: [String] = []
            for index in 0..<random.below(3) {
                calls += 1
                let function = #"{"name":"f\#(random.below(2))","arguments":\#(objectText())}"#
                let signature =
                    (index == 0 && signs) || chance(3) ? #","extra_content":{"google":{"thought_signature":"c2ln"}}"# : ""
                made.append(#"{"id":"c\#(calls)","type":"function","function":\#(function)\#(signature)}"#)
                let said = chance(3) ? objectText() : text()
                results.append(
                    #"{"role":"tool","tool_call_id":"c\#(calls)","content":[{"type":"text","text":\#(said)}]}"#)
            }
            let said = made.isEmpty || chance(2) ? textPart() : ""
            let tools = made.isEmpty ? "" : #","tool_calls":[\#(made.joined(separator: ","))]"#
            let answer = chance(2) ? [#"{"role":"user","content":[\#(parts())]}"#] : []
            return [#"{"role":"assistant","content":[\#(said)]\#(tools)}"#] + results + answer
        }

        mutating func request() -> String {
            var messages = chance(2) ? [#"{"role":"system","content":[\#(textPart()),\#(textPart())]}"#] : []
            messages.append(#"{"role":"user","content":[\#(parts())]}"#)
            for _ in 0..<random.below(4) { messages += turns() }
            var members = [#""max_tokens":\#(random.below(9000) + 1)"#, #""messages":[\#(messages.joined(separator: ","))]"#]
            if chance(2) { members.append(#""stream":true"#) }
            if chance(2) { members.append(#""stop":[\#(text()),\#(text())]"#) }
            if chance(2) { members.append(#""top_p":0.\#(random.below(10))"#) }
            if chance(2) { members.append(#""temperature":1.\#(random.below(10))"#) }
            if chance(3) { members.append(#""top_k":\#(random.below(99))"#) }
            if chance(3) { members.append(#""seed":-\#(random.below(99) + 1)"#) }
            if chance(3) { members.append(#""frequency_penalty":-1.\#(random.below(10))"#) }
            if chance(3) { members.append(#""presence_penalty":1.\#(random.below(10))"#) }
            let efforts = (signs ? [] : ["none"]) + ["minimal", "low", "medium", "high"]
            if chance(2) { members.append(#""reasoning_effort":"\#(efforts[random.below(efforts.count)])""#) }
            if chance(2) {
                let description = chance(2) ? #","description":\#(text())"# : ""
                let named = #"{"type":"function","function":{"name":"f0"\#(description),"parameters":\#(object())}}"#
                members.append(#""tools":[\#(named),{"type":"function","function":{"name":"f1"}}]"#)
                let choices = [#""auto""#, #""none""#, #""required""#, #"{"type":"function","function":{"name":"f1"}}"#]
                if chance(2) { members.append(#""tool_choice":\#(choices[random.below(4)])"#) }
            }
            switch random.below(4) {
            case 0: members.append(#""response_format":{"type":"json_object"}"#)
            case 1:
                members.append(
                    #""response_format":{"type":"json_schema","json_schema":{"name":"answer","schema":\#(object())}}"#)
            default: break
            }
            return "{" + members.joined(separator: ",") + "}"
        }
    }

    @Test(arguments: [ThinkingMode.budget, .adaptive]) func requestsComeBackTheSame(_ mode: ThinkingMode) throws {
        let seed = TestEnvironment.seed("requests to Google and back, \(mode)")
        var maker = Maker(random: RandomJSON(seed: seed), signs: mode == .adaptive)
        let account = Provider.Account(baseURL: "https://g.example", apiKey: "k", options: ["project": "p"])
        for round in 0..<300 {
            let chat = try JSONValue(Array(maker.request().utf8))
            let limit = try #require(chat["max_tokens"]?.int64)
            let request = try GeminiRequest(chat, thinks: mode, reasons: true, isVertex: round % 2 == 0)
            let body = try JSONValue(request.body(model: "m", maximumTokens: limit))
            let back = Reader(body: body, path: request.path(model: "m", at: account)).chat
            #expect(back.ordered.string == chat.ordered.string, "round \(round)")
        }
    }
}
