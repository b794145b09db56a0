import Catalogue
import Foundation
import JSON
import Money
import TestSupport
import Testing

@testable import Dialects

@Suite struct MessagesEntranceTests {
    private static let hello = #""model":"m","max_tokens":9,"messages":[{"role":"user","content":"x"}]"#

    private func translate(_ body: String) throws -> MessagesTranslation { try MessagesTranslation(Array(body.utf8)) }

    @Test func whatBothSidesExpressGoesOver() throws {
        let golden = try Golden.json("chat.entrance.json")
        let translation = try MessagesTranslation(try #require(golden["messages"]).bytes)
        #expect(try JSONValue(translation.chat).ordered.string == golden["chat"]?.ordered.string)
        #expect(translation.exclusive == nil)
        // The thoughts of the past are what a model of Anthropic reads beside.
        #expect(translation.leftBytes > 20)
        _ = try ChatRequestScan(translation.chat)
    }

    /// As Claude Code sends them: reminders of the system between the turns, a long id of the user, a tool that said nothing.
    @Test func whatAgentsSendGoesOver() throws {
        let id = String(repeating: "device_", count: 20)
        let body = #"""
            {"model":"m","max_tokens":9,"metadata":{"user_id":"\#(id)"},"messages":[{"role":"user","content":"x"},
            {"role":"system","content":[{"type":"text","text":"Be brief."}]},
            {"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{}}]},
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":[]}]}]}
            """#
        let chat = try JSONValue(try translate(body).chat)
        let messages = try #require(chat["messages"]?.elements)
        #expect(messages.map { $0["role"]?.text } == ["user", "system", "assistant", "tool"])
        #expect(messages[1]["content"]?.elements?.first?["text"]?.text == "Be brief.")
        #expect(messages[3]["content"] == .string(""))
        let user = try #require(chat["user"]?.text)
        #expect(user.count == 64 && user.allSatisfy(\.isHexDigit))
        #expect(try JSONValue(try translate(body).chat)["user"]?.text == user)
    }

    @Test func theBytesForAnthropicStayButForTheModel() throws {
        let body = #"{ "max_tokens": 9,"model" :"m" , "messages":[{"role":"user","content":"é"}], "top_k":5 }"#
        let translation = try translate(body)
        #expect(translation.exclusive?.param == "top_k")
        let native = try NativeMessages(translation).body(model: "up\"stream", maximumTokens: 9)
        #expect(String(decoding: native, as: UTF8.self) == body.replacing(#""m" "#, with: #""up\"stream" "#))
    }

    /// As Claude Code sends it: Anthropic is asked, and whoever else answers can't say.
    @Test(arguments: ["null", #"{"previous_message_id":null}"#, #"{"previous_message_id":"msg_1"}"#])
    func diagnosticsOfTheCacheAreAnthropics(_ value: String) throws {
        let body = #"{\#(Self.hello),"diagnostics":\#(value)}"#
        let translation = try MessagesTranslation(Array(body.utf8), betas: ["cache-diagnosis-2026-04-07"])
        #expect(translation.exclusive == nil && translation.betas == ["cache-diagnosis-2026-04-07"])
        #expect(try JSONValue(translation.chat) == JSONValue(try translate("{\(Self.hello)}").chat))
        let native = try NativeMessages(translation).body(model: "m", maximumTokens: 9)
        #expect(native == Array(body.utf8))
    }

    @Test(
        arguments: [
            (#"{"max_tokens":9,"messages":[]}"#, "model"),
            (#"{"model":"m","messages":[{"role":"user","content":"x"}]}"#, "max_tokens"),
            (#"{"model":"m","max_tokens":0,"messages":[{"role":"user","content":"x"}]}"#, "max_tokens"),
            (#"{"model":"m","max_tokens":9}"#, "messages"), (#"{"model":"m","max_tokens":9,"messages":[]}"#, "messages"),
            (#"{"model":"m","max_tokens":9,"messages":[{"role":"system","content":"x"}]}"#, "messages"),
            (#"{"model":"m","max_tokens":9,"messages":[{"role":"tool","content":"x"}]}"#, "messages[0].role"),
            (#"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":1}]}"#, "messages[0].content"),
            (#"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"x","name":"n"}]}"#, "messages[0].name"),
            (
                #"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":[{"type":"server_tool_use"}]}]}"#,
                "messages[0].content[0].type"
            ),
            (
                #"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":[{"type":"image","source":{"type":"file"}}]}]}"#,
                "messages[0].content[0].source"
            ),
            (#"{\#(hello),"tools":[{"type":"web_search_20250305","name":"web_search"}]}"#, "tools[0].type"),
            (#"{\#(hello),"mcp_servers":[{}]}"#, "mcp_servers"), (#"{\#(hello),"speed":"fast"}"#, "speed"),
            (#"{\#(hello),"inference_geo":"us"}"#, "inference_geo"), (#"{\#(hello),"service_tier":"priority"}"#, "service_tier"),
            (#"{\#(hello),"thinking":{"type":"enabled","budget_tokens":5}}"#, "thinking.budget_tokens"),
            (#"{\#(hello),"model":"n"}"#, "model"), (#"{\#(hello),"mod\u0065l":"n"}"#, "model"), ("[]", nil), ("{", nil),
            ("", nil),
        ] as [(String, String?)])
    func whatIsWrongOrHasNoPriceIsRefusedByName(_ body: String, _ param: String?) {
        let error = #expect(throws: APIError.self) { try translate(body) }
        #expect(error?.param == param && error?.status == 400)
    }

    @Test func noSequencesToStopAtAreNone() throws {
        let stops = { (value: String) in
            try JSONValue(try translate(#"{\#(Self.hello),"stop_sequences":\#(value)}"#).chat)["stop"]
        }
        #expect(try stops("[]") == nil && stops(#"["x"]"#) == .array([.string("x")]))
    }

    /// Some services of OpenAI's format say which sequence was met; what else they call the reason is none.
    @Test(
        arguments: [
            (#""stop_reason":"b""#, "b"), (#""matched_stop":"a""#, "a"), (#""stop_reason":151645"#, nil),
            (#""stop_reason":"eos""#, nil), (#""stop_reason":null"#, nil),
        ] as [(String, String?)])
    func sequencesThatWereMetAreTold(_ said: String, _ sequence: String?) throws {
        let translation = try translate(#"{\#(Self.hello),"stop_sequences":["a","b"]}"#)
        let chat = #"{"choices":[{"index":0,"message":{"content":"x"},"finish_reason":"stop",\#(said)}]}"#
        let bytes = Array(chat.utf8)
        let message = try JSONValue(try MessagesReply(bytes, for: translation).answer(ResponseAdditions(), body: bytes))
        #expect(message["stop_reason"]?.text == (sequence == nil ? "end_turn" : "stop_sequence"))
        #expect(message["stop_sequence"]?.text == sequence)
    }

    @Test func aToolMayHaveWhatOnlyAnthropicReads() throws {
        let tool = { (more: String) in
            #"{\#(Self.hello),"tools":[{"name":"f","input_schema":{"type":"object"},"defer_loading":false,"#
                + #""allowed_callers":["direct"]\#(more)}]}"#
        }
        let plain = try translate(tool(""))
        #expect(plain.exclusive == nil && plain.leftBytes == 0)
        let examples = #"[{"a":"x"}]"#
        let exampled = try translate(tool(#","input_examples":\#(examples)"#))
        #expect(exampled.exclusive?.param == "tools[0].input_examples")
        #expect(exampled.leftBytes == Int64(examples.utf8.count) && exampled.chat == plain.chat)
        let native = try NativeMessages(exampled).body(model: "m", maximumTokens: 9)
        #expect(native == exampled.original)
        for (more, param) in [
            (#""defer_loading":true"#, "defer_loading"), (#""allowed_callers":["code_execution_20250825"]"#, "allowed_callers"),
        ] {
            let body = #"{\#(Self.hello),"tools":[{"name":"f","input_schema":{"type":"object"},\#(more)}]}"#
            let error = #expect(throws: APIError.self) { try translate(body) }
            #expect(error?.param == "tools[0].\(param)")
        }
    }

    @Test func onlyBetasWithoutAPriceGoOn() throws {
        let body = #"{\#(Self.hello),"context_management":{"edits":[{"type":"clear_tool_uses_20250919"}]}}"#
        let betas = ["context-management-2025-06-27, context-1m-2025-08-07", "interleaved-thinking-2025-05-14"]
        let translation = try MessagesTranslation(Array(body.utf8), betas: betas)
        #expect(translation.exclusive == nil)
        let call = ProviderCall(
            account: .init(baseURL: "https://x.test", apiKey: "k"), url: "https://x.test/v1/messages", body: [], time: 0)
        let headers = NativeMessages(translation).headers(of: call)
        #expect(headers.last?.0 == "anthropic-beta")
        #expect(headers.last?.1 == "context-management-2025-06-27,interleaved-thinking-2025-05-14")
        #expect(NativeMessages(try translate("{\(Self.hello)}")).headers(of: call).count == 2)
        let summary = #"{\#(Self.hello),"context_management":{"edits":[{"type":"compact_20260112"}]}}"#
        #expect(throws: APIError.self) { try translate(summary) }
    }

    @Test func errorsHaveAnthropicsEnvelope() {
        let error = APIError.invalid("messages", "\"messages\" is wrong")
        #expect(
            String(decoding: error.messagesJSON(), as: UTF8.self)
                == #"{"type":"error","error":{"type":"invalid_request_error","message":"messages: \"messages\" is wrong"}}"#)
        #expect(
            String(decoding: error.messagesJSON(requestID: "req_1"), as: UTF8.self).hasSuffix(#"},"request_id":"req_1"}"#))
        #expect(
            String(decoding: APIError(status: 529, message: "x").messagesEvent, as: UTF8.self).hasPrefix("event: error\ndata: "))
    }

    @Test func completionsBecomeMessages() throws {
        let golden = try Golden.json("tools.answer.json")
        let chat = try #require(golden["chat"]).bytes
        let message = try JSONValue(try MessagesReply(chat).answer(ResponseAdditions(), body: chat))
        #expect(
            message.string
                == #"{"id":"msg_2","type":"message","role":"assistant","model":"claude-x","content":[{"type":"thinking","thinking":"Let me look.","signature":"c2ln"},{"type":"redacted_thinking","data":"eHh4"},{"type":"tool_use","id":"toolu_1","name":"weather","input":{"place":"Ulm","n":1.50}},{"type":"tool_use","id":"toolu_2","name":"now","input":{}}],"stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":10,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":70}}"#
        )
        // A usage comes back as it went.
        var counts = MessagesUsage()
        let used = TokenUsage(promptTokens: 100, completionTokens: 9, cachedTokens: 20, cacheWriteTokens: 30)
        counts.merge(used.messagesValue())
        #expect(counts.whole == used)
    }

    private func run(_ tap: any StreamTap, _ bytes: [UInt8], _ size: () -> Int) -> (output: String, tap: any StreamTap) {
        var tap = tap
        var output: [UInt8] = []
        var start = 0
        while start < bytes.count {
            let end = min(bytes.count, start + max(1, size()))
            output += tap.feed(Array(bytes[start..<end]))
            start = end
        }
        output += tap.end()
        if tap.isComplete { output += tap.finish(estimated: nil, additions: ResponseAdditions()) }
        return (String(decoding: output, as: UTF8.self), tap)
    }

    /// A message that became chunks becomes the same message again.
    @Test func chunksBecomeEventsOfTheSameMessage() throws {
        let original = try Golden.read("stream.sse")
        var out = MessagesAnswer(created: 17)
        let chunks = out.feed(original)
        let (events, tap) = run(MessagesEvents(), chunks) { .max }
        #expect(tap.finishReasons == ["tool_calls"] && tap.usage?.completionTokens == 89)
        #expect(
            events.split(separator: "\n").filter { $0.hasPrefix("event: ") }.map { $0.dropFirst(7) } == [
                "message_start", "content_block_start", "content_block_delta", "content_block_delta", "content_block_stop",
                "content_block_start", "content_block_delta", "content_block_delta", "content_block_stop", "content_block_start",
                "content_block_delta", "content_block_delta", "content_block_stop", "content_block_start", "content_block_delta",
                "content_block_stop", "message_delta", "message_stop",
            ])
        var again = MessagesAnswer(created: 17)
        let lines = String(decoding: again.feed(Array(events.utf8)), as: UTF8.self).components(separatedBy: "\n\n")
        let expected = String(decoding: chunks, as: UTF8.self).components(separatedBy: "\n\n")
        #expect(lines.count == expected.count)
        for (line, other) in zip(lines, expected).dropLast(3) { #expect(line == other) }
    }

    @Test func anthropicsOwnEventsGoThrough() throws {
        let original = try Golden.read("stream.sse")
        let (events, tap) = run(MessagesTap(), original) { .max }
        #expect(events == String(decoding: original, as: UTF8.self))
        #expect(
            tap.usage
                == TokenUsage(
                    promptTokens: 32, completionTokens: 89, cachedTokens: 4, cacheWriteTokens: 8, reasoningTokens: 30))
        #expect(tap.isDone && tap.finishReasons == ["tool_use"] && tap.estimatedCompletionTokens > 3)
        // Before the end only the prompt is known.
        let (_, cut) = run(MessagesTap(), Array(original.prefix(1500))) { .max }
        #expect(cut.usage == nil && cut.usageSoFar?.promptTokens == 32 && !cut.isComplete)
    }

    @Test func errorsEndAStreamInAnthropicsForm() {
        let error = #"{"error":{"message":"boom","type":"server_error","param":null,"code":null}}"#
        let (events, tap) = run(MessagesEvents(), Array("data: \(error)\n\n".utf8)) { 5 }
        #expect(events.hasPrefix("event: error\ndata: {\"type\":\"error\"") && events.contains("boom"))
        #expect(tap.error != nil && !tap.isComplete)
        let own = #"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#
        let (same, native) = run(MessagesTap(), Array("event: error\ndata: \(own)\n\n".utf8)) { 5 }
        #expect(same == "event: error\ndata: \(own)\n\n" && native.error?.status == 529)
        #expect(run(MessagesTap(), Array("data: {oh\n\ndata: {}\n\n".utf8)) { .max }.tap.failure == .malformedEvent)
    }

    @Test func aMessageIsNamedAsItsFirstChunkSays() {
        let chunks = [#"{"choices":[{"delta":{"content":"a"}}]}"#, #"{"id":"late","model":"m","choices":[{"delta":{}}]}"#]
        let bytes = Array(chunks.map { "data: \($0)\n\n" }.joined().utf8)
        let whole = run(MessagesEvents(), bytes) { .max }.output
        #expect(whole.contains(#""id":"","#) && whole == run(MessagesEvents(), bytes) { 1 }.output)
    }

    /// Until something is said, an error can still send the request elsewhere; after that all bytes go on as they came.
    @Test func theBeginningOfAnthropicsStreamIsHeldBack() throws {
        let original = try Golden.read("stream.sse")
        for size in [1, 7, 1000, Int.max] {
            var answer = PassedAnswer.messages
            var output: [UInt8] = []
            for start in stride(from: 0, to: original.count, by: min(size, original.count)) {
                output += answer.feed(Array(original[start..<min(original.count, start + min(size, original.count))]))
            }
            #expect(output + answer.end() == original && answer.error == nil)
        }
        var early = PassedAnswer.messages
        let start = String(decoding: original, as: UTF8.self).components(separatedBy: "\n\n").prefix(2).joined(separator: "\n\n")
        let error = #"{"type":"error","error":{"type":"overloaded_error","message":"Oh"}}"#
        #expect(early.feed(Array("\(start)\n\nevent: error\ndata: \(error)\n\n".utf8)).isEmpty)
        #expect(early.error == APIError(status: 529, message: "Oh"))
        var short = PassedAnswer.messages
        #expect(short.feed(Array(start.utf8)).isEmpty && short.end() == Array(start.utf8))
    }

    /// However the bytes are cut, the same events come out, and what is no stream never crashes.
    @Test func cutsDoNotMatter() throws {
        var random = RandomJSON(seed: TestEnvironment.seed("cuts on their way to clients of Anthropic's format"))
        let native = try Golden.read("stream.sse")
        var translated = MessagesAnswer(created: 17)
        let chunks = translated.feed(native)
        for round in 0..<200 {
            let isNative = round % 2 == 0
            let make: () -> any StreamTap = { isNative ? MessagesTap() : MessagesEvents() }
            var bytes = isNative ? native : chunks
            if random.below(3) > 0 { bytes = random.mutated(bytes) }
            let whole = run(make(), bytes) { .max }
            for _ in 0..<4 {
                let size = random.below(60) + 1
                let cut = run(make(), bytes) { random.below(size) + 1 }
                #expect(cut.output == whole.output, "round \(round)")
                #expect(cut.tap.usage == whole.tap.usage && cut.tap.failure == whole.tap.failure)
            }
        }
        for _ in 0..<1000 {
            let body =
                #"{"model":"m","max_tokens":5,"messages":[{"role":"user","content":\#(random.value())}],"tools":\#(random.value()),"thinking":\#(random.value())}"#
            do { _ = try translate(body) } catch { #expect((error as? APIError)?.status == 400) }
        }
    }
}
