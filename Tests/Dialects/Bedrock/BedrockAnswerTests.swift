import Foundation
import JSON
import Money
import TestSupport
import Testing

@testable import Dialects

@Suite struct BedrockAnswerTests {
    private func answer(_ model: String = "anthropic.claude") -> any ForeignAnswer {
        BedrockAnswer(id: "req_1", created: 17, model: BedrockModel(name: model))
    }

    /// What comes out of `bytes` when it is fed in pieces of the sizes that `size` gives.
    private func run(
        _ bytes: [UInt8], _ model: String = "anthropic.claude", _ size: () -> Int = { .max }
    ) -> (output: String, answer: any ForeignAnswer) {
        var answer = answer(model)
        var output: [UInt8] = []
        var start = 0
        while start < bytes.count {
            let end = start + min(bytes.count - start, max(1, size()))
            output += answer.feed(Array(bytes[start..<end]))
            start = end
        }
        output += answer.end()
        return (String(decoding: output, as: UTF8.self), answer)
    }

    private func golden() throws -> [UInt8] {
        String(decoding: try Golden.read("stream.events", of: "Bedrock"), as: UTF8.self).split(separator: "\n").flatMap { line in
            let parts = line.split(separator: " ", maxSplits: 1)
            return EventStream.event(String(parts[0]), String(parts[1]))
        }
    }

