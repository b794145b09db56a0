import Catalogue
import Dialects
import JSON
import TestSupport
import Testing

/// What a client's SDK sends back of an answer goes to no provider that would refuse the request for it.
@Suite struct ReturnedMemberTests {
    private static func sent(_ messages: String, _ kept: ReturnedMembers) throws -> String {
        let body = Body.with("", messages: #""messages":\#(messages)"#)
        let sent = try ChatRequestScan(body).applying(RequestEdits(returnedMembers: kept), to: body)
        return String(decoding: sent, as: UTF8.self)
    }

    @Test(arguments: [
        (
            #"[{"role":"assistant","content":"a","reasoning":"b","reasoning_content":"b","reasoning_details":[{}],"images":[]}]"#,
            #"[{"role":"assistant","content":"a","reasoning":"b"}]"#, #"[{"role":"assistant","content":"a"}]"#
        ),
        (
            #"[{ "images" : [] , "reasoning":null , "role":"assistant", "reasoning_content":"a,}" , "content":"a" }]"#,
            #"[{ "reasoning":null , "role":"assistant", "content":"a" }]"#, #"[{ "role":"assistant", "content":"a" }]"#
        ),
        (
            #"[{"role":"assistant","tool_calls":[{"id":"1","extra_content":{"google":{}},"type":"function"},{"extra_content":1}]}]"#,
            #"[{"role":"assistant","tool_calls":[{"id":"1","type":"function"},{}]}]"#,
            #"[{"role":"assistant","tool_calls":[{"id":"1","type":"function"},{}]}]"#
        ),
    ])
    func areTakenOutWhereTheyAreRefused(_ messages: String, _ reasoning: String, _ none: String) throws {
        func body(_ messages: String) -> String {
            String(decoding: Body.with("", messages: #""messages":\#(messages)"#), as: UTF8.self)
        }
        #expect(try Self.sent(messages, .all) == body(messages))
        #expect(try value(Self.sent(messages, .reasoning)) == value(body(reasoning)))
        #expect(try value(Self.sent(messages, .none)) == value(body(none)))
    }

    /// A provider that calls it `reasoning_content` wants it back by that name, after the calls of tools above all.
    @Test(
        arguments: [
            (#"{"role":"assistant","reasoning":"a"}"#, #"{"role":"assistant","reasoning_content":"a"}"#),
            (#"{ "reasoning" : "a" , "role":"assistant"}"#, #"{ "reasoning_content" : "a" , "role":"assistant"}"#),
            (#"{"role":"assistant","reasoning":"a","reasoning_content":"b"}"#, nil),
            // A null says nothing.
            (
                #"{"role":"assistant","reasoning":"a","reasoning_content":null}"#,
                #"{"role":"assistant","reasoning_content":"a","reasoning":null}"#
            ),
            (
                #"{"reasoning_content":null,"role":"assistant","reasoning" : "a"}"#,
                #"{"reasoning":null,"role":"assistant","reasoning_content" : "a"}"#
            ),
            (#"{"role":"assistant","reasoning":null,"reasoning_content":null}"#, nil),
            (#"{"role":"assistant","content":"a"}"#, nil),
            (#"{"role":"user","content":"a","reasoning":"b"}"#, nil),
        ] as [(String, String?)])
    func whatWasThoughtGetsTheProvidersName(_ message: String, _ expected: String?) throws {
        let body = Body.with("", messages: #""messages":[\#(message),\#(message)]"#)
        let edits = RequestEdits(model: "other", reasoningField: .reasoningContent)
        let sent = String(decoding: try ChatRequestScan(body).applying(edits, to: body), as: UTF8.self)
        let renamed = expected ?? message
        #expect(sent.contains("[\(renamed),\(renamed)]") && sent.contains(#""other""#))
        #expect(try ChatRequestScan(body).applying(RequestEdits(), to: body) == body)
    }

    private func value(_ text: String) throws -> JSONValue { try JSONValue(Array(text.utf8)) }

    /// What stands elsewhere is the client's own, and what is no array or object says nothing.
    @Test(arguments: [
        #"[{"role":"user","content":"a","reasoning":"b","images":[]}]"#, #"[{"role":"assistant","tool_calls":null}]"#,
        #"[{"role":"assistant","tool_calls":[1,[{"extra_content":1}]],"name":"images"}]"#,
        #"[{"role":"assistant","function_call":{"extra_content":1},"content":[{"type":"text","text":"a","images":[]}]}]"#,
    ])
    func othersStay(_ messages: String) throws { #expect(try Self.sent(messages, .none) == Self.sent(messages, .all)) }

    /// It counts as prompt all the same: whether a provider takes it is not known when the request is priced.
    @Test func theyCount() throws {
        let plain = try ChatRequestScan(Body.with("", messages: #""messages":[{"role":"assistant","content":"a"}]"#))
        for member in [#""reasoning":"abc""#, #""tool_calls":[{"a":1}]"#] {
            let messages = #""messages":[{"role":"assistant","content":"a",\#(member)}]"#
            let value = member.drop { $0 != ":" }.dropFirst()
            #expect(try ChatRequestScan(Body.with("", messages: messages)).textBytes == plain.textBytes + Int64(value.utf8.count))
        }
    }

    /// Whatever the order and the white space, what is left is the rest, and nothing but it.
    @Test func whatIsLeftIsTheRest() throws {
        let seed = TestEnvironment.seed("returned members")
        var random = RandomJSON(seed: seed)
        for round in 0..<(TestEnvironment.soak ? 50_000 : 1000) {
            var messages: (given: [String], expected: [String]) = ([], [])
            let kept = ReturnedMembers.allCases[random.below(3)]
            for _ in 0...random.below(2) {
                var members: [(text: String, isKept: Bool)] = [(#""role" :"assistant""#, true)]
                if random.below(2) == 0 { members.append((#""content":\#(random.string())"#, true)) }
                if random.below(2) == 0 { members.append((#""seen":\#(random.value())"#, true)) }
                for name in ["reasoning", "reasoning_content", "reasoning_details", "images"] where random.below(2) == 0 {
                    let isKept = kept == .all || (kept == .reasoning && name == "reasoning")
                    members.append(("\"\(name)\": \(random.value())", isKept))
                }
                members.shuffle(using: &random.generator)
                let separator = [",", " , ", "\n,\t"][random.below(3)]
                messages.given.append("{ \(members.map(\.text).joined(separator: separator)) }")
                messages.expected.append("{\(members.filter(\.isKept).map(\.text).joined(separator: ","))}")
            }
            let found = try Self.sent("[\(messages.given.joined(separator: ","))]", kept)
            let expected = try Self.sent("[\(messages.expected.joined(separator: ","))]", .all)
            #expect(try value(found) == value(expected), "round \(round): \(found)")
        }
    }
}
