import Foundation
import JSON
import Money
import TestSupport
import Testing

@testable import Dialects

/// What was thought is `reasoning` to clients, by whichever of both names the provider calls it.
@Suite struct ReasoningNameTests {
    private static let cases: [(String, String)] = [
        (#"{"reasoning_content":"a"}"#, #"{"reasoning":"a"}"#),
        (
            #"{ "content":null,"reasoning_content" : "reasoning_content" }"#,
            #"{ "content":null,"reasoning" : "reasoning_content" }"#
        ),
        // Where nothing is said, or it is named already, all stays.
        (#"{"content":"a","reasoning_content":null}"#, #"{"content":"a","reasoning_content":null}"#),
        (#"{"reasoning":"a","reasoning_content":"a"}"#, #"{"reasoning":"a","reasoning_content":"a"}"#),
        (#"{"reasoning_content":"a","reasoning":"a"}"#, #"{"reasoning_content":"a","reasoning":"a"}"#),
        // A null says nothing.
        (#"{"reasoning":null,"reasoning_content":"a"}"#, #"{"reasoning_content":null,"reasoning":"a"}"#),
        (#"{"reasoning_content": "a" , "reasoning" : null}"#, #"{"reasoning": "a" , "reasoning_content" : null}"#),
        (#"{"reasoning":null,"reasoning_content":null}"#, #"{"reasoning":null,"reasoning_content":null}"#),
        (#"{"content":"\"reasoning_content\":"}"#, #"{"content":"\"reasoning_content\":"}"#),
    ]

    private func chunk(_ messages: [String], _ name: String, _ more: String = "") -> String {
        let choices = messages.map { message in "{\"\(name)\":\(message)}" }.joined(separator: ",")
        return "{\"id\":\"i\",\"choices\":[\(choices)]\(more)}"
    }

    @Test(arguments: cases) func wholeAnswers(_ message: String, _ expected: String) throws {
        let body = Array(chunk([message, message], "message").utf8)
        let renamed = try ChatResponseScan(completion: body, renamesReasoning: true).answer(ResponseAdditions(), body: body)
        #expect(String(decoding: renamed, as: UTF8.self) == chunk([expected, expected], "message"))
        #expect(try ChatResponseScan(completion: body).answer(ResponseAdditions(), body: body) == body)
    }

    /// However the bytes are cut and the lines end.
    @Test(arguments: cases) func streams(_ delta: String, _ expected: String) throws {
        let bill = try Bill(lines: [PriceLine(component: "output", quantity: 1, unit: "token", price: PicoDollars(1_000))])
        let usage = #","usage":{"prompt_tokens":1,"completion_tokens":2}"#
        for end in ["\n", "\r\n", "\r"] {
            let parts = [chunk([delta], "delta"), chunk([delta, delta], "delta"), chunk([delta], "delta", usage)]
            let whole = Array((parts.map { "data: \($0)\(end)\(end)" }.joined() + "data: [DONE]\(end)\(end)").utf8)
            for size in [1, 2, 7, whole.count] {
                var tap = SSETap(includeUsage: true, renamesReasoning: true) { _ in ResponseAdditions(bill: bill) }
                var output: [UInt8] = []
                for start in stride(from: 0, to: whole.count, by: size) {
                    output += tap.feed(Array(whole[start..<min(whole.count, start + size)]))
                }
                output += tap.end()
                let events = String(decoding: output, as: UTF8.self).components(separatedBy: end + end)
                #expect(events[0] == "data: \(chunk([expected], "delta"))")
                #expect(events[1] == "data: \(chunk([expected, expected], "delta"))")
                let last = try JSONValue(Array(events[2].dropFirst(6).utf8))
                #expect(last["choices"]?.elements?.first?["delta"] == (try JSONValue(Array(expected.utf8))))
                #expect(last["usage"]?["cost"] != nil)
                #expect(tap.isDone && tap.failure == nil)
            }
        }
        let plain = Array("data: \(chunk([delta], "delta"))\n\n".utf8)
        var other = SSETap(includeUsage: false)
        #expect(other.feed(plain) == plain)
        // One text in several lines.
        var tap = SSETap(includeUsage: false, renamesReasoning: true)
        let output = String(
            decoding: tap.feed(Array("data: {\"choices\":\ndata: [{\"delta\":\(delta)}]}\n\n".utf8)), as: UTF8.self)
        let lines = output.split(separator: "\n").map { $0.dropFirst(6) }.joined(separator: " ")
        let said = try JSONValue(Array(lines.utf8))
        #expect(said["choices"]?.elements?.first?["delta"] == (try JSONValue(Array(expected.utf8))))
    }
}
