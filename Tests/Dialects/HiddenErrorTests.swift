import JSON
import Testing

@testable import Dialects

/// Answers of status 200 that are errors after all.
@Suite struct HiddenErrorTests {
    @Test(
        arguments: [
            (#"{"message":"No","code":400}"#, 400), (#"{"message":"No","code":"429"}"#, 429),
            (#"{"message":"No","status":503}"#, 503),
            (#"{"message":"No","code":"too_long","status":413}"#, 413), (#"{"message":"No","code":200}"#, 502),
            (#"{"message":"No","code":1301}"#, 502), (#"{"message":"No","status":"INVALID_ARGUMENT"}"#, 502), (#""No""#, 502),
        ] as [(String, Int)])
    func errorsOfChatCompletionsNameTheirStatus(_ error: String, _ status: Int) throws {
        let body = Array(#"{"error":\#(error)}"#.utf8)
        let scan = try ChatResponseScan(body)
        #expect(scan.error?.status == status && scan.error?.message == "No")
        var tap = SSETap(includeUsage: false)
        _ = tap.feed(Array("data: ".utf8) + body + Array("\n\n".utf8))
        #expect(tap.startError?.status == status)
    }

    /// What is said of the gateway's account reaches no client, wherever in a stream it comes.
    @Test func errorsOfTheAccountAreConcealed() throws {
        let error = #"{"message":"Incorrect API key provided: sk-abc","type":"invalid_request_error","code":"invalid_api_key"}"#
        for start in ["", "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n"] {
            var tap = SSETap(includeUsage: false)
            let output = String(decoding: tap.feed(Array((start + "data: {\"error\":\(error)}\n\n").utf8)), as: UTF8.self)
            #expect(output.hasPrefix(start) && output.contains("gateway_error") && !output.contains("sk-abc"))
            #expect(tap.error?.status == 401 && (tap.startError == nil) == !start.isEmpty)
        }
        let asked = try ResponsesTranslation(
            Array(#"{"model":"m","input":"x"}"#.utf8), history: nil, id: "resp_1", createdAt: 17)
        var responses = ResponsesTap(for: asked)
        let failed = #"data: {"type":"response.failed","response":{"status":"failed","error":\#(error)}}"# + "\n\n"
        let told = String(decoding: responses.feed(Array(failed.utf8)), as: UTF8.self)
        #expect(told.contains("gateway_error") && !told.contains("sk-abc") && responses.error != nil)
        var messages = MessagesTap()
        let refused = #"data: {"type":"error","error":{"type":"authentication_error","message":"sk-abc"}}"# + "\n\n"
        let heard = String(decoding: messages.feed(Array(refused.utf8)), as: UTF8.self)
        #expect(heard.contains(#""type":"authentication_error""#) && !heard.contains("sk-abc") && messages.error != nil)
    }

    @Test func errorsOfOtherDialectsAreRead() throws {
        let claude = #"{"type":"error","error":{"type":"invalid_request_error","message":"No"}}"#
        let anthropic = MessagesAnswer(created: 1)
        #expect(anthropic.hiddenError(in: Array(claude.utf8)) == APIError(status: 400, message: "No"))
        #expect(try NativeMessageScan(Array(claude.utf8)).error == APIError(status: 400, message: "No"))
        let gemini = GeminiAnswer(id: "i", created: 1)
        let exhausted = #"{"error":{"code":429,"message":"No","status":"RESOURCE_EXHAUSTED"}}"#
        #expect(gemini.hiddenError(in: Array(exhausted.utf8)) == APIError(status: 429, message: "No"))
        let responses = ResponsesAnswer(id: "i", created: 1, provider: "p")
        let failed = #"{"object":"response","status":"failed","output":[],"error":{"code":"slow_down","message":"No"}}"#
        #expect(responses.hiddenError(in: Array(failed.utf8))?.status == 503)
        let asked = try ResponsesTranslation(
            Array(#"{"model":"m","input":"x"}"#.utf8), history: nil, id: "resp_1", createdAt: 17)
        let native = try NativeResponsesReply(Array(#"{"error":{"code":404,"message":"No"}}"#.utf8), for: asked)
        #expect(native.error?.status == 404 && native.error?.message == "No")
        for answer in [anthropic, gemini, responses] as [any ForeignAnswer] {
            for body in ["{", "[]", "{}", #"{"error":null}"#] { #expect(answer.hiddenError(in: Array(body.utf8)) == nil) }
        }
    }
}
