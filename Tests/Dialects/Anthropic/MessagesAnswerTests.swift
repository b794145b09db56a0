import Foundation
import JSON
import Money
import TestSupport
import Testing

@testable import Dialects

@Suite struct MessagesAnswerTests {
    private func answer() -> any ForeignAnswer { MessagesAnswer(created: 17) }

    private func run(_ bytes: [UInt8], _ size: () -> Int) -> (output: [UInt8], answer: any ForeignAnswer) {
        answer().fed(bytes, size)
    }

    private func stream(_ events: [String]) -> [UInt8] { Array(events.map { "data: \($0)\n\n" }.joined().utf8) }

    private static let start =
        #"{"type":"message_start","message":{"id":"m","model":"c","usage":{"input_tokens":9,"output_tokens":1}}}"#
    private static let block = #"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#
    private static let text = #"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}"#
    private static let delta = #"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":3}}"#
    private static let stop = #"{"type":"message_stop"}"#

    @Test(arguments: ["text", "tools"])
    func wholeAnswersBecomeCompletions(_ name: String) throws {
        let golden = try Golden.json("\(name).answer.json")
        let completion = try answer().completion(try #require(golden["message"]).bytes)
        let chat = try JSONValue(completion)
        #expect(chat.ordered.string == golden["chat"]?.ordered.string)
        // The gateway's own reading finds the same usage in it.
        let usage = try #require(ChatResponseScan(completion).usage)
        if name == "text" {
            #expect(
                usage
                    == TokenUsage(
                        promptTokens: 140, completionTokens: 7, cachedTokens: 100, cacheWriteTokens: 30, cacheWriteHourTokens: 20)
            )
        } else {
            #expect(usage == TokenUsage(promptTokens: 10, completionTokens: 70, reasoningTokens: 40))
        }
    }

