import JSON
import Money
import Testing

@testable import Dialects

/// What a message says and thinks is found in all the shapes that services give it.
@Suite struct MessageTextsTests {
    /// Mistral's parts, and a name that is there and says nothing beside another that does.
    private static let messages = [
        #"{"role":"assistant","content":[{"type":"thinking","thinking":[{"type":"text","text":"h"},{"type":"text","text":"m"}]},{"type":"text","text":"H"},{"type":"text","text":"i"}]}"#,
        #"{"role":"assistant","content":[{"type":"thinking","thinking":"hm"},{"type":"text","text":"Hi"},{"type":"reference","reference_ids":[1]}]}"#,
        #"{"role":"assistant","content":"Hi","reasoning":null,"reasoning_content":"hm"}"#,
        #"{"role":"assistant","content":"Hi","reasoning":"","reasoning_content":"hm"}"#,
        #"{"role":"assistant","content":"Hi","reasoning":"hm","reasoning_content":"hm"}"#,
        #"{"role":"assistant","content":null,"refusal":"Hi","reasoning":"hm"}"#,
    ]

    private func responses() throws -> ResponsesTranslation {
        try ResponsesTranslation(Array(#"{"model":"m","input":"x"}"#.utf8), history: nil, id: "resp_1", createdAt: 17)
    }

    @Test(arguments: messages) func wholeAnswersSayAll(_ message: String) throws {
        let body = Array(#"{"id":"c","model":"m","choices":[{"index":0,"message":\#(message),"finish_reason":"stop"}]}"#.utf8)
        let blocks = try JSONValue(try MessagesReply(body).answer(ResponseAdditions(), body: body))["content"]?.elements
        #expect(
            blocks?.map(\.string) == [
                #"{"type":"thinking","thinking":"hm","signature":""}"#, #"{"type":"text","text":"Hi"}"#,
            ])
        let reply = try ResponsesReply(body, for: try responses())
        let items = try #require(try JSONValue(reply.answer(ResponseAdditions(), body: body))["output"]?.elements)
        #expect(items.map { $0["type"]?.text } == ["reasoning", "message"])
        #expect(items.first?["summary"]?.elements?.first?["text"]?.text == "hm")
        let part = items.last?["content"]?.elements?.first
        #expect((part?["text"] ?? part?["refusal"])?.text == "Hi")
        let completion = try JSONValue(try CompletionsReply(body).answer(ResponseAdditions(), body: body))
        #expect(completion["choices"]?.elements?.first?["text"]?.text == "Hi")
    }

    @Test(arguments: messages) func streamsSayAll(_ delta: String) throws {
        let chunk = #"{"id":"c","model":"m","choices":[{"index":0,"delta":\#(delta),"finish_reason":null}]}"#
        let end = #"{"id":"c","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#
        let bytes = Array("data: \(chunk)\n\ndata: \(end)\n\ndata: [DONE]\n\n".utf8)
        var forMessages = MessagesEvents()
        let events = String(decoding: forMessages.feed(bytes), as: UTF8.self)
        #expect(events.contains(#"{"type":"thinking_delta","thinking":"hm"}"#))
        #expect(events.contains(#"{"type":"text_delta","text":"Hi"}"#))
        var forResponses = ResponsesEvents(for: try responses())
        _ = forResponses.feed(bytes)
        _ = forResponses.finish(estimated: TokenUsage(), additions: ResponseAdditions())
        let output = try JSONValue(try #require(forResponses.response))["output"]?.elements
        #expect(output?.map { $0["type"]?.text } == ["reasoning", "message"])
        #expect(output?.first?["summary"]?.elements?.first?["text"]?.text == "hm")
    }
}
