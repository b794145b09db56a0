import Catalogue
import Foundation
import JSON
import Money
import TestSupport
import Testing

@testable import Dialects

/// The Responses API as the dialect of a provider.
@Suite struct ResponsesUpstreamTests {
    private func translate(_ chat: String, reasons: Bool = true) throws -> JSONValue {
        let request = try ResponsesRequest(try JSONValue(Array(chat.utf8)), provider: "openai", reasons: reasons)
        return try JSONValue(try request.body(model: "gpt-upstream", maximumTokens: 100))
    }

    private func golden(_ name: String) throws -> JSONValue { try Golden.json(name, of: "Responses") }

    private func answer() -> any ForeignAnswer { ResponsesAnswer(id: "chatcmpl-1", created: 17, provider: "openai") }

    private func run(_ bytes: [UInt8], _ size: () -> Int) -> (output: String, answer: any ForeignAnswer) {
        let fed = answer().fed(bytes, size)
        return (String(decoding: fed.output, as: UTF8.self), fed.answer)
    }

    private func event(_ type: String, _ fields: String) -> String { "data: {\"type\":\"\(type)\",\(fields)}\n\n" }

    @Test(arguments: ["text", "tools"])
    func whatBothSidesExpressGoesOver(_ name: String) throws {
        let golden = try golden("\(name).request.json")
        let chat = try #require(golden["chat"])
        _ = try ChatRequestScan(chat.bytes)
        #expect(try translate(chat.string).ordered.string == golden["responses"]?.ordered.string)
    }

