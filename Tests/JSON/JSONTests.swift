import Foundation
import JSON
import TestSupport
import Testing

@Suite struct JSONTests {
    @Test(arguments: [
        "null", " true ", "[]", "{}", "-0", "0.5", "1e+9", "\"\"", #""\ud83d\ude00""#, #"{"a":{"b":[1,2,{"c":null}]}}"#,
        "\"\u{7F}\"",
    ])
    func takesWhatTheGrammarAllows(_ text: String) throws {
        _ = try JSONValue(Array(text.utf8))
    }

    @Test(arguments: [
        "", " ", "nul", "nulll", "tru", "[1,]", "[1 2]", "{\"a\" 1}", "{\"a\":}", "{a:1}", "{\"a\":1,}", "01", "-", "1.", ".5",
        "+1", "1e",
        "1e+", "0x1", "\"", "\"\\", "\"\\x\"", "\"\\u12\"", "\"\\u12G4\"", "\"\t\"", "\"\n\"", "[", "{", "]", "[}", "1 1", "NaN",
        "'a'",
        "\u{FEFF}1",
    ])
    func refusesWhatItDoesNot(_ text: String) {
        #expect(throws: JSONError.self) { try JSONValue(Array(text.utf8)) }
    }

    @Test(arguments: [
        (Array(#""a\u0000""#.utf8), JSONError.Kind.nul), ([0x22, 0, 0x22], .nul), (Array(#""\ud800""#.utf8), .loneSurrogate),
        (Array(#""\ud800\u0041""#.utf8), .loneSurrogate), (Array(#""\udc00\ud800""#.utf8), .loneSurrogate),
        ([0x22, 0xC0, 0x80, 0x22], .invalidUTF8), ([0x22, 0xED, 0xA0, 0x80, 0x22], .invalidUTF8),
        ([0x22, 0xF4, 0x90, 0x80, 0x80, 0x22], .invalidUTF8), ([0x22, 0xE2, 0x82, 0x22], .invalidUTF8),
        ([0x22, 0xFF, 0x22], .invalidUTF8), ([0x22, 0xE0, 0x80, 0x80, 0x22], .invalidUTF8),
        (Array(String(repeating: "[", count: 129).utf8), .tooDeep),
    ])
    func saysWhatItDoesNotPassOn(_ bytes: [UInt8], _ kind: JSONError.Kind) {
        #expect {
            try JSONValue(bytes)
        } throws: {
            ($0 as? JSONError)?.kind == kind
        }
    }

    @Test func nestsToTheLimitAndNoFurther() throws {
        let nested = { (depth: Int) in
            Array((String(repeating: "[", count: depth) + String(repeating: "]", count: depth)).utf8)
        }
        _ = try JSONValue(nested(128))
        #expect(throws: JSONError.self) { try JSONValue(nested(129)) }
    }

    @Test func readsIntegersToTheEdges() throws {
        for (text, value) in [
            ("0", Int64(0)), ("-0", 0), ("9223372036854775807", .max), ("-9223372036854775808", .min),
        ] {
            let bytes = Array(text.utf8)
            var cursor = JSONCursor()
            #expect(try cursor.number(bytes.span.bytes).integer(bytes.span.bytes) == value)
        }
        for text in ["9223372036854775808", "-9223372036854775809", "1.0", "1e3", "99999999999999999999999"] {
            let bytes = Array(text.utf8)
            var cursor = JSONCursor()
            #expect(try cursor.number(bytes.span.bytes).integer(bytes.span.bytes) == nil)
        }
    }

    /// The same value as Foundation reads, written and read again; and of damaged text the same verdict.
    @Test func agreesWithFoundation() throws {
        let seed = TestEnvironment.seed("JSON against Foundation")
        var random = RandomJSON(seed: seed)
        var refused = 0
        for round in 0..<(TestEnvironment.soak ? 200_000 : 3000) {
            let text = Array(random.value().utf8)
            let value = try JSONValue(text)
            let theirs = try #require(try foundation(text), "round \(round)")
            #expect(same(value, theirs), "round \(round): \(String(decoding: text, as: UTF8.self))")
            #expect(try JSONValue(value.bytes) == value)
            let damaged = random.mutated(text)
            do {
                let ours = try JSONValue(damaged)
                // A name that damage made stand twice is read in two ways.
                if let theirs = try? foundation(damaged), !hasTwins(ours) {
                    #expect(same(ours, theirs), "round \(round): \(String(decoding: damaged, as: UTF8.self))")
                } else if !hasTwins(ours), !hasHugeNumber(ours) {
                    Issue.record("round \(round): only Foundation refuses \(damaged)")
                }
            } catch {
                refused += 1
                if [.unexpectedByte, .unexpectedEnd].contains(error.kind), !isLenientInFoundation(damaged) {
                    #expect(
                        (try? foundation(damaged)) == nil,
                        "round \(round): only we refuse \(String(decoding: damaged, as: UTF8.self))")
                }
            }
        }
        #expect(refused > 300)
    }

    private func foundation(_ bytes: [UInt8]) throws -> Any? {
        try JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)
    }

    /// Foundation guesses UTF-16 and UTF-32 from NUL bytes, skips a byte order mark, and takes a comma after the last element.
    /// A body of two bytes a value would take a hundred times its size.
    @Test func aRequestHasNoMoreValuesThanATreeMay() throws {
        let most = JSONValue.maximumRequestValues
        func array(_ count: Int) -> [UInt8] {
            Array(("[" + Array(repeating: "1", count: count).joined(separator: ",") + "]").utf8)
        }
        #expect(try JSONValue(request: array(most - 1)).elements?.count == most - 1)
        #expect(throws: JSONError(.tooMany, at: 2 * most - 1)) { try JSONValue(request: array(most)) }
        #expect(try JSONValue(array(most)).elements?.count == most)
    }

    @Test(arguments: [
        (#"{"a":[[1]],"id":"x","b":{"id":"y"}}"#, "x"), (#"{"id":"x","id":"z"}"#, "z"), (#"{"\u0069d":"x"}"#, "x"),
        (#"{"b":{"id":"y"}}"#, nil), ("[]", nil), ("{}", nil),
    ]) func oneMemberIsFoundWithoutTheOthers(_ text: String, _ value: String?) throws {
        #expect(try JSONValue.member("id", of: Array(text.utf8))?.text == value)
    }

    private func isLenientInFoundation(_ bytes: [UInt8]) -> Bool {
        let text = bytes.filter { ![0x20, 0x0A, 0x0D, 0x09].contains($0) }
        let endsWithComma = zip(text, text.dropFirst()).contains { $0 == UInt8(ascii: ",") && ($1 == 0x5D || $1 == 0x7D) }
        return bytes.contains(0) || bytes.first ?? 0 >= 0x80 || endsWithComma
    }

    private func hasTwins(_ value: JSONValue) -> Bool {
        switch value {
        case .array(let elements): elements.contains(where: hasTwins)
        case .object(let members): Set(members.map(\.name)).count != members.count || members.contains { hasTwins($0.value) }
        default: false
        }
    }

    private func hasHugeNumber(_ value: JSONValue) -> Bool {
        switch value {
        case .number(let text): Double(text).map { !$0.isFinite } ?? true
        case .array(let elements): elements.contains(where: hasHugeNumber)
        case .object(let members): members.contains { hasHugeNumber($0.value) }
        default: false
        }
    }

    private func same(_ ours: JSONValue, _ theirs: Any) -> Bool {
        switch ours {
        case .null: return theirs is NSNull
        case .bool(let flag): return theirs as? Bool == flag
        case .number(let text):
            guard let number = (theirs as? NSNumber)?.doubleValue, let value = Double(text) else { return false }
            return number == value || abs(number - value) <= abs(value) * 1e-12
        case .string(let text): return (theirs as? String).map { Array($0.utf8) == Array(text.utf8) } ?? false
        case .array(let elements):
            guard let list = theirs as? [Any], list.count == elements.count else { return false }
            return zip(elements, list).allSatisfy { same($0, $1) }
        case .object(let members):
            guard let table = theirs as? [String: Any], table.count == members.count else { return false }
            return members.allSatisfy { member in table[member.name].map { same(member.value, $0) } ?? false }
        }
    }
}
