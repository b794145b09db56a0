import Dialects
import Foundation
import JSON
import Money
import TestSupport
import Testing

@Suite struct SSETapTests {
    private static func chunk(_ fields: String) -> String { #"{"id":"c1","created":7,"model":"m","choices":[\#(fields)"# }
    private static func delta(_ text: String) -> String {
        chunk(#"{"index":0,"delta":{"content":"\#(text)"},"finish_reason":null}]}"#)
    }
    private static let finish = chunk(#"{"index":0,"delta":{},"finish_reason":"stop"}]}"#)
    private static let usage = chunk(#"],"usage":{"prompt_tokens":21,"completion_tokens":3,"total_tokens":24}}"#)

    private static func stream(_ events: [String], end: String = "\n") -> [UInt8] {
        Array(events.map { "data: \($0)\(end)\(end)" }.joined().utf8)
    }

    /// Everything that the tap lets through, when the bytes come in pieces of the given sizes.
    private func run(_ tap: inout SSETap, _ bytes: [UInt8], pieces: () -> Int) -> (pieces: [[UInt8]], whole: String) {
        var output: [[UInt8]] = []
        var position = 0
        while position < bytes.count {
            let end = min(bytes.count, position + max(1, pieces()))
            output.append(tap.feed(Array(bytes[position..<end])))
            position = end
        }
        output.append(tap.end())
        return (output, String(decoding: output.joined(), as: UTF8.self))
    }

    @Test func passesEventsAndHoldsTheEndBack() throws {
        let events = [Self.delta("one "), Self.delta("two"), Self.finish]
        var tap = SSETap(includeUsage: false)
        let bytes = Self.stream(events + [Self.usage, "[DONE]"])
        let output = run(&tap, bytes) { bytes.count }
        #expect(output.whole == String(decoding: Self.stream(events), as: UTF8.self))
        #expect(tap.usage == TokenUsage(promptTokens: 21, completionTokens: 3))
        #expect(tap.isDone && tap.isComplete && tap.error == nil && tap.failure == nil)
        #expect(tap.finishReasons == ["stop"] && tap.id == "c1" && tap.model == "m")
        #expect(tap.textBytes == 7 && tap.estimatedCompletionTokens == 2 && tap.events == 4)
        #expect(String(decoding: tap.finish(), as: UTF8.self) == "data: [DONE]\n\n")
        #expect(tap.feed(Self.stream([Self.delta("late")])).isEmpty)
    }

    /// A stream may begin with the mark of the byte order, once; the first event is read all the same.
    @Test(arguments: [1, 2, 3, 7, Int.max]) func theMarkOfTheByteOrderIsPassedOver(_ size: Int) {
        let events = [Self.chunk(#"{"index":0,"delta":{"content":"one"},"finish_reason":"stop"}]}"#), "[DONE]"]
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        let bytes = mark + Self.stream(events)
        var tap = SSETap(includeUsage: false)
        let output = run(&tap, bytes) { size }
        #expect(Array(output.pieces.joined()) == mark + Self.stream([events[0]]))
        #expect(tap.events == 1 && tap.id == "c1" && tap.textBytes == 3 && tap.finishReasons == ["stop"])
        var messages = MessagesEvents()
        let said = stride(from: 0, to: bytes.count, by: min(size, bytes.count)).map { start in
            messages.feed(Array(bytes[start..<min(bytes.count, start + min(size, bytes.count))]))
        }
        #expect(String(decoding: said.joined(), as: UTF8.self).contains(#""text":"one""#))
        var twice = SSETap(includeUsage: false)
        _ = twice.feed(mark + bytes)
        #expect(twice.events == 0)
    }

    /// The first of several choices that ends does not end the answer.
    @Test func severalChoicesEndOneByOne() {
        var tap = SSETap(includeUsage: false, choices: 2)
        _ = tap.feed(Self.stream([Self.delta("a"), Self.finish, Self.delta("b")]))
        _ = tap.end()
        #expect(!tap.isComplete)
        _ = tap.feed(Self.stream([Self.finish]))
        #expect(tap.isComplete)
    }

    @Test func addsTheCostForAClientThatAskedForUsage() throws {
        let bill = try Bill(lines: [PriceLine(component: "output", quantity: 3, unit: "token", price: PicoDollars(10_000_000))])
        var tap = SSETap(includeUsage: true) { usage in
            usage.completionTokens == 3 ? ResponseAdditions(bill: bill) : nil
        }
        let output = run(&tap, Self.stream([Self.delta("a"), Self.usage, "[DONE]"])) { 7 }
        let last = try #require(output.whole.split(separator: "\n\n").last)
        let value = try JSONValue(Array(last.dropFirst(6).utf8))
        #expect(value["usage"]?["cost"] == .number("0.00003"))
        #expect(value["usage"]?["prompt_tokens"] == .number("21"))
    }

    @Test func takesEveryKindOfLineEnd() throws {
        for end in ["\n", "\r\n", "\r"] {
            let text =
                ": comment\(end)\(end)event: message\(end)id: 4\(end)data: \(Self.delta("é"))\(end)\(end)data:\(Self.finish)\(end)\(end)"
            for size in [1, 2, 3, 1000] {
                var tap = SSETap(includeUsage: false)
                let output = run(&tap, Array((text + "data: [DONE]\(end)\(end)").utf8)) { size }
                #expect(output.whole == text, "\(end.debugDescription) \(size)")
                #expect(tap.isDone && tap.textBytes == 2 && tap.events == 2)
            }
        }
    }

    @Test func joinsDataLines() throws {
        let text = "data: {\"choices\":[],\ndata: \"usage\":{\"prompt_tokens\":1,\ndata: \"completion_tokens\":2}}\n\n"
        var tap = SSETap(includeUsage: true) { _ in ResponseAdditions(estimatedUsage: nil) }
        let output = run(&tap, Array(text.utf8)) { 5 }
        #expect(tap.usage == TokenUsage(promptTokens: 1, completionTokens: 2))
        let lines = output.whole.split(separator: "\n").map { String($0.dropFirst(6)) }
        #expect(try JSONValue(Array(lines.joined(separator: "\n").utf8))["usage"]?["completion_tokens"] == .number("2"))
    }

    @Test func noticesErrorsInTheStream() throws {
        var tap = SSETap(includeUsage: false)
        let shaped = #"{"error":{"message":"boom","type":"server_error","param":null,"code":null}}"#
        let output = run(&tap, Self.stream([Self.delta("a"), shaped])) { 9 }
        #expect(output.whole.contains(shaped))
        #expect(tap.error?.message == "boom" && !tap.isComplete)
        // Some say that they are done after an error too; the answer is no more whole for that.
        var closed = SSETap(includeUsage: true)
        _ = run(&closed, Self.stream([#"{"choices":[{"index":0,"delta":{"content":"a"}}]}"#, shaped, "[DONE]"])) { 11 }
        #expect(closed.isDone && closed.error?.message == "boom" && !closed.isComplete)
        var bare = SSETap(includeUsage: false)
        let rewritten = run(&bare, Self.stream([#"{"error":true}"#])) { 9 }
        #expect(rewritten.whole.contains(#""code":"upstream_error""#))
        #expect(bare.error != nil)
    }

    @Test func stopsAtAnEventThatIsNoJSON() throws {
        var tap = SSETap(includeUsage: false)
        let output = run(&tap, Self.stream([Self.delta("a"), #"{"id":"c1","cho"#, Self.delta("b"), "[DONE]"])) { 11 }
        #expect(output.whole == String(decoding: Self.stream([Self.delta("a")]), as: UTF8.self))
        #expect(tap.failure == .malformedEvent && !tap.isComplete && !tap.isDone)
        let error = APIError(status: 502, message: "the provider broke the stream off", code: "upstream_error")
        #expect(String(decoding: error.event, as: UTF8.self).contains(#""param":null"#))
    }

    @Test func dropsHalfAnEventAtTheEnd() {
        var tap = SSETap(includeUsage: false)
        let whole = Self.stream([Self.delta("a")])
        let output = run(&tap, whole + Array("data: {\"id\":\"c".utf8)) { 4 }
        #expect(Array(output.whole.utf8) == whole)
        #expect(!tap.isComplete && tap.failure == nil)
    }

    @Test func takesAWholeEventWithoutItsBlankLine() {
        for end in ["", "\n", "\r"] {
            var tap = SSETap(includeUsage: false)
            let output = run(&tap, Array("data: \(Self.finish)\(end)".utf8)) { 6 }
            #expect(output.whole.hasPrefix("data: \(Self.finish)"))
            #expect(output.whole.hasSuffix("\n\n") || output.whole.hasSuffix("\r\n\n"))
            #expect(tap.isComplete && !tap.isDone)
            var done = SSETap(includeUsage: false)
            _ = run(&done, Array("data: [DONE]\(end)".utf8)) { 6 }
            #expect(done.isDone)
            #expect(String(decoding: done.finish(), as: UTF8.self) == "data: [DONE]\n\n")
        }
    }

    @Test func boundsAnEvent() {
        var tap = SSETap(includeUsage: false, maximumEventBytes: 100)
        #expect(tap.feed(Array("data: \(String(repeating: "x", count: 200))".utf8)).isEmpty)
        #expect(tap.failure == .eventTooLong)
    }

    @Test func makesAUsageChunkWhereTheProviderSentNone() throws {
        var tap = SSETap(includeUsage: true)
        _ = tap.feed(Self.stream([Self.delta("a"), Self.finish]))
        let event = tap.usageEvent(
            TokenUsage(promptTokens: 3, completionTokens: 1), additions: ResponseAdditions(bill: Bill.none))
        var again = SSETap(includeUsage: true)
        _ = again.feed(event)
        #expect(again.usage == TokenUsage(promptTokens: 3, completionTokens: 1))
        #expect(again.id == "c1")
    }

    @Test func keepsAUsageThatCameWithText() {
        // Some services send the usage so far with every chunk; the text must not be lost with it.
        let both = Self.chunk(#"{"delta":{"content":"x"}}],"usage":{"prompt_tokens":1,"completion_tokens":1}}"#)
        var tap = SSETap(includeUsage: false)
        let output = run(&tap, Self.stream([both])) { 3 }
        #expect(output.whole.contains(#""content":"x""#))
        #expect(tap.usage != nil)
    }

    private static func told(_ prompt: Int, _ completion: Int) -> String {
        chunk(#"],"usage":{"prompt_tokens":\#(prompt),"completion_tokens":\#(completion)}}"#)
    }

    /// What is said after a usage is not counted in it, and a stream that ends there is charged for what it said.
    @Test func aUsageOfTheBeginningCountsNothingThatIsSaidAfterIt() {
        var tap = SSETap(includeUsage: false)
        _ = tap.feed(Self.stream([Self.told(10, 0)]))
        #expect(tap.usage == TokenUsage(promptTokens: 10))
        _ = tap.feed(Self.stream([Self.delta("one"), Self.delta("two")]))
        #expect(tap.usage == nil && tap.usageSoFar == TokenUsage(promptTokens: 10) && tap.estimatedCompletionTokens == 2)
        // Zeros at the end are no count of it either.
        _ = tap.feed(Self.stream([Self.finish, Self.told(0, 0)]))
        #expect(tap.usage == nil && tap.usageSoFar == TokenUsage(promptTokens: 10) && tap.isComplete)
        _ = tap.feed(Self.stream([Self.told(10, 2), "[DONE]"]))
        #expect(tap.usage == TokenUsage(promptTokens: 10, completionTokens: 2))
    }

    /// Nor does one that comes with every piece, and stands still, count them.
    @Test func aUsageThatStandsStillCountsNothing() {
        func piece(_ completion: Int) -> String {
            Self.chunk(#"{"delta":{"content":"one"}}],"usage":{"prompt_tokens":10,"completion_tokens":\#(completion)}}"#)
        }
        var still = SSETap(includeUsage: false)
        _ = still.feed(Self.stream([piece(0), piece(0)]))
        #expect(still.usage == nil && still.estimatedCompletionTokens == 2)
        var counting = SSETap(includeUsage: false)
        _ = counting.feed(Self.stream([piece(1), piece(2)]))
        #expect(counting.usage == TokenUsage(promptTokens: 10, completionTokens: 2))
    }

    /// Each side keeps its higher count: services tell them one after the other, or zeros at last.
    @Test func aSmallerUsageReplacesNoLargerOne() {
        for (last, expected) in [((0, 0), (10, 7)), ((0, 9), (10, 9)), ((12, 7), (12, 7)), ((12, 3), (12, 7))] {
            var tap = SSETap(includeUsage: true)
            _ = tap.feed(Self.stream([Self.delta("one"), Self.finish, Self.told(10, 7), Self.told(last.0, last.1), "[DONE]"]))
            #expect(tap.usage == TokenUsage(promptTokens: Int64(expected.0), completionTokens: Int64(expected.1)))
        }
    }

    /// However the bytes are cut, the same comes out, and every piece that comes out is whole events of whole characters.
    @Test func cutsDoNotMatter() throws {
        let seed = TestEnvironment.seed("cuts of a stream")
        var random = RandomJSON(seed: seed)
        let bill = try Bill(lines: [PriceLine(component: "output", quantity: 1, unit: "token", price: PicoDollars(1))])
        for round in 0..<(TestEnvironment.soak ? 20_000 : 300) {
            let end = ["\n", "\r\n", "\r"][random.below(3)]
            var text = ""
            for _ in 0..<(random.below(12) + 1) {
                switch random.below(8) {
                case 0: text += ": ping \(random.below(9))\(end)\(end)"
                case 1: text += "event: x\(end)data: \(Self.usage)\(end)\(end)"
                case 2: text += end
                case 3 where random.below(10) == 0: text += "data: \(random.string().dropLast())\(end)\(end)"
                default:
                    let content = random.string()
                    text += "data: \(Self.chunk(#"{"delta":{"content":\#(content)}}]}"#))\(end)\(end)"
                }
            }
            if random.below(3) > 0 { text += "data: [DONE]\(end)\(end)" }
            let bytes = Array(text.utf8)
            let asked = random.below(2) == 0
            let make = { SSETap(includeUsage: asked) { _ in ResponseAdditions(bill: bill) } }
            var whole = make()
            let expected = run(&whole, bytes) { bytes.count }
            for _ in 0..<6 {
                var tap = make()
                let size = random.below(40) + 1
                let output = run(&tap, bytes) { random.below(size) + 1 }
                #expect(output.whole == expected.whole, "round \(round)")
                #expect(tap.usage == whole.usage && tap.textBytes == whole.textBytes && tap.events == whole.events)
                #expect(tap.failure == whole.failure && tap.isDone == whole.isDone && tap.finish() == whole.finish())
                #expect(tap.estimatedCompletionTokens == whole.estimatedCompletionTokens)
                for piece in output.pieces where !piece.isEmpty {
                    #expect(String(validating: piece, as: UTF8.self) != nil, "round \(round): a character was cut")
                    #expect(piece.last == 0x0A || piece.last == 0x0D, "round \(round): an event was cut")
                }
            }
        }
    }
}
