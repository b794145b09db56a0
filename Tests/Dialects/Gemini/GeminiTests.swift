import Catalogue
import Foundation
import JSON
import Money
import TestSupport
import Testing

@testable import Dialects

@Suite struct GeminiTests {
    private func translate(_ chat: String, thinks: ThinkingMode = .budget, limit: Int64 = 100) throws -> JSONValue {
        let request = try GeminiRequest(try JSONValue(Array(chat.utf8)), thinks: thinks, reasons: true)
        return try JSONValue(try request.body(model: "m", maximumTokens: limit))
    }

    private func golden(_ name: String) throws -> JSONValue { try Golden.json(name, of: "Gemini") }

    private func answer() -> any ForeignAnswer { GeminiAnswer(id: "req_1", created: 17) }

    private func run(_ bytes: [UInt8], _ size: () -> Int) -> (output: String, answer: any ForeignAnswer) {
        let fed = answer().fed(bytes, size)
        return (String(decoding: fed.output, as: UTF8.self), fed.answer)
    }

    @Test(arguments: ["text", "tools"])
    func whatBothSidesExpressGoesOver(_ name: String) throws {
        let golden = try golden("\(name).request.json")
        let chat = try #require(golden["chat"])
        _ = try ChatRequestScan(chat.bytes)
        let body = try translate(chat.string, thinks: golden["thinks"] == nil ? .budget : .adaptive)
        #expect(body.ordered.string == golden["gemini"]?.ordered.string)
    }

    @Test func theModelAndTheStreamAreInThePath() throws {
        func path(_ field: String, vertex options: [String: String]? = nil) throws -> String {
            let chat = #"{"model":"m","messages":[{"role":"user","content":"x"}]\#(field)}"#
            let account = Provider.Account(baseURL: "https://x.test", apiKey: "k", options: options ?? [:])
            return try GeminiRequest(
                try JSONValue(Array(chat.utf8)), thinks: .budget, reasons: false, isVertex: options != nil
            ).path(model: "gemini-x", at: account)
        }
        #expect(try path("") == "/v1beta/models/gemini-x:generateContent")
        #expect(try path(#","stream":true"#) == "/v1beta/models/gemini-x:streamGenerateContent?alt=sse")
        #expect(try path("", vertex: [:]) == "/v1/publishers/google/models/gemini-x:generateContent")
        #expect(
            try path(#","stream":true"#, vertex: ["project": "p", "region": "europe-west4"])
                == "/v1/projects/p/locations/europe-west4/publishers/google/models/gemini-x:streamGenerateContent?alt=sse")
    }

