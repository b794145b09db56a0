import Catalogue
import Dialects
import JSON
import Money
import TestSupport
import Testing

@Suite struct EchoProviderTests {
    private func frames(_ body: [UInt8]) throws -> [[UInt8]] {
        var provider = try EchoProvider(request: body, id: "chatcmpl-1", created: 1_730_000_000)
        var frames: [[UInt8]] = []
        while let frame = provider.next() { frames.append(frame) }
        return frames
    }

    private func answer(_ fields: String, messages: String = Body.messages) throws -> JSONValue {
        let frames = try frames(Body.with(fields, messages: messages))
        #expect(frames.count == 1)
        return try JSONValue(frames[0])
    }

    private func choice(_ answer: JSONValue) -> JSONValue { answer["choices"]?.elements?.first ?? .null }

    private func user(_ text: String) -> String {
        var bytes: [UInt8] = []
        bytes.appendJSON(string: text)
        return #""messages":[{"role":"user","content":\#(String(decoding: bytes, as: UTF8.self))}]"#
    }

    @Test func echoesTheLastMessageOfTheUser() throws {
        let answer = try answer(
            "",
            messages:
                #""messages":[{"role":"user","content":"first"},{"role":"assistant","content":"x"},{"role":"user","content":[{"type":"text","text":"hé"},{"type":"text","text":"two"},{"type":"image_url","image_url":{"url":"u"}}]},{"role":"system","content":"s"}]"#
        )
        #expect(choice(answer)["message"]?["content"]?.text == "hé\ntwo\n[1 image]")
        #expect(choice(answer)["finish_reason"]?.text == "stop")
        #expect(answer["object"]?.text == "chat.completion" && answer["id"]?.text == "chatcmpl-1" && answer["model"]?.text == "m")
        let scan = try ChatResponseScan(answer.bytes)
        // 17 bytes in runs of at most four: "hé\n", "two\n", "[1 i", "mage", "]".
        #expect(scan.usage?.completionTokens == 5)
        // 13 bytes of text, four messages, one image.
        #expect(scan.usage?.promptTokens == Int64(4 + 4 * 4 + 85))
    }

