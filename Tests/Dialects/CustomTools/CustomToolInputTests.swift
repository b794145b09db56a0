import JSON
import TestSupport
import Testing

@testable import Dialects

/// The text of a custom tool's call, read out of a function's arguments as they come.
@Suite struct CustomToolInputTests {
    @Test(arguments: [
        (#"{"input":"x"}"#, "x"), (#" { "input" : "" } "#, ""), (#"{"input":"a\nb\t\"\\\/\b\f\r"}"#, "a\nb\t\"\\/\u{8}\u{C}\r"),
        (#"{"input":"\u0047r\u00fc\u00DFe \ud83d\ude00 世界"}"#, "Grüße 😀 世界"),
        // Whatever stands before it and behind it.
        (#"{"why":{"input":["}",{"a":"\"]"}]},"n":-1.5,"input":"x","input":"y"}"#, "x"), (#"{"in\u0070ut":"x"} and so on"#, "x"),
        // Line ends that a model forgot to escape, and what is no escape.
        ("{\"input\":\"a\nb\"}", "a\nb"), (#"{"input":"\d+\é\u12x\u"}"#, #"\d+\é\u12x\u"#),
        // What no text may hold.
        (#"{"input":"\u0000\ud83d\ud83d\ude00\ude00\ud83d"}"#, "\u{FFFD}\u{FFFD}😀\u{FFFD}\u{FFFD}"),
        // What is no such object.
        ("", ""), ("print(1)", "print(1)"), (#" "x""#, #" "x""#), ("[1]", "[1]"), ("{}", "{}"),
        (#"{"text":"x"}"#, #"{"text":"x"}"#),
        (#"{"input":5}"#, #"{"input":5}"#), (#"{"input" "x"}"#, #"{"input" "x"}"#), ("{ int x; }", "{ int x; }"),
        (#"{"a":1]"#, #"{"a":1]"#), (#"{"a":1} {"input":"x"}"#, #"{"a":1} {"input":"x"}"#),
        // What was cut off.
        (#"{"input":"ab\ud83d"#, "ab"), (#"{"input":"ab\"#, "ab"), (#"{"inp"#, ""), (#"{"a":[1,"#, ""),
    ])
    func whatItSays(_ arguments: String, _ text: String) {
        #expect(CustomToolInput.text(of: arguments) == text)
        var input = CustomToolInput()
        let pieces = arguments.unicodeScalars.map { input.feed(String(Character($0))) }
        #expect(pieces.joined() == text)
    }

    /// However a model spells a text and its provider cuts it, it is the same text.
    @Test func theSameTextComesHoweverItIsSpelledAndCut() throws {
        var random = RandomJSON(seed: TestEnvironment.seed("what custom tools are called with"))
        for round in 0..<(TestEnvironment.soak ? 50_000 : 2_000) {
            let spelled = random.string()
            guard let text = try JSONValue(Array(spelled.utf8)).text else { continue }
            let members = (0..<random.below(3)).map { "\"m\($0)\":\(random.value())" } + ["\"input\":\(spelled)"]
            var arguments = "{\(members.joined(separator: [",", " , ", ",\n"][random.below(3)]))}"
            #expect(CustomToolInput.text(of: arguments) == text, "round \(round)")
            // Damage changes what is said, but not with the cuts.
            if random.below(2) == 0 {
                arguments = String(decoding: random.mutated(Array(arguments.utf8)), as: UTF8.self)
            }
            let whole = CustomToolInput.text(of: arguments)
            var input = CustomToolInput()
            var said = ""
            var rest = Array(arguments.unicodeScalars)[...]
            while !rest.isEmpty {
                let piece = rest.prefix(random.below(9) + 1)
                rest = rest.dropFirst(piece.count)
                said += input.feed(String(String.UnicodeScalarView(piece)))
            }
            #expect(Array(said.utf8) == Array(whole.utf8), "round \(round)")
            #expect(!said.utf8.contains(0) || arguments.utf8.contains(0), "round \(round)")
        }
    }
}