    @Test(arguments: [#"{"type":"error"}"#, "[]", "{", "", #"{"choices":[]}"#])
    func whatIsNoMessageIsMalformed(_ body: String) {
        #expect(throws: ChatResponseError.self) { try answer().completion(Array(body.utf8)) }
    }

    @Test func aStreamBecomesChunks() throws {
        let output = run(try Golden.read("stream.sse")) { .max }.output
        var events = String(decoding: output, as: UTF8.self).components(separatedBy: "\n\n").filter { !$0.isEmpty }
        #expect(events.popLast() == "data: [DONE]")
        let last = try #require(events.last)
        events.removeLast()
        let usage = try JSONValue(Array(last.dropFirst(6).utf8))
        #expect(
            usage["usage"]?.string
                == #"{"prompt_tokens":32,"completion_tokens":89,"total_tokens":121,"prompt_tokens_details":{"cached_tokens":4,"cache_write_tokens":8,"cache_creation":{"ephemeral_5m_input_tokens":8,"ephemeral_1h_input_tokens":0}},"completion_tokens_details":{"reasoning_tokens":30}}"#
        )
        let expected = String(decoding: try Golden.read("stream.chunks"), as: UTF8.self).split(separator: "\n")
        #expect(events.count == expected.count)
        for (event, line) in zip(events, expected) {
            let chunk = try JSONValue(Array(event.dropFirst(6).utf8))
            #expect(chunk["id"] == .string("msg_3") && chunk["model"] == .string("claude-x") && chunk["created"] == .number("17"))
            let choice = try #require(chunk["choices"]?.elements?.first)
            #expect("\(choice["delta"]?.string ?? "") \(choice["finish_reason"]?.string ?? "")" == line)
        }
        // The gateway's own reading of the chunks ends where the message ended.
        var tap = SSETap(includeUsage: true)
        _ = tap.feed(output)
        #expect(tap.isDone && tap.finishReasons == ["tool_calls"] && tap.usage?.cacheWriteTokens == 8)
    }

    @Test(arguments: [
        ("end_turn", "stop"), ("stop_sequence", "stop"), ("tool_use", "tool_calls"), ("max_tokens", "length"),
        ("refusal", "content_filter"), ("model_context_window_exceeded", "length"), ("pause_turn", "stop"), ("new", "stop"),
    ])
    func reasonsToStop(_ reason: String, _ expected: String) {
        #expect(MessagesAnswer.finishReason(reason) == expected)
    }

    @Test(arguments: [
        ("overloaded_error", 529, "overloaded"), ("rate_limit_error", 429, "rate_limit_exceeded"),
        ("api_error", 500, "api_error"),
        ("invalid_request_error", 400, "invalid_request_error"), ("request_too_large", 413, "request_too_large"),
        ("authentication_error", 401, "invalid_api_key"), ("billing_error", 403, "permission_denied"),
        ("new_error", 502, "api_error"),
    ])
    func errorsInAStreamHaveTheStatusOfTheirType(_ type: String, _ status: Int, _ code: String) {
        let error = #"{"type":"error","error":{"type":"\#(type)","message":"Oh"},"request_id":"r"}"#
        let early = run(stream([Self.start, error])) { .max }
        // Nothing went out before, so that another route may be tried.
        #expect(early.output.isEmpty)
        #expect(early.answer.error?.status == status && early.answer.error?.code == code && early.answer.error?.message == "Oh")
        let late = run(stream([Self.start, Self.block, Self.text, error, Self.stop])) { .max }
        // What is said of the gateway's account is not the client's affair.
        let isOfAccount = status == 401 || status == 403
        let told = isOfAccount ? "gateway_error" : code
        #expect(String(decoding: late.output, as: UTF8.self).hasSuffix(#""code":"\#(told)"}}"# + "\n\n"))
        var tap = SSETap(includeUsage: false)
        _ = tap.feed(late.output)
        #expect((tap.error?.message == "Oh") != isOfAccount && !tap.isComplete)
    }

    @Test func refusalsHaveOpenAIsEnvelope() {
        func refusal(_ status: Int, _ type: String, _ message: String = "Oh") -> APIError {
            answer().refusal(
                status: status, body: Array(#"{"type":"error","error":{"type":"\#(type)","message":"\#(message)"}}"#.utf8))
        }
        #expect(refusal(529, "overloaded_error") == APIError(status: 529, message: "Oh"))
        #expect(refusal(429, "rate_limit_error") == APIError(status: 429, message: "Oh"))
        #expect(refusal(400, "invalid_request_error") == APIError(status: 400, message: "Oh"))
        // What the gateway owes is not the client's affair.
        #expect(refusal(400, "invalid_request_error", "Your credit balance is too low to go on").status == 403)
        #expect(answer().refusal(status: 500, body: Array("<html>".utf8)).status == 500)
    }

    @Test func aBrokenStreamIsNotTakenForAWholeOne() {
        for count in 1...3 {
            let cut = run(stream(Array([Self.start, Self.block, Self.text].prefix(count)))) { .max }
            #expect(!String(decoding: cut.output, as: UTF8.self).contains("[DONE]"))
            #expect(cut.answer.usage == TokenUsage(promptTokens: 9, completionTokens: 1))
        }
        // A stop without its reason is no end either.
        let stopped = run(stream([Self.start, Self.block, Self.text, Self.stop])) { .max }
        #expect(!String(decoding: stopped.output, as: UTF8.self).contains("[DONE]"))
        // All was said but the last word.
        let whole = run(stream([Self.start, Self.block, Self.text, Self.delta])) { .max }
        #expect(String(decoding: whole.output, as: UTF8.self).hasSuffix("data: [DONE]\n\n"))
        let malformed = run(stream([Self.start, Self.block, Self.text, "{oh", Self.delta])) { .max }
        #expect(malformed.answer.isMalformed)
        #expect(String(decoding: malformed.output, as: UTF8.self).contains("Hi"))
    }

    /// However the bytes are cut and the lines end, the same chunks come out, and what is no stream never crashes.
    @Test func cutsDoNotMatter() throws {
        var random = RandomJSON(seed: TestEnvironment.seed("cuts of Anthropic's stream"))
        let golden = String(decoding: try Golden.read("stream.sse"), as: UTF8.self)
        for _ in 0..<300 {
            var bytes = Array(golden.replacing("\n", with: ["\n", "\r\n", "\r"][random.below(3)]).utf8)
            if random.below(3) > 0 { bytes = random.mutated(bytes) }
            let whole = run(bytes) { .max }
            for _ in 0..<4 {
                let size = random.below(60) + 1
                let cut = run(bytes) { random.below(size) + 1 }
                #expect(cut.output == whole.output)
                #expect(cut.answer.usage == whole.answer.usage && cut.answer.error == whole.answer.error)
                #expect(cut.answer.isMalformed == whole.answer.isMalformed)
            }
            #expect(String(validating: whole.output, as: UTF8.self) != nil)
            var noise = answer()
            _ = noise.feed((0..<random.below(300)).map { _ in UInt8(random.below(256)) })
            _ = noise.feed(Array("data: \(random.value())\n\n".utf8))
            _ = noise.end()
        }
    }
}
