import JSON
import Testing

@testable import Dialects

/// What a provider nests as deeply as its answer may, in the place of a text that goes on in a deeper one.
@Suite struct NestingTests {
    private static func nested(_ depth: Int) -> String {
        String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }

    private func details(_ answer: any ForeignAnswer, _ body: String) throws -> String {
        let completion = try answer.completion(Array(body.utf8))
        _ = try ChatResponseScan(completion: completion)
        return String(decoding: completion, as: UTF8.self)
    }

    @Test func signaturesAndIdsAreTexts() throws {
        let thought = #"{"type":"thinking","thinking":"Hm.","signature":\#(Self.nested(125))}"#
        let hidden = #"{"type":"redacted_thinking","data":\#(Self.nested(125))}"#
        let message = #"{"type":"message","content":[\#(thought),\#(hidden)],"stop_reason":"end_turn"}"#
        #expect(try details(MessagesAnswer(created: 1), message).contains(#""text":"Hm.","format""#))

        let item = #"{"type":"reasoning","id":\#(Self.nested(125)),"encrypted_content":"e","summary":[]}"#
        let response = #"{"object":"response","status":"completed","output":[\#(item)]}"#
        #expect(
            try details(ResponsesAnswer(id: "i", created: 1, provider: "p"), response).contains(#""data":"e","format""#))

        let call = #"{"functionCall":{"name":"f","id":[]},"thoughtSignature":\#(Self.nested(122))}"#
        let image = #"{"inlineData":{"mimeType":"image/png","data":"AA=="},"thoughtSignature":\#(Self.nested(122))}"#
        let google = #"{"candidates":[{"content":{"parts":[\#(call),\#(image)]},"finishReason":"STOP"}]}"#
        let said = try details(GeminiAnswer(id: "req_1", created: 1), google)
        #expect(said.contains(#""id":"call_1_0""#) && !said.contains("extra_content"))
    }

    @Test func streamsGoOnWithoutThem() throws {
        let events = [
            #"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"Hm."}}"#,
            #"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":\#(Self.nested(126))}}"#,
            #"{"type":"message_delta","delta":{"stop_reason":"end_turn"}}"#, #"{"type":"message_stop"}"#,
        ]
        var answer = MessagesAnswer(created: 1)
        var tap = SSETap(includeUsage: false)
        _ = tap.feed(answer.feed(events.flatMap { Array("data: \($0)\n\n".utf8) }) + answer.end())
        #expect(tap.isComplete && tap.textBytes == 3)
    }
}
