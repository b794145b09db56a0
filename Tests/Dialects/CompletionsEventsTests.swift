import Foundation
import JSON
import Money
import TestSupport
import Testing

@testable import Dialects

/// Streams for clients of the older completions API.
@Suite struct CompletionsEventsTests {
    private static let bill = Bill.none

    /// Everything that a client gets, when the bytes come in pieces of the given sizes.
    private func run(_ bytes: [UInt8], _ size: () -> Int) -> (output: String, tap: CompletionsEvents) {
        var tap = CompletionsEvents(includeUsage: true) { _ in ResponseAdditions(bill: Self.bill) }
        var output: [UInt8] = []
        var start = 0
        while start < bytes.count {
            let end = min(bytes.count, start + min(bytes.count, max(1, size())))
            output += tap.feed(Array(bytes[start..<end]))
            start = end
        }
        output += tap.end()
        output += tap.finish(estimated: nil, additions: ResponseAdditions(bill: Self.bill))
        return (String(decoding: output, as: UTF8.self), tap)
    }

    private static func chunk(_ delta: String, _ reason: String = "null") -> String {
        #"{"id":"c1","object":"chat.completion.chunk","created":7,"model":"m","choices":[{"index":0,"delta":\#(delta),"finish_reason":\#(reason)}]}"#
    }

    private static let usage =
        #"{"id":"c1","object":"chat.completion.chunk","created":7,"model":"m","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2}}"#

    private static func stream(_ events: [String], end: String = "\n") -> [UInt8] {
        Array(events.map { "data: \($0)\(end)\(end)" }.joined().utf8)
    }

    @Test func deltasBecomeTexts() throws {
        let bytes = Self.stream([
            Self.chunk(#"{"role":"assistant","content":"Grüße "}"#), Self.chunk(#"{"content":"🌍"}"#),
            Self.chunk(#"{"refusal":"No."}"#), Self.chunk("{}", "\"stop\""), Self.usage, "[DONE]",
        ])
        let (output, tap) = run(bytes) { .max }
        var events = output.components(separatedBy: "\n\n").filter { !$0.isEmpty }.map { String($0.dropFirst(6)) }
        #expect(events.popLast() == "[DONE]" && tap.isComplete)
        let chunks = try events.map { try JSONValue(Array($0.utf8)) }
        #expect(chunks.allSatisfy { $0["object"] == .string("text_completion") && $0["id"] == .string("c1") })
        let choices = chunks.compactMap { $0["choices"]?.elements?.first }
        #expect(choices.map { $0["text"]?.text } == ["Grüße ", "🌍", "No.", ""])
        #expect(choices.last?["finish_reason"] == .string("stop"))
        #expect(chunks.last?["usage"]?["prompt_tokens"]?.int64 == 9 && chunks.last?["usage"]?["cost"] == .number("0"))
    }

    /// What is no chunk goes on as it is, in one line however many it came in.
    @Test func anErrorStaysOneEvent() throws {
        let error = "data: {\"error\":\ndata: {\"message\":\"boom\"}}\n\n"
        let (output, tap) = run(Self.stream([Self.chunk(#"{"content":"a"}"#)]) + Array(error.utf8)) { 5 }
        let events = output.components(separatedBy: "\n\n").filter { !$0.isEmpty }
        let last = try JSONValue(Array(try #require(events.dropFirst().first).dropFirst(6).utf8))
        #expect(last["error"]?["message"]?.text == "boom")
        #expect(tap.error?.message == "boom" && !tap.isComplete)
    }

    /// However the bytes are cut, the same events come out, and every one is JSON or the mark of the end.
    @Test func cutsDoNotMatter() throws {
        var random = RandomJSON(seed: TestEnvironment.seed("cuts on their way to clients of the older completions"))
        for round in 0..<(TestEnvironment.soak ? 20_000 : 300) {
            let end = ["\n", "\r\n", "\r"][random.below(3)]
            var bytes: [UInt8] = []
            for _ in 0..<(random.below(10) + 1) {
                switch random.below(8) {
                case 0: bytes += Array(": ping\(end)\(end)".utf8)
                case 1: bytes += Self.stream([Self.usage], end: end)
                case 2:
                    bytes += Array(
                        "event: x\(end)data: {\"error\":\(end)data: {\"message\":\(random.string())}}\(end)\(end)".utf8)
                case 3: bytes += Self.stream(["{\"x\":\(random.string())}"], end: end)
                default: bytes += Self.stream([Self.chunk("{\"content\":\(random.string())}")], end: end)
                }
            }
            if random.below(3) > 0 { bytes += Self.stream(["[DONE]"], end: end) }
            if random.below(3) == 0 { bytes = random.mutated(bytes) }
            let whole = run(bytes) { .max }
            for _ in 0..<5 {
                let size = random.below(40) + 1
                let cut = run(bytes) { random.below(size) + 1 }
                #expect(cut.output == whole.output, "round \(round)")
                #expect(cut.tap.usage == whole.tap.usage && cut.tap.error == whole.tap.error, "round \(round)")
                #expect(cut.tap.failure == whole.tap.failure && cut.tap.isDone == whole.tap.isDone, "round \(round)")
            }
            for line in whole.output.split(separator: "\n") {
                let data = Array(line.dropFirst(6).utf8)
                #expect(line.hasPrefix("data: "), "round \(round): \(line)")
                let isDone = line.filter { $0 != " " && $0 != "\t" } == "data:[DONE]"
                #expect(isDone || (try? JSONValue(data)) != nil, "round \(round): \(line)")
            }
        }
    }
}