    @Test func answersAlwaysTheSame() throws {
        let body = Body.with(#""stream":true,"seed":1"#, messages: user("hello there, how are you"))
        #expect(try frames(body) == frames(body))
        #expect(
            try frames(body) == frames(Body.with(#""stream":true,"temperature":2"#, messages: user("hello there, how are you"))))
    }

    @Test func respectsItsBounds() throws {
        let cut = try answer(#""max_tokens":2,"n":3"#, messages: user("abcdefghij"))
        #expect(cut["choices"]?.elements?.count == 3)
        #expect(choice(cut)["message"]?["content"]?.text == "abcdefgh")
        #expect(choice(cut)["finish_reason"]?.text == "length")
        #expect(cut["usage"]?["completion_tokens"]?.int64 == 6)
        let whole = try answer(#""max_completion_tokens":3"#, messages: user("abcdefghij"))
        #expect(choice(whole)["finish_reason"]?.text == "stop")
        let stopped = try answer(#""stop":["zz","ef","gh"]"#, messages: user("abcdefghij"))
        #expect(choice(stopped)["message"]?["content"]?.text == "abcd")
        #expect(choice(stopped)["finish_reason"]?.text == "stop")
        #expect(choice(try answer(#""stop":"a""#, messages: user("abc")))["message"]?["content"]?.text == "")
    }

    @Test func streamsTheSameAnswer() throws {
        for text in ["", "a", "hello wörld, 漢字 and 😀😀 too", String(repeating: "x", count: 100)] {
            for fields in ["", #","n":2"#, #","max_tokens":3"#] {
                let whole = try answer(#""x":1\#(fields)"#, messages: user(text))
                let frames = try frames(
                    Body.with(#""stream":true,"stream_options":{"include_usage":true}\#(fields)"#, messages: user(text)))
                var tap = SSETap(includeUsage: true)
                var contents: [Int64: String] = [:]
                for frame in frames {
                    let passed = tap.feed(frame)
                    guard !passed.isEmpty else { continue }
                    let chunk = try JSONValue(Array(passed.dropFirst(6).dropLast(2)))
                    for choice in chunk["choices"]?.elements ?? [] {
                        contents[choice["index"]?.int64 ?? -1, default: ""] += choice["delta"]?["content"]?.text ?? ""
                    }
                }
                #expect(tap.isDone)
                #expect(tap.usage == (try ChatResponseScan(whole.bytes)).usage)
                #expect(tap.estimatedCompletionTokens == tap.usage?.completionTokens)
                for choice in whole["choices"]?.elements ?? [] {
                    #expect(contents[choice["index"]?.int64 ?? -1] == choice["message"]?["content"]?.text)
                    #expect(tap.finishReasons.contains(choice["finish_reason"]?.text ?? ""))
                }
            }
        }
        // Without being asked it sends no usage.
        var tap = SSETap(includeUsage: true)
        for frame in try frames(Body.with(#""stream":true"#)) { _ = tap.feed(frame) }
        #expect(tap.usage == nil && tap.isDone)
    }

    private static let tools =
        #""tools":[{"type":"function","function":{"name":"get","parameters":{"type":"object","properties":{"city":{"type":"string"},"days":{"type":"integer","minimum":2}},"required":["city","days"],"additionalProperties":false}}},{"type":"function","function":{"name":"get_all"}},{"type":"custom","custom":{"name":"run"}}]"#

    private func calls(_ fields: String, _ text: String) throws -> [String] {
        let answer = try answer(fields, messages: user(text))
        return (choice(answer)["message"]?["tool_calls"]?.elements ?? []).map { call in
            let body = call["function"] ?? call["custom"]
            return "\(body?["name"]?.text ?? "") \(body?["arguments"]?.text ?? body?["input"]?.text ?? "")"
        }
    }

    @Test func callsTools() throws {
        let get = #"get {"city":"echo","days":2}"#
        #expect(try calls(Self.tools, "please call get now") == [get])
        #expect(try calls(Self.tools, "call get_all") == ["get_all {}"])
        #expect(try calls(Self.tools, "call get and call get_all") == [get, "get_all {}"])
        #expect(try calls(Self.tools + #","parallel_tool_calls":false"#, "call get and call get_all") == [get])
        #expect(try calls(Self.tools, "nothing") == [])
        #expect(try calls(Self.tools + #","tool_choice":"required""#, "nothing") == [get])
        #expect(try calls(Self.tools + #","tool_choice":"none""#, "call get") == [])
        #expect(
            try calls(Self.tools + #","tool_choice":{"type":"function","function":{"name":"get_all"}}"#, "x") == ["get_all {}"])
        #expect(try calls(Self.tools, "call run") == ["run call run"])
        let answer = try answer(Self.tools, messages: user("call get"))
        #expect(choice(answer)["finish_reason"]?.text == "tool_calls")
        #expect(choice(answer)["message"]?["content"] == .null)
        // A tool's result is answered in text.
        let result = try self.answer(
            Self.tools,
            messages: #""messages":[{"role":"user","content":"call get"},{"role":"tool","tool_call_id":"c","content":"sunny"}]"#)
        #expect(choice(result)["message"]?["content"]?.text == "sunny")
    }

    @Test func streamsToolCalls() throws {
        let body = Body.with(
            Self.tools + #","stream":true,"stream_options":{"include_usage":true}"#, messages: user("call get and call get_all"))
        var tap = SSETap(includeUsage: true)
        var arguments: [Int64: String] = [:]
        var names: [Int64: String] = [:]
        for frame in try frames(body) {
            let passed = tap.feed(frame)
            guard !passed.isEmpty else { continue }
            let chunk = try JSONValue(Array(passed.dropFirst(6).dropLast(2)))
            for call in chunk["choices"]?.elements?.first?["delta"]?["tool_calls"]?.elements ?? [] {
                let index = call["index"]?.int64 ?? -1
                arguments[index, default: ""] += call["function"]?["arguments"]?.text ?? ""
                if let name = call["function"]?["name"]?.text { names[index] = name }
            }
        }
        #expect(arguments == [0: #"{"city":"echo","days":2}"#, 1: "{}"])
        #expect(names == [0: "get", 1: "get_all"])
        #expect(tap.finishReasons == ["tool_calls"])
        #expect(tap.estimatedCompletionTokens == tap.usage?.completionTokens)
        #expect(
            tap.usage?.completionTokens
                == (try ChatResponseScan(try answer(Self.tools, messages: user("call get and call get_all")).bytes)).usage?
                .completionTokens)
    }

    @Test func answersInJSON() throws {
        let object = try answer(#""response_format":{"type":"json_object"}"#, messages: user("say \"json\""))
        #expect(choice(object)["message"]?["content"]?.text == #"{"echo":"say \"json\""}"#)
        let schema = try answer(
            #""response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object","properties":{"a":{"enum":["x","y"]}},"required":["a"]}}}"#
        )
        #expect(choice(schema)["message"]?["content"]?.text == #"{"a":"x"}"#)
    }

    @Test(arguments: [
        (#""logprobs":true"#, "logprobs"), (#""top_logprobs":2"#, "top_logprobs"), (#""stop":5"#, "stop"),
        (#""stop":["a","b","c","d","e"]"#, "stop"),
        (#""functions":[{"name":"f"}]"#, "functions"),
        (#""tools":[{"type":"function"}]"#, "tools[0].function.name"), (tools + #","tool_choice":"all""#, "tool_choice"),
        (tools + #","tool_choice":{"type":"function","function":{"name":"no"}}"#, "tool_choice"),
        (#""response_format":{"type":"json_schema"}"#, "response_format.json_schema.schema"),
        (
            #""response_format":{"type":"json_schema","json_schema":{"schema":{"type":"string","pattern":"a+"}}}"#,
            "response_format.json_schema.schema"
        ),
    ])
    func refusesWhatItCannotServe(_ fields: String, _ param: String) {
        #expect {
            try frames(Body.with(fields))
        } throws: {
            ($0 as? APIError)?.status == 400 && ($0 as? APIError)?.param == param
        }
    }

    /// What echo reports is never above what was held for it.
    @Test func usageIsWithinTheBounds() throws {
        let seed = TestEnvironment.seed("echo within its bounds")
        var random = RandomJSON(seed: seed)
        let files = try Catalogue.paths(folder: TestEnvironment.root + "/Sources/Catalogue/Data", environment: [:])
        let mapping = try #require(try Catalogue.load(files: files, environment: [:]).model("echo")?.mappings.first)
        for round in 0..<300 {
            let messages = (0...random.below(3)).map { _ in
                #"{"role":"user","content":[{"type":"text","text":\#(random.string())},{"type":"image_url","image_url":{"url":"u"}}]}"#
            }
            let limit = random.below(9) + 1
            let choices = random.below(3) + 1
            let body = Array(
                #"{"model":"m","max_tokens":\#(limit),"n":\#(choices),"messages":[\#(messages.joined(separator: ","))]}"#.utf8)
            let scan = try ChatRequestScan(body)
            let usage = try #require(try ChatResponseScan(frames(body)[0]).usage)
            #expect(usage.promptTokens <= scan.promptBound(for: mapping), "round \(round)")
            #expect(usage.completionTokens <= scan.completionBound(perChoice: Int64(limit)), "round \(round)")
        }
    }
}

@Suite struct PromptBoundTests {
    private func mapping(_ fields: String) throws -> Mapping {
        let text =
            #"{"providers":[{"id":"echo","name":"E","dialect":"echo"}],"models":[{"id":"m","name":"M","family":"f","mappings":[{"provider":"echo","model":"m","prices":{"input":"1","output":"1"},\#(fields)}]}]}"#
        return try #require(try Catalogue.load(contents: [("f", Array(text.utf8))], environment: [:]).model("m")?.mappings.first)
    }

    @Test func countsFromAbove() throws {
        let mapping = try mapping(#""context_size":100000,"image_tokens":{"low":10,"other":1000}"#)
        let bound = { (content: String, fields: String) in
            let messages = #""messages":[{"role":"user","content":\#(content)},{"role":"user","content":""}]"#
            return try ChatRequestScan(Body.with(fields, messages: messages)).promptBound(for: mapping)
        }
        let around = 2 * TokenBound.perMessage + TokenBound.perRequest
        #expect(try bound(#""abcd\u00e9""#, "") == 6 + around)
        #expect(
            try bound(
                #"[{"type":"image_url","image_url":{"url":"u","detail":"low"}},{"type":"image_url","image_url":{"url":"u"}}]"#, ""
            ) == 1010 + around)
        let tools = #"[{"type":"function","function":{"name":"f"}}]"#
        #expect(try bound(#""a""#, #""tools":\#(tools)"#) == 1 + Int64(tools.utf8.count) + TokenBound.perDefinitions + around)
    }

    @Test func isNeverMoreThanTheContext() throws {
        let mapping = try mapping(#""context_size":50"#)
        #expect(try ChatRequestScan(Body.with("")).promptBound(for: mapping) == 50)
    }

    /// A sound's cost has no bound, and a file's that of the context.
    @Test(
        arguments: [
            (#"{"type":"input_audio","input_audio":{}}"#, "messages[0].content[0]"), (#"{"type":"file","file":{}}"#, nil),
        ] as [(String, String?)])
    func soundsAreNamedAndCountAsTheContextLikeFiles(_ part: String, _ unbounded: String?) throws {
        let mapping = try mapping(#""context_size":5000"#)
        let scan = try ChatRequestScan(Body.with("", messages: #""messages":[{"role":"user","content":[\#(part)]}]"#))
        #expect(scan.unboundedPart?.param == unbounded)
        #expect(scan.promptBound(for: mapping) == 5000)
    }

    /// Where no provider tells its tokens a file counts as long as it is, up to the context; elsewhere nobody guesses.
    @Test(arguments: [(0, 2), (32_000, 1_005), (1_000_000, 5_000)])
    func aFileIsSettledByItsLengthWhereNobodyTellsItsTokens(_ length: Int, _ least: Int) throws {
        let mapping = try mapping(#""context_size":5000"#)
        let file = #"{"filename":"a","file_data":"\#(String(repeating: "A", count: length))"}"#
        let messages = #""messages":[{"role":"user","content":[{"type":"file","file":\#(file)},{"type":"text","text":"abcd"}]}]"#
        let scan = try ChatRequestScan(Body.with("", messages: messages))
        #expect(scan.fileBytes == Int64(file.utf8.count))
        #expect(scan.estimatedPromptTokens == 5)
        let settled = scan.settledPromptTokens(at: mapping)
        #expect(settled == min(5 + Int64(file.utf8.count) / 32, 5_000) && settled >= Int64(least))
        #expect(try ChatRequestScan(Body.with("")).fileBytes == 0)
    }

    @Test func countsPredictionsAndChoicesAsCompletion() throws {
        let scan = try ChatRequestScan(Body.with(#""n":2,"prediction":{"type":"content","content":"abc"}"#))
        #expect(scan.unboundedPart == nil)
        #expect(scan.completionBound(perChoice: 100) == 2 * (100 + Int64(#"{"type":"content","content":"abc"}"#.utf8.count)))
    }
}