    @Test(arguments: [
        (#""n":2"#, "n"), (#""logprobs":true"#, "logprobs"), (#""logit_bias":{"5":1}"#, "logit_bias"),
        (#""temperature":2.5"#, "temperature"), (#""top_p":1.1"#, "top_p"), (#""seed":5000000000"#, "seed"),
        (#""presence_penalty":3"#, "presence_penalty"), (#""stop":["1","2","3","4","5","6"]"#, "stop"),
        (#""reasoning_effort":"extreme""#, "reasoning_effort"), (#""store":true"#, "store"), (#""verbosity":"low""#, "verbosity"),
        (#""response_format":{"type":"json_schema"}"#, "response_format.json_schema.schema"),
        (#""tools":[{"type":"custom","custom":{"name":"x"}}]"#, "tools[0]"), (#""tool_choice":"required""#, "tool_choice"),
        (#""tools":[{"type":"function","function":{"name":"f"}}],"parallel_tool_calls":false"#, "parallel_tool_calls"),
        (#""tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":{"type":"allowed_tools"}"#, "tool_choice"),
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
        (
            #"{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"AAAA","format":"wav"}}]}"#,
            "messages[0].content[0].type"
        ),
        (#"{"role":"user","content":[{"type":"file","file":{"file_id":"f"}}]}"#, "messages[0].content[0].file.file_data"),
        (
            #"{"role":"user","content":[{"type":"image_url","image_url":{"url":"ftp://a/b"}}]}"#,
            "messages[0].content[0].image_url.url"
        ),
        (#"{"role":"tool","tool_call_id":"unknown","content":"x"}"#, "messages[0].tool_call_id"),
        (
            #"{"role":"assistant","tool_calls":[{"id":"c","function":{"name":"f","arguments":"[1]"}}]}"#,
            "messages[0].tool_calls[0].function.arguments"
        ),
        (#"{"role":"system","content":"x"}"#, "messages"),
    ])
    func messagesThatCannotBeExpressedAreRefusedByName(_ message: String, _ param: String) throws {
        let error = #expect(throws: APIError.self) { try translate(#"{"model":"m","messages":[\#(message)]}"#) }
        #expect(error?.param == param)
    }

    /// As `langchain-openai` asks for structured output: nothing but the one function can be called.
    @Test func oneForcedToolIsCalledAlone() throws {
        let one = #"{"type":"function","function":{"name":"f"}}"#
        func choice(_ tools: String, _ choice: String) throws -> JSONValue? {
            let fields = #""tools":[\#(tools)],"tool_choice":\#(choice),"parallel_tool_calls":false"#
            let body = try translate(#"{"model":"m","messages":[{"role":"user","content":"x"}],\#(fields)}"#)
            return body["toolConfig"]?["functionCallingConfig"]
        }
        #expect(try choice("\(one),\(one)", one)?.string == #"{"mode":"ANY","allowedFunctionNames":["f"]}"#)
        #expect(try choice(one, #""required""#)?.string == #"{"mode":"ANY"}"#)
        #expect(try choice(one, #""none""#)?.string == #"{"mode":"NONE"}"#)
        let error = #expect(throws: APIError.self) { try choice("\(one),\(one)", #""required""#) }
        #expect(error?.param == "parallel_tool_calls")
    }

    @Test(arguments: [
        (
            #"{"type":"file","file":{"file_data":"data:application/pdf;base64,JVBERi0="}}"#, "inlineData", "application/pdf",
            "JVBERi0="
        ),
        (
            #"{"type":"file","file":{"file_data":"https://a.example/b?c=d.mp3"}}"#, "fileData", "application/pdf",
            "https://a.example/b?c=d.mp3"
        ),
    ])
    func filesAreGivenAsWhatTheyAre(_ part: String, _ member: String, _ type: String, _ data: String) throws {
        let chat = #"{"model":"m","messages":[{"role":"user","content":[\#(part)]}]}"#
        let given = try translate(chat)["contents"]?.elements?.first?["parts"]?.elements?.first?[member]
        #expect(given?["mimeType"]?.text == type && (given?["data"] ?? given?["fileUri"])?.text == data)
    }

    @Test func newerModelsAlwaysThink() throws {
        let chat = #"{"model":"m","messages":[{"role":"user","content":"x"}],"reasoning_effort":"none"}"#
        #expect(throws: APIError.self) { try translate(chat, thinks: .adaptive) }
        #expect(try translate(chat)["generationConfig"]?["thinkingConfig"]?["thinkingBudget"] == .number("0"))
        // What is asked for beyond the most is the most.
        for effort in ["high", "xhigh", "max"] {
            let much = chat.replacing("none", with: effort)
            let config = { (mode: ThinkingMode) in
                try translate(much, thinks: mode)["generationConfig"]?["thinkingConfig"]
            }
            #expect(try config(.budget)?["thinkingBudget"] == .number("24576"))
            #expect(try config(.adaptive)?["thinkingLevel"] == .string("high"))
        }
    }

    @Test func wholeAnswersBecomeCompletions() throws {
        let golden = try golden("answer.json")
        let completion = try answer().completion(try #require(golden["gemini"]).bytes)
        let chat = try JSONValue(completion)
        #expect(chat.ordered.string == golden["chat"]?.ordered.string)
        let scan = try ChatResponseScan(completion)
        #expect(scan.usage == TokenUsage(promptTokens: 105, completionTokens: 39, cachedTokens: 40, reasoningTokens: 30))
        let silent = [#"{"candidates":[]}"#, #"{"promptFeedback":{}}"#, #"{"usageMetadata":{"promptTokenCount":9}}"#]
        for body in ["[]", "{", "", #"{"error":{}}"#] + silent {
            #expect(throws: ChatResponseError.self) { try answer().completion(Array(body.utf8)) }
        }
        let blocked = try answer().completion(Array(#"{"promptFeedback":{"blockReason":"SAFETY"}}"#.utf8))
        #expect(try ChatResponseScan(blocked).finishReasons == ["content_filter"])
    }

    /// OpenAI takes 40 characters for the id of a call.
    @Test func idsOfCallsAreShortEnoughForOthers() throws {
        let answer = GeminiAnswer(id: "chatcmpl-req_0356F7FMkzTZX0uHkRyKgE", created: 17)
        let parts = #"[{"functionCall":{"name":"f"}},{"functionCall":{"name":"f"}}]"#
        let body = #"{"candidates":[{"content":{"parts":\#(parts)},"finishReason":"STOP"}]}"#
        let chat = try JSONValue(try answer.completion(Array(body.utf8)))
        let calls = chat["choices"]?.elements?.first?["message"]?["tool_calls"]?.elements
        let ids = try #require(calls).compactMap { $0["id"]?.text }
        #expect(ids == ["call_0356F7FMkzTZX0uHkRyKgE_0", "call_0356F7FMkzTZX0uHkRyKgE_1"])
        #expect(ids.allSatisfy { $0.count <= 40 })
    }

    @Test func aStreamBecomesChunks() throws {
        let output = run(try Golden.read("stream.sse", of: "Gemini")) { .max }.output
        var events = output.components(separatedBy: "\n\n").filter { !$0.isEmpty }
        #expect(events.last == "data: [DONE]")
        events.removeLast()
        let usage = try JSONValue(Array(try #require(events.last).dropFirst(6).utf8))
        events.removeLast()
        #expect(
            usage["usage"]?.string
                == #"{"prompt_tokens":32,"completion_tokens":20,"total_tokens":52,"prompt_tokens_details":{"cached_tokens":16},"completion_tokens_details":{"reasoning_tokens":8}}"#
        )
        let expected = String(decoding: try Golden.read("stream.chunks", of: "Gemini"), as: UTF8.self).split(separator: "\n")
        #expect(events.count == expected.count)
        for (event, line) in zip(events, expected) {
            let chunk = try JSONValue(Array(event.dropFirst(6).utf8))
            #expect(chunk["id"] == .string("r2") && chunk["model"] == .string("gemini-x"))
            let choice = try #require(chunk["choices"]?.elements?.first)
            #expect("\(choice["delta"]?.string ?? "") \(choice["finish_reason"]?.string ?? "")" == line)
        }
    }

    @Test(arguments: [
        ("STOP", "stop"), ("MAX_TOKENS", "length"), ("SAFETY", "content_filter"), ("RECITATION", "content_filter"),
        ("PROHIBITED_CONTENT", "content_filter"), ("A_NEW_REASON", "stop"),
    ])
    func reasonsToStop(_ reason: String, _ expected: String) throws {
        let body = #"{"candidates":[{"content":{"parts":[{"text":"x"}]},"finishReason":"\#(reason)"}]}"#
        #expect(try ChatResponseScan(answer().completion(Array(body.utf8))).finishReasons == [expected])
        #expect(run(Array("data: \(body)\n\n".utf8)) { 7 }.output.contains(#""finish_reason":"\#(expected)""#))
    }

    /// Nobody is to take for a whole answer what the model could not end, and its tokens are known all the same.
    @Test(arguments: ["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "MALFORMED_RESPONSE"])
    func brokenAnswersAreErrors(_ reason: String) throws {
        let end = #"{"candidates":[{"finishReason":"\#(reason)"}],"usageMetadata":{"promptTokenCount":9}}"#
        let early = run(Array("data: \(end)\n\n".utf8)) { 7 }
        #expect(early.output.isEmpty && early.answer.error?.status == 502 && early.answer.usage?.promptTokens == 9)
        let text = #"{"candidates":[{"content":{"parts":[{"text":"x"}]}}]}"#
        let late = run(Array("data: \(text)\n\ndata: \(end)\n\n".utf8)) { 7 }
        #expect(late.output.contains(reason) && !late.output.contains("[DONE]") && late.answer.error?.status == 502)
        #expect(throws: ChatResponseError.self) { try answer().completion(Array(end.utf8)) }
        #expect(answer().hiddenError(in: Array(end.utf8))?.message.contains(reason) == true)
    }

    @Test func errorsHaveOpenAIsEnvelope() {
        func refusal(_ status: Int, _ error: String) -> APIError { answer().refusal(status: status, body: Array(error.utf8)) }
        let exhausted = #"{"error":{"code":429,"message":"Oh","status":"RESOURCE_EXHAUSTED"}}"#
        #expect(refusal(429, exhausted) == APIError(status: 429, message: "Oh"))
        #expect(refusal(429, "[\(exhausted)]") == APIError(status: 429, message: "Oh"))
        #expect(refusal(503, #"{"error":{"code":503,"message":"Oh","status":"UNAVAILABLE"}}"#).status == 503)
        #expect(refusal(500, "<html>").status == 500)
        // What is wrong with the gateway's key is not the client's affair.
        let key = #"{"error":{"code":400,"message":"API key not valid.","details":[{"reason":"API_KEY_INVALID"}]}}"#
        #expect(refusal(400, key).status == 401)
        #expect(refusal(400, #"{"error":{"code":400,"message":"No","status":"FAILED_PRECONDITION"}}"#).status == 403)
        let early = run(Array("data: \(exhausted)\n\n".utf8)) { 3 }
        #expect(early.output.isEmpty && early.answer.error?.status == 429)
        let text = #"{"candidates":[{"content":{"parts":[{"text":"x"}]}}]}"#
        let late = run(Array("data: \(text)\n\ndata: \(exhausted)\n\n".utf8)) { 3 }
        #expect(late.output.hasSuffix(#""code":"rate_limit_exceeded"}}"# + "\n\n") && !late.output.contains("[DONE]"))
        // Without a reason the stream was broken off.
        #expect(!run(Array("data: \(text)\n\n".utf8)) { 3 }.output.contains("[DONE]"))
    }

    /// However the bytes are cut, the same chunks come out, and what is no stream or no request never crashes.
    @Test func cutsDoNotMatter() throws {
        var random = RandomJSON(seed: TestEnvironment.seed("cuts of Google's stream"))
        let golden = String(decoding: try Golden.read("stream.sse", of: "Gemini"), as: UTF8.self)
        for _ in 0..<300 {
            var bytes = Array(golden.replacing("\n", with: ["\n", "\r\n", "\r"][random.below(3)]).utf8)
            if random.below(3) > 0 { bytes = random.mutated(bytes) }
            let whole = run(bytes) { .max }
            for _ in 0..<4 {
                let size = random.below(60) + 1
                let cut = run(bytes) { random.below(size) + 1 }
                #expect(cut.output == whole.output && cut.answer.usage == whole.answer.usage)
                #expect(cut.answer.isMalformed == whole.answer.isMalformed)
            }
            var noise = answer()
            _ = noise.feed((0..<random.below(300)).map { _ in UInt8(random.below(256)) })
            _ = noise.feed(Array("data: \(random.value())\n\n".utf8))
            _ = noise.end()
        }
        for _ in 0..<1000 {
            let chat = #"{"model":"m","messages":\#(random.value()),"tools":\#(random.value()),"stop":\#(random.value())}"#
            guard let value = try? JSONValue(Array(chat.utf8)) else { continue }
            do { _ = try GeminiRequest(value, thinks: .adaptive, reasons: true) } catch { #expect(error.status == 400) }
        }
    }
}
