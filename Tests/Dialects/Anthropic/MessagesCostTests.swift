import JSON
import Money
import Testing

@testable import Dialects

/// What an answer costs and where it came from is told to clients of Anthropic's format too.
@Suite struct MessagesCostTests {
    private func additions() throws -> ResponseAdditions {
        let line = try PriceLine(component: "output", quantity: 3, unit: "token", price: PicoDollars(10_000_000))
        let metadata = GatewayMetadata(
            requestedModel: "m", requestedProvider: nil, usedModel: "m", usedProvider: "p", underlyingUsedModel: "u")
        return ResponseAdditions(metadata: metadata, bill: try Bill(lines: [line]))
    }

    private func check(_ told: JSONValue?) {
        #expect(told?["usage"]?["cost"] == .number("0.00003"))
        #expect(told?["usage"]?["cost_details"]?["output_cost"] == .number("0.00003"))
        #expect(told?["usage"]?["output_tokens"] == .number("3") && told?["metadata"]?["used_provider"] == .string("p"))
    }

    private func deltas(_ events: [UInt8]) -> [JSONValue] {
        String(decoding: events, as: UTF8.self).split(separator: "\n").filter { $0.hasPrefix("data: ") }.compactMap {
            try? JSONValue(Array($0.dropFirst(6).utf8))
        }.filter { $0["type"] == .string("message_delta") }
    }

    @Test func answersOfOthers() throws {
        let choice = #"{"index":0,"message":{"content":"x"},"finish_reason":"stop"}"#
        let usage = #"{"prompt_tokens":1,"completion_tokens":3,"total_tokens":4}"#
        let chat = Array(#"{"id":"i","model":"m","choices":[\#(choice)],"usage":\#(usage)}"#.utf8)
        check(try JSONValue(try MessagesReply(chat).answer(try additions(), body: chat)))
        var tap = MessagesEvents()
        let delta = #"{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}"#
        _ = tap.feed(Array("data: {\"choices\":[\(delta)],\"usage\":\(usage)}\n\ndata: [DONE]\n\n".utf8))
        check(deltas(tap.finish(estimated: nil, additions: try additions())).first)
    }

    /// The rest of Anthropic's own answer stays as it came.
    @Test func answersOfAnthropicItself() throws {
        let usage = #"{ "input_tokens":1 ,"output_tokens":3}"#
        let message = #" {"type":"message","content":[{"type":"text","text":"\u00e9"}], "usage": \#(usage), "n":1.50 }"#
        let bytes = Array(message.utf8)
        let scan = try NativeMessageScan(bytes)
        #expect(scan.answer(ResponseAdditions(), body: bytes) == bytes)
        let told = scan.answer(try additions(), body: bytes)
        check(try JSONValue(told))
        let text = String(decoding: told, as: UTF8.self)
        #expect(text.contains(#""text":"\u00e9"}], "usage": {"cost":"#) && text.hasSuffix(#","output_tokens":3}, "n":1.50 }"#))
        let empty = Array(#"{"type":"message","content":[],"usage":{}}"#.utf8)
        #expect(try JSONValue(try NativeMessageScan(empty).answer(try additions(), body: empty))["usage"] == .object([]))
    }

    /// Another gateway says it itself, before or behind what it counts.
    @Test func answersOfAGateway() throws {
        let usage = #"{"cost":7,"input_tokens":1,"output_tokens":3,"cost_details":{"total_cost":7}}"#
        let metadata = #"{"used_provider":"theirs","region":"eu"}"#
        let told = #""usage":\#(usage),"metadata":\#(metadata)}"#
        func count(_ text: String, _ name: String) -> Int { text.split(separator: "\"\(name)\":").count - 1 }

        let message = Array(#"{"type":"message","content":[],\#(told)"#.utf8)
        let whole = try NativeMessageScan(message).answer(try additions(), body: message)
        let added = try additions()
        var tap = MessagesTap { _ in added }
        let events = tap.feed(Array("data: {\"type\":\"message_delta\",\"delta\":{},\(told)\n\n".utf8))
        for answer in [try JSONValue(whole), try #require(deltas(events).first)] {
            check(answer)
            #expect(answer["metadata"]?["region"] == .string("eu"))
            let text = String(decoding: answer.bytes, as: UTF8.self)
            for name in ["cost", "cost_details", "metadata", "used_provider", "usage"] { #expect(count(text, name) == 1) }
        }
    }

    /// Whoever is charged by an estimate hears of it.
    @Test(arguments: ["", #","usage":{}"#, #","usage":null"#, #","usage":{"output_tokens":9}"#])
    func answersWithoutAUsage(_ usage: String) throws {
        let estimated = TokenUsage(promptTokens: 1, completionTokens: 3)
        var added = try additions()
        let message = Array(#"{"type":"message","content":[]\#(usage)}"#.utf8)
        var tap = MessagesTap()
        let delta = #"{"type":"message_delta","delta":{"stop_reason":"stop_sequence","stop_sequence":"x"}\#(usage)}"#
        _ = tap.feed(Array("data: \(delta)\n\ndata: {\"type\":\"message_stop\"}\n\n".utf8))
        #expect(tap.usage == nil && tap.isComplete)
        let events = tap.finish(estimated: estimated, additions: added)
        let last = try #require(deltas(events).first)
        check(last)
        #expect(last["delta"]?["stop_sequence"] == .string("x"))
        let text = String(decoding: events, as: UTF8.self)
        #expect(text.hasSuffix("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"))

        added.estimatedUsage = estimated
        check(try JSONValue(try NativeMessageScan(message).answer(added, body: message)))
    }

    @Test func streamsOfAnthropicItself() throws {
        let original = try Golden.read("stream.sse")
        var plain = MessagesTap()
        let expected = plain.feed(original)
        let told = try additions()
        for size in [1, 7, original.count] {
            var tap = MessagesTap { usage in usage.completionTokens == 89 ? told : nil }
            let output = stride(from: 0, to: original.count, by: size).flatMap { start in
                tap.feed(Array(original[start..<min(original.count, start + size)]))
            }
            let (delta, before) = (try #require(deltas(output).first), try #require(deltas(expected).first))
            #expect(delta["usage"]?["cost"] == .number("0.00003") && delta["metadata"]?["used_model"] == .string("m"))
            #expect(delta["delta"] == before["delta"])
            #expect(delta["usage"]?["output_tokens"] == before["usage"]?["output_tokens"])
            let (lines, plainLines) = (output.split(separator: 0x0A), expected.split(separator: 0x0A))
            #expect(zip(lines, plainLines).filter { $0 != $1 }.count == 1 && lines.count == plainLines.count)
        }
    }
}