    private static let start = EventStream.event("messageStart", #"{"role":"assistant"}"#)
    private static let text = EventStream.event("contentBlockDelta", #"{"contentBlockIndex":0,"delta":{"text":"Hi"}}"#)
    private static let stop = EventStream.event("messageStop", #"{"stopReason":"end_turn"}"#)
    private static let metadata = EventStream.event("metadata", #"{"usage":{"inputTokens":9,"outputTokens":3}}"#)

    @Test func wholeAnswersBecomeCompletions() throws {
        let golden = try Golden.json("answer.json", of: "Bedrock")
        let completion = try answer().completion(try #require(golden["bedrock"]).bytes)
        #expect(try JSONValue(completion).ordered.string == golden["chat"]?.ordered.string)
        #expect(
            try ChatResponseScan(completion).usage
                == TokenUsage(
                    promptTokens: 140, completionTokens: 70, cachedTokens: 100, cacheWriteTokens: 30, cacheWriteHourTokens: 20))
        let other = try answer("deepseek.r1").completion(try #require(golden["bedrock"]).bytes)
        let message = try JSONValue(other)["choices"]?.elements?.first?["message"]
        #expect(message?["reasoning"] == .string("Let me look.") && message?["reasoning_details"] == nil)
        for body in ["[]", "{", "", #"{"message":"no"}"#, #"{"output":{"message":{}}}"#] {
            #expect(throws: ChatResponseError.self) { try answer().completion(Array(body.utf8)) }
        }
    }

    @Test func aStreamBecomesChunks() throws {
        let output = run(try golden()).output
        var events = output.components(separatedBy: "\n\n").filter { !$0.isEmpty }
        #expect(events.popLast() == "data: [DONE]")
        let last = try #require(events.last)
        events.removeLast()
        let usage = try JSONValue(Array(last.dropFirst(6).utf8))
        #expect(
            usage["usage"]?.string
                == #"{"prompt_tokens":32,"completion_tokens":9,"total_tokens":41,"prompt_tokens_details":{"cached_tokens":4,"cache_write_tokens":8,"cache_creation":{"ephemeral_5m_input_tokens":8,"ephemeral_1h_input_tokens":0}},"completion_tokens_details":{"reasoning_tokens":0}}"#
        )
        let expected = String(decoding: try Golden.read("stream.chunks", of: "Bedrock"), as: UTF8.self).split(separator: "\n")
        #expect(events.count == expected.count)
        for (event, line) in zip(events, expected) {
            let chunk = try JSONValue(Array(event.dropFirst(6).utf8))
            #expect(chunk["id"] == .string("req_1") && chunk["model"] == .string("anthropic.claude"))
            #expect(chunk["created"] == .number("17"))
            let choice = try #require(chunk["choices"]?.elements?.first)
            #expect("\(choice["delta"]?.string ?? "") \(choice["finish_reason"]?.string ?? "")" == line)
        }
        // The gateway's own reading of the chunks ends where the message ended.
        var tap = SSETap(includeUsage: true)
        _ = tap.feed(Array(output.utf8))
        #expect(tap.isDone && tap.finishReasons == ["tool_calls"] && tap.usage?.cacheWriteTokens == 8)
        // The thoughts of others have no signature that anybody wants to see again.
        let other = run(try golden(), "deepseek.r1").output
        #expect(other.contains(#""delta":{"reasoning":"Two \"towns\""}"#) && !other.contains("reasoning_details"))
    }

    @Test(arguments: [
        ("end_turn", "stop"), ("stop_sequence", "stop"), ("tool_use", "tool_calls"), ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"), ("guardrail_intervened", "content_filter"),
        ("content_filtered", "content_filter"), ("new", "stop"),
    ])
    func reasonsToStop(_ reason: String, _ expected: String) {
        #expect(BedrockAnswer.finishReason(reason) == expected)
    }

    /// Nobody is to take for a whole answer what the model could not end, and its tokens are known all the same.
    @Test(arguments: ["malformed_model_output", "malformed_tool_use"])
    func brokenAnswersAreErrors(_ reason: String) throws {
        let stop = EventStream.event("messageStop", #"{"stopReason":"\#(reason)"}"#)
        let early = run(Self.start + stop + Self.metadata)
        #expect(early.output.isEmpty && early.answer.error?.status == 502)
        #expect(early.answer.usage == TokenUsage(promptTokens: 9, completionTokens: 3))
        let late = run(Self.start + Self.text + stop)
        #expect(late.output.contains(reason) && !late.output.contains("[DONE]") && late.answer.error?.status == 502)
        let body = Array(#"{"output":{"message":{"content":[{"text":"x"}]}},"stopReason":"\#(reason)"}"#.utf8)
        #expect(throws: ChatResponseError.self) { try answer().completion(body) }
        #expect(answer().hiddenError(in: body)?.message.contains(reason) == true)
    }

    @Test(arguments: [
        ("throttlingException", 429, "rate_limit_exceeded"), ("internalServerException", 500, "api_error"),
        ("modelStreamErrorException", 502, "api_error"), ("serviceUnavailableException", 503, "api_error"),
        ("validationException", 400, "invalid_request_error"), ("modelTimeoutException", 408, "timeout"),
        ("newException", 502, "api_error"),
    ])
    func exceptionsHaveTheStatusOfTheirName(_ type: String, _ status: Int, _ code: String) {
        let exception = EventStream.exception(type, #"{"message":"Oh"}"#)
        let early = run(Self.start + exception)
        // Nothing went out before, so that another route may be tried.
        #expect(early.output.isEmpty)
        #expect(early.answer.error == APIError(status: status, message: "Oh"))
        let late = run(Self.start + Self.text + exception + Self.stop)
        #expect(late.output.hasSuffix(#""code":"\#(code)"}}"# + "\n\n"))
        var tap = SSETap(includeUsage: false)
        _ = tap.feed(Array(late.output.utf8))
        #expect(tap.error?.message == "Oh" && !tap.isComplete)
    }

    @Test func errorsWithoutAPayload() {
        let headers = [(":message-type", "error"), (":error-code", "ThrottlingException"), (":error-message", "Oh")]
        #expect(run(EventStream.message(headers, [])).answer.error == APIError(status: 429, message: "Oh"))
    }

    @Test func refusalsHaveOpenAIsEnvelope() {
        func refusal(_ status: Int, _ body: String) -> APIError { answer().refusal(status: status, body: Array(body.utf8)) }
        #expect(refusal(429, #"{"message":"Oh"}"#) == APIError(status: 429, message: "Oh"))
        #expect(refusal(403, #"{"Message":"Oh"}"#) == APIError(status: 403, message: "Oh"))
        #expect(refusal(424, #"{"message":"Oh","originalStatusCode":500}"#).status == 502)
        #expect(refusal(500, "<html>") == APIError(status: 500, message: "AWS Bedrock answered with status 500"))
        // A model that the gateway has no access to is not the client's affair.
        #expect(refusal(400, #"{"message":"The provided model identifier is invalid."}"#).status == 404)
        #expect(refusal(400, #"{"message":"Malformed input request"}"#).status == 400)
    }

    @Test func aBrokenStreamIsNotTakenForAWholeOne() {
        let cut = run(Self.start + Self.text)
        #expect(!cut.output.contains("[DONE]") && cut.answer.usage == nil)
        let half = run(Self.start + Self.text + Self.stop.dropLast())
        #expect(!half.output.contains("[DONE]") && !half.answer.isMalformed)
        // All was said but for the usage.
        #expect(run(Self.start + Self.text + Self.stop).output.hasSuffix("data: [DONE]\n\n"))
        let whole = run(Self.start + Self.text + Self.stop + Self.metadata)
        #expect(whole.answer.usage == TokenUsage(promptTokens: 9, completionTokens: 3))
        let malformed = run(Self.start + Self.text + EventStream.event("messageStop", "{oh"))
        #expect(malformed.answer.isMalformed && malformed.output.contains("Hi"))
        #expect(run(Array("data: {}\n\ndata: {}\n\n".utf8)).answer.isMalformed)
        var damaged = Self.start + Self.text + Self.stop
        damaged[Self.start.count + Self.text.count - 9] ^= 1
        let found = run(damaged)
        #expect(found.answer.isMalformed && found.output.isEmpty)
    }

    @Test func everyCutGivesTheSameChunks() throws {
        let bytes = try golden()
        let whole = run(bytes).output
        for position in 1..<bytes.count {
            var answer = answer()
            let output = answer.feed(Array(bytes[..<position])) + answer.feed(Array(bytes[position...])) + answer.end()
            #expect(String(decoding: output, as: UTF8.self) == whole)
        }
        #expect(run(bytes) { 1 }.output == whole)
    }

    /// However the bytes are cut, the same chunks come out, and what is no stream never crashes.
    @Test func cutsDoNotMatter() throws {
        var random = RandomJSON(seed: TestEnvironment.seed("cuts of Bedrock's stream"))
        let golden = try golden()
        for _ in 0..<200 {
            let bytes = random.below(3) > 0 ? random.mutated(golden) : golden
            let whole = run(bytes)
            for _ in 0..<4 {
                let size = random.below(60) + 1
                let cut = run(bytes) { random.below(size) + 1 }
                #expect(cut.output == whole.output && cut.answer.usage == whole.answer.usage)
                #expect(cut.answer.isMalformed == whole.answer.isMalformed && cut.answer.error == whole.answer.error)
            }
            var noise = answer()
            _ = noise.feed((0..<random.below(300)).map { _ in UInt8(random.below(256)) })
            let types = ["contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata"]
            var odd = answer()
            for _ in 0..<10 { _ = odd.feed(EventStream.event(types[random.below(types.count)], random.value())) }
            _ = odd.end()
        }
    }
}
