import Testing

@testable import Dialects

/// Streams of which something is kept until their end, for as long as that is no burden.
@Suite struct KeptBytesTests {
    private static func chunk(_ delta: String) -> [UInt8] {
        Array(#"data: {"id":"c","model":"m","choices":[{"index":0,"delta":\#(delta),"finish_reason":null}]}"#.utf8)
            + Array("\n\n".utf8)
    }

    private static let end =
        Array(#"data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#.utf8) + Array("\n\n".utf8)

    private static func call(_ index: Int, _ arguments: String) -> String {
        #"{"tool_calls":[{"index":\#(index),"id":"c\#(index)","function":{"name":"f","arguments":"\#(arguments)"}}]}"#
    }

    private static let long = String(repeating: "x", count: 300)

    @Test(arguments: [
        #"{"content":"LONG"}"#, #"{"refusal":"LONG"}"#, #"{"reasoning":"LONG"}"#,
        #"{"tool_calls":[{"index":0,"function":{"arguments":"LONG"}}]}"#,
        #"{"reasoning_details":[{"type":"reasoning.encrypted","data":"LONG"}]}"#,
    ])
    func aResponseIsKeptWithinBounds(_ delta: String) throws {
        let asked = try ResponsesTranslation(
            Array(#"{"model":"m","input":"x"}"#.utf8), history: nil, id: "resp_1", createdAt: 1)
        var tap = ResponsesEvents(for: asked, maximumKeptBytes: 8_000)
        let chunk = Self.chunk(delta.replacing("LONG", with: Self.long))
        for _ in 0..<10 { _ = tap.feed(chunk) }
        #expect(tap.failure == nil)
        for _ in 0..<30 { _ = tap.feed(chunk) }
        #expect(tap.failure == .eventTooLong)
        #expect(tap.feed(chunk).isEmpty)
        _ = tap.feed(Self.end)
        #expect(!tap.isComplete)
    }

    /// Items that say nothing take room as well.
    @Test func emptyCallsAreCounted() throws {
        let asked = try ResponsesTranslation(
            Array(#"{"model":"m","input":"x"}"#.utf8), history: nil, id: "resp_1", createdAt: 1)
        var tap = ResponsesEvents(for: asked, maximumKeptBytes: 5_000)
        for index in 0..<20 { _ = tap.feed(Self.chunk(Self.call(index, ""))) }
        #expect(tap.failure == .eventTooLong)
    }

    @Test func whatWaitsForACallIsBounded() {
        var tap = MessagesEvents(maximumWaitingBytes: 5_000)
        _ = tap.feed(Self.chunk(Self.call(0, "{")))
        for index in 0..<20 { _ = tap.feed(Self.chunk(index % 2 == 0 ? Self.call(index + 1, Self.long) : #"{"content":"x"}"#)) }
        _ = tap.feed(Self.end)
        #expect(tap.failure == .eventTooLong && !tap.isComplete)

        // What goes on at once does not add up.
        var whole = MessagesEvents(maximumWaitingBytes: 5_000)
        for index in 0..<20 {
            _ = whole.feed(Self.chunk(Self.call(2 * index, "{")))
            _ = whole.feed(Self.chunk(Self.call(2 * index + 1, "{}")))
            _ = whole.feed(Self.chunk(#"{"tool_calls":[{"index":\#(2 * index),"function":{"arguments":"}"}}]}"#))
            _ = whole.feed(Self.chunk(#"{"content":"LONG"}"#))
        }
        _ = whole.feed(Self.end)
        #expect(whole.failure == nil && whole.isComplete)
    }
}