    @Test func whereItIsAskedAndHow() throws {
        let chat = try JSONValue(Array(#"{"messages":[]}"#.utf8))
        let account = Provider.Account(baseURL: "https://x.test", apiKey: "k")
        let call = ProviderCall(account: account, url: "", body: [], time: 0)
        let openai = try ResponsesRequest(chat, provider: "openai", reasons: false)
        #expect(openai.path(model: "m", at: account) == "/responses")
        #expect(openai.headers(of: call).map { "\($0): \($1)" } == ["authorization: Bearer k"])
        let azure = try ResponsesRequest(chat, provider: "azure", reasons: false, isAzure: true)
        #expect(azure.path(model: "m", at: account) == "/openai/v1/responses")
        #expect(azure.headers(of: call).map { "\($0): \($1)" } == ["api-key: k"])
    }

    @Test func whatAsksForNothingIsNotSent() throws {
        let plain = try translate(
            #"{"messages":[{"role":"user","content":"x"}],"response_format":{"type":"text"}}"#, reasons: false)
        #expect(
            plain.string
                == #"{"model":"gpt-upstream","max_output_tokens":100,"input":[{"type":"message","role":"user","content":"x"}],"store":false}"#
        )
        let none = try translate(#"{"messages":[{"role":"user","content":"x"}],"reasoning_effort":"none"}"#)
        #expect(none["reasoning"]?.string == #"{"effort":"none"}"#)
        let allowed = try translate(
            #"{"messages":[],"tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":{"type":"allowed_tools","#
                + #""allowed_tools":{"mode":"required","tools":[{"type":"function","function":{"name":"f"}}]}}}"#)
        #expect(
            allowed["tool_choice"]?.string
                == #"{"type":"allowed_tools","mode":"required","tools":[{"type":"function","name":"f"}]}"#)
    }

    @Test(arguments: [
        (#""n":2"#, "n"), (#""logprobs":true"#, "logprobs"), (#""logit_bias":{"5":1}"#, "logit_bias"), (#""stop":["x"]"#, "stop"),
        (#""temperature":2.5"#, "temperature"), (#""top_p":1.1"#, "top_p"), (#""seed":5"#, "seed"), (#""store":true"#, "store"),
        (#""presence_penalty":1"#, "presence_penalty"), (#""audio":{}"#, "audio"), (#""prediction":{}"#, "prediction"),
        (#""response_format":{"type":"json_schema","json_schema":{"name":"n"}}"#, "response_format.json_schema"),
        (#""tools":[{"type":"mcp","mcp":{"name":"x"}}]"#, "tools[0].type"), (#""tool_choice":"required""#, "tool_choice"),
        (#""tools":[{"type":"function","function":{"name":"f","depth":1}}]"#, "tools[0].function.depth"),
        (#""tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":{"type":"custom"}"#, "tool_choice"),
        (#""something":1"#, "something"),
    ])
    func whatCannotBeExpressedIsRefusedByName(_ field: String, _ param: String) throws {
        let error = #expect(throws: APIError.self) {
            try translate(#"{"model":"m","messages":[{"role":"user","content":"x"}],\#(field)}"#)
        }
        #expect(error?.param == param && error?.status == 400)
    }

    @Test(arguments: [
        (#"{"role":"function","name":"f","content":"x"}"#, "messages[0].role"),
        (#"{"role":"user","name":"Ann","content":"x"}"#, "messages[0].name"),
        (#"{"role":"user","content":[{"type":"input_audio","input_audio":{}}]}"#, "messages[0].content[0].type"),
        (#"{"role":"user","content":[{"type":"file","file":{}}]}"#, "messages[0].content[0].file.file_data"),
        (#"{"role":"assistant","content":[{"type":"image_url"}]}"#, "messages[0].content[0].type"),
        (#"{"role":"assistant","tool_calls":[{"id":"c"}]}"#, "messages[0].tool_calls[0]"),
        (#"{"role":"tool","content":"x"}"#, "messages[0].tool_call_id"),
    ])
    func messagesThatCannotBeExpressedAreRefusedByName(_ message: String, _ param: String) throws {
        let error = #expect(throws: APIError.self) { try translate(#"{"model":"m","messages":[\#(message)]}"#) }
        #expect(error?.param == param)
    }

    @Test func wholeAnswersBecomeCompletions() throws {
        let golden = try golden("answer.json")
        let completion = try answer().completion(try #require(golden["responses"]).bytes)
        #expect(try JSONValue(completion).ordered.string == golden["chat"]?.ordered.string)
        #expect(
            try ChatResponseScan(completion).usage
                == TokenUsage(promptTokens: 100, completionTokens: 50, cachedTokens: 40, reasoningTokens: 30))
        for body in ["[]", "{", "", #"{"error":{}}"#, #"{"object":"response","status":"failed","output":[]}"#] {
            #expect(throws: ChatResponseError.self) { try answer().completion(Array(body.utf8)) }
        }
    }

    @Test func aStreamBecomesChunks() throws {
        let output = run(try Golden.read("stream.sse", of: "Responses")) { .max }.output
        var events = output.components(separatedBy: "\n\n").filter { !$0.isEmpty }
        #expect(events.last == "data: [DONE]")
        events.removeLast()
        let usage = try JSONValue(Array(try #require(events.last).dropFirst(6).utf8))
        events.removeLast()
        #expect(
            usage["usage"]?.string
                == #"{"prompt_tokens":100,"completion_tokens":50,"total_tokens":150,"prompt_tokens_details":{"cached_tokens":40},"completion_tokens_details":{"reasoning_tokens":30}}"#
        )
        let expected = String(decoding: try Golden.read("stream.chunks", of: "Responses"), as: UTF8.self).split(separator: "\n")
        #expect(events.count == expected.count)
        for (event, line) in zip(events, expected) {
            let chunk = try JSONValue(Array(event.dropFirst(6).utf8))
            #expect(chunk["id"] == .string("chatcmpl-1") && chunk["model"] == .string("gpt-upstream-2026"))
            let choice = try #require(chunk["choices"]?.elements?.first)
            #expect("\(choice["delta"]?.string ?? "") \(choice["finish_reason"]?.string ?? "")" == line)
        }
    }

    /// GPT-5.6 and later charge for what is written to the cache, so none of it may be lost on any way to a client.
    @Test func whatIsWrittenToTheCacheIsCounted() throws {
        let usage =
            #"{"input_tokens":9658,"input_tokens_details":{"cache_write_tokens":9000,"cached_tokens":600},"output_tokens":42,"output_tokens_details":{"reasoning_tokens":25},"total_tokens":9700}"#
        let response = #"{"object":"response","status":"completed","output":[],"usage":\#(usage)}"#
        let expected = TokenUsage(
            promptTokens: 9658, completionTokens: 42, cachedTokens: 600, cacheWriteTokens: 9000, reasoningTokens: 25)
        #expect(try ChatResponseScan(answer().completion(Array(response.utf8))).usage == expected)
        let stream = event("response.completed", #""response":\#(response)"#)
        let (output, streamed) = run(Array(stream.utf8)) { 7 }
        #expect(streamed.usage == expected)
        let last = try #require(output.components(separatedBy: "\n\n").dropLast(2).last?.dropFirst(6))
        #expect(try ChatResponseScan(Array(last.utf8)).usage == expected)

        let asked = try ResponsesTranslation(Array(#"{"model":"m","input":"x"}"#.utf8), history: nil, id: "resp_2", createdAt: 1)
        #expect(try NativeResponsesReply(Array(response.utf8), for: asked).usage == expected)
        var tap = ResponsesTap(for: asked)
        _ = tap.feed(Array(stream.utf8))
        #expect(tap.usage == expected)
        // Whom a chat completion answers in this format is told of it too.
        let chat = try answer().completion(Array(response.utf8))
        let told = try JSONValue(ResponsesReply(chat, for: asked).answer(ResponseAdditions(), body: chat))["usage"]
        #expect(told?["input_tokens_details"]?.string == #"{"cached_tokens":600,"cache_write_tokens":9000}"#)
    }

    @Test(arguments: [
        (#""status":"completed""#, "stop"),
        (#""status":"incomplete","incomplete_details":{"reason":"max_output_tokens"}"#, "length"),
        (#""status":"incomplete","incomplete_details":{"reason":"content_filter"}"#, "content_filter"),
        (#""status":"incomplete","incomplete_details":{"reason":"a_new_reason"}"#, "length"),
        (#""status":"incomplete""#, "length"),
    ])
    func reasonsToStop(_ status: String, _ expected: String) throws {
        let response = #"{"object":"response",\#(status),"output":[]}"#
        #expect(try ChatResponseScan(answer().completion(Array(response.utf8))).finishReasons == [expected])
        let type = expected == "stop" ? "response.completed" : "response.incomplete"
        let stream =
            event("response.output_text.delta", #""output_index":0,"delta":"x""#) + event(type, #""response":\#(response)"#)
        let (output, _) = run(Array(stream.utf8)) { 7 }
        #expect(output.contains(#""finish_reason":"\#(expected)""#) && output.hasSuffix("[DONE]\n\n"))
        // What it says on is nobody's.
        #expect(run(Array((stream + stream).utf8)) { 11 }.output == output)
    }

    @Test func errorsHaveTheirStatus() {
        let text = event("response.output_text.delta", #""output_index":0,"delta":"x""#)
        for (said, status) in [
            (event("error", #""code":"rate_limit_exceeded","message":"Oh","param":null"#), 429),
            (event("error", #""error":{"type":"invalid_request_error","code":"invalid_prompt","message":"Oh"}"#), 400),
            (event("response.failed", #""response":{"status":"failed","error":{"code":"server_error","message":"Oh"}}"#), 502),
            (event("response.failed", #""response":{"error":{"code":"image_parse_error","message":"Oh"}}"#), 400),
            (event("response.failed", #""response":{}"#), 502),
        ] {
            let early = run(Array((event("response.created", #""response":{"model":"m"}"#) + said).utf8)) { 3 }
            #expect(early.output.isEmpty && early.answer.error?.status == status)
            let late = run(Array((text + said + text).utf8)) { 5 }
            #expect(late.output.contains("{\"error\":{") && !late.output.contains("[DONE]"))
            #expect(late.answer.error?.status == status)
        }
        // Without an end the stream was broken off.
        #expect(!run(Array(text.utf8)) { 3 }.output.contains("[DONE]"))
        let refused = answer().refusal(status: 429, body: Array(#"{"error":{"message":"Oh","code":"rate_limit_exceeded"}}"#.utf8))
        #expect(refused.status == 429 && refused.message == "Oh")
        // What is wrong with the gateway's key is not the client's affair.
        let key = answer().refusal(status: 401, body: Array(#"{"error":{"message":"Incorrect API key: sk-1"}}"#.utf8))
        #expect(!key.message.contains("sk-1"))
    }

    /// However the bytes are cut, the same chunks come out, and what is no stream or no request never crashes.
    @Test func cutsDoNotMatter() throws {
        var random = RandomJSON(seed: TestEnvironment.seed("cuts of a stream of responses"))
        let golden = String(decoding: try Golden.read("stream.sse", of: "Responses"), as: UTF8.self)
        for _ in 0..<200 {
            var bytes = Array(golden.replacing("\n", with: ["\n", "\r\n", "\r"][random.below(3)]).utf8)
            if random.below(3) > 0 { bytes = random.mutated(bytes) }
            let whole = run(bytes) { .max }
            for _ in 0..<4 {
                let size = random.below(60) + 1
                let cut = run(bytes) { random.below(size) + 1 }
                #expect(cut.output == whole.output && cut.answer.usage == whole.answer.usage)
                #expect(cut.answer.isMalformed == whole.answer.isMalformed && cut.answer.error == whole.answer.error)
            }
            var noise = answer()
            _ = noise.feed((0..<random.below(300)).map { _ in UInt8(random.below(256)) })
            _ = noise.feed(Array("data: \(random.value())\n\n".utf8))
            _ = noise.end()
            _ = try? answer().completion(Array(#"{"object":"response","status":"completed","output":[\#(random.value())]}"#.utf8))
        }
        for _ in 0..<1000 {
            let chat = #"{"model":"m","messages":\#(random.value()),"tools":\#(random.value()),"tool_choice":\#(random.value())}"#
            guard let value = try? JSONValue(Array(chat.utf8)) else { continue }
            do { _ = try ResponsesRequest(value, provider: "p", reasons: true) } catch { #expect(error.status == 400) }
        }
    }
}
