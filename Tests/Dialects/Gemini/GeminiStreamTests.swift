import JSON
import Money
import TestSupport
import Testing

@testable import Dialects

/// What Google says in a stream is what it says in one.
@Suite struct GeminiStreamTests {
    /// What a stream says in all.
    private struct Said: Hashable {
        var content = ""
        var reasoning = ""
        var calls: [JSONValue] = []
        var images: [JSONValue] = []
        var reasons: [String] = []

        mutating func add(_ choice: JSONValue?, _ part: String) {
            let said = choice?[part]
            content += said?["content"]?.text ?? ""
            reasoning += said?["reasoning"]?.text ?? ""
            // A call of a stream comes whole, with its place.
            calls += (said?["tool_calls"]?.elements ?? []).map { call in
                JSONValue.object((call.fields ?? []).filter { $0.name != "index" })
            }
            images += said?["images"]?.elements ?? []
            if let reason = choice?["finish_reason"]?.text { reasons.append(reason) }
        }
    }

    /// The parts of an answer: each as it stands in a whole one, and as the pieces that a stream may have of it.
    private func parts(_ random: inout RandomJSON) -> [(whole: String, pieces: [String])] {
        let signature = random.below(2) == 0 ? #","thoughtSignature":"c2ln""# : ""
        return (0..<random.below(5)).map { index -> (whole: String, pieces: [String]) in
            switch random.below(6) {
            case 0:
                let id = random.below(2) == 0 ? #""id":"g\#(index)","# : ""
                let call = #"{"functionCall":{\#(id)"name":"f","args":{"a":\#(random.value())}}\#(signature)}"#
                return (call, [call])
            case 1:
                let image = #"{"inlineData":{"mimeType":"image/png","data":"iVBORw0KGgo="}\#(signature)}"#
                return (image, [image])
            case 2:
                let unknown = #"{"executableCode":{"code":\#(random.string())}}"#
                return (unknown, [unknown])
            default:
                let thought = random.below(3) == 0 ? #","thought":true"# : ""
                let texts = (0...random.below(3)).map { _ in random.string() }
                let text = texts.map { $0.dropFirst().dropLast() }.joined()
                return (#"{"text":"\#(text)"\#(thought)}"#, texts.map { #"{"text":\#($0)\#(thought)}"# })
            }
        }
    }

    /// A streamed answer says the same as a whole one, however its parts lie in the responses of the stream.
    @Test func streamsSayWhatWholeAnswersSay() throws {
        var random = RandomJSON(seed: TestEnvironment.seed("answers of Google"))
        for round in 0..<300 {
            let made = parts(&random)
            let reason = ["STOP", "MAX_TOKENS", "SAFETY", "A_NEW_REASON"][random.below(4)]
            // What is cached may be more than there is: a provider's mistake.
            let usage =
                #""usageMetadata":{"promptTokenCount":\#(random.below(9)),"cachedContentTokenCount":\#(random.below(12)),"candidatesTokenCount":\#(random.below(9)),"thoughtsTokenCount":\#(random.below(9))}"#
            func response(_ parts: [String], _ more: String) -> String {
                #"{"candidates":[{"content":{"role":"model","parts":[\#(parts.joined(separator: ","))]}\#(more)}],\#(usage),"modelVersion":"m","responseId":"r"}"#
            }
            let end = #","finishReason":"\#(reason)""#
            let body = response(made.map(\.whole), end)
            var events: [String] = []
            var pending: [String] = []
            for piece in made.flatMap(\.pieces) {
                pending.append(piece)
                guard random.below(2) == 0 else { continue }
                events.append(response(pending, ""))
                pending = []
            }
            events.append(response(pending, end))
            // Line feeds between tokens can't stand in an event's data.
            let lines = events.map { event in event.map { $0.isNewline ? " " : String($0) }.joined() }
            let stream = lines.map { "data: \($0)\r\n\r\n" }.joined()

            let whole = try JSONValue(GeminiAnswer(id: "req_1", created: 1).completion(Array(body.utf8)))
            var expected = Said()
            expected.add(whole["choices"]?.elements?.first, "message")
            var answer = GeminiAnswer(id: "req_1", created: 1)
            let output = String(decoding: answer.feed(Array(stream.utf8)) + answer.end(), as: UTF8.self)
            var said = Said()
            for chunk in output.split(separator: "\n\n").dropLast() {
                said.add(try JSONValue(Array(chunk.dropFirst(6).utf8))["choices"]?.elements?.first, "delta")
            }
            #expect(said == expected, "round \(round)")
            #expect(output.hasSuffix("data: [DONE]\n\n") && answer.error == nil, "round \(round)")
            #expect(answer.usage == (try ChatResponseScan(whole.bytes).usage), "round \(round)")
        }
    }

    /// An error that is none is no error of a stream either.
    @Test func noErrorIsNoError() {
        let body = #"{"error":null,"candidates":[{"content":{"parts":[{"text":"x"}]},"finishReason":"STOP"}]}"#
        var answer = GeminiAnswer(id: "req_1", created: 1)
        let output = String(decoding: answer.feed(Array("data: \(body)\n\n".utf8)) + answer.end(), as: UTF8.self)
        #expect(answer.error == nil && output.hasSuffix("data: [DONE]\n\n"))
        #expect(answer.hiddenError(in: Array(body.utf8)) == nil)
    }
}
