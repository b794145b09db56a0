import JSON
import Money
import Testing

@testable import Dialects

/// The calls of a stream are told apart, whatever indices they have and however their pieces are mixed.
@Suite struct StreamedCallsTests {
    private func stream(_ deltas: [String]) -> [UInt8] {
        let chunks = deltas.map { #"{"id":"c","model":"m","choices":[{"index":0,"delta":\#($0),"finish_reason":null}]}"# }
        let end = #"{"id":"c","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#
        return Array((chunks + [end, "[DONE]"]).map { "data: \($0)\n\n" }.joined().utf8)
    }

    /// A delta with the begin of a call, or with more of it.
    private func call(_ index: Int?, _ id: String?, _ arguments: String, name: String? = "f") -> String {
        let function: [(String, JSONValue?)] = [
            ("name", name.map { JSONValue.string($0) }), ("arguments", .string(arguments)),
        ]
        let members: [(String, JSONValue?)] = [
            ("index", index.map { JSONValue.integer($0) }), ("id", id.map { JSONValue.string($0) }),
            ("function", .members(function)),
        ]
        return JSONValue.members([("tool_calls", .array([.members(members)]))]).string
    }

    /// The blocks that a client of Messages puts together, which must come one after the other.
    private func blocks(_ deltas: [String]) throws -> [String] {
        var tap = MessagesEvents()
        let output = tap.feed(stream(deltas)) + tap.finish(estimated: TokenUsage(), additions: ResponseAdditions())
        var blocks: [String] = []
        var open: Int64?
        for line in String(decoding: output, as: UTF8.self).split(separator: "\n") where line.hasPrefix("data: ") {
            let event = try JSONValue(Array(line.dropFirst(6).utf8))
            switch event["type"]?.text {
            case "content_block_start":
                #expect(open == nil && event["index"]?.int64 == Int64(blocks.count))
                open = event["index"]?.int64
                let block = event["content_block"]
                blocks.append("\((block?["id"] ?? block?["type"])?.text ?? "") ")
            case "content_block_delta":
                #expect(open != nil && event["index"]?.int64 == open)
                let delta = event["delta"]
                blocks[blocks.count - 1] +=
                    (delta?["partial_json"] ?? delta?["text"] ?? delta?["thinking"] ?? delta?["signature"])?.text ?? ""
            case "content_block_stop":
                #expect(open != nil && event["index"]?.int64 == open)
                open = nil
            default: continue
            }
        }
        #expect(open == nil)
        return blocks
    }

    private func items(_ deltas: [String]) throws -> [String] {
        let request = try ResponsesTranslation(
            Array(#"{"model":"m","input":"x"}"#.utf8), history: nil, id: "resp_1", createdAt: 17)
        var tap = ResponsesEvents(for: request)
        _ = tap.feed(stream(deltas))
        _ = tap.finish(estimated: TokenUsage(), additions: ResponseAdditions())
        let response = try JSONValue(try #require(tap.response))
        let output = try #require(response["output"]?.elements)
        return output.map { "\($0["call_id"]?.text ?? "") \($0["arguments"]?.text ?? "")" }
    }

    /// As Ollama says them: whole calls, all with the same index or with none.
    @Test(arguments: [0, nil] as [Int?]) func callsOfOneIndexAreSeveral(_ index: Int?) throws {
        let deltas = [call(index, "a", #"{"x":1}"#), call(index, "b", #"{"y":2}"#)]
        let expected = [#"a {"x":1}"#, #"b {"y":2}"#]
        #expect(try blocks(deltas) == expected)
        #expect(try items(deltas) == expected)
    }

    /// The first id of a call is its id, whatever its other pieces say.
    @Test func piecesOfACallStayTogether() throws {
        let deltas = [
            call(0, "a", "{"), call(0, "a", #""x""#), call(0, nil, ":", name: nil), call(0, "", "1", name: nil),
            call(0, "z", "}", name: nil),
        ]
        #expect(try blocks(deltas) == [#"a {"x":1}"#])
        #expect(try items(deltas) == [#"a {"x":1}"#])
    }

    /// A client of Messages takes no piece of a block that was closed.
    @Test func mixedPiecesComeBlockByBlock() throws {
        let deltas = [
            call(0, "a", #"{"x{\"":"#), call(1, "b", #"{"y":"#), #"{"content":"T"}"#, #"{"content":"U"}"#,
            call(2, "c", "{"), call(0, nil, #"{}}"#, name: nil), call(2, nil, "}", name: nil), call(1, nil, "2}", name: nil),
            #"{"content":"V"}"#,
        ]
        #expect(try blocks(deltas) == [#"a {"x{\"":{}}"#, #"b {"y":2}"#, "text TU", "c {}", "text V"])
        #expect(try items(Array(deltas.filter { !$0.contains("content") })) == [#"a {"x{\"":{}}"#, #"b {"y":2}"#, "c {}"])
    }

    /// What never becomes whole waits no longer than the stream goes on.
    @Test func whatWaitsComesAtTheEnd() throws {
        let thought = #"{"type":"reasoning.text","signature":"s","format":"anthropic-claude-v1"}"#
        let deltas = [
            call(0, "a", ""), call(1, "b", #"{"y""#), #"{"reasoning":"H","reasoning_details":[\#(thought)]}"#,
            #"{"reasoning":"m"}"#,
        ]
        #expect(try blocks(deltas) == ["a ", #"b {"y""#, "thinking Hs", "thinking m"])
    }

    /// Calls that come one after the other are not held back.
    @Test func wholeCallsComeAtOnce() {
        var tap = MessagesEvents()
        let output = tap.feed(stream([call(0, "a", #"{"x":1}"#), call(1, "b", "{")]))
        #expect(String(decoding: output, as: UTF8.self).contains(#""id":"b""#))
    }
}
