import Catalogue
import Dialects
import Foundation
import JSON
import TestSupport
import Testing

@Suite struct ChatRequestPropertyTests {
    private struct Maker {
        var random: RandomJSON

        /// Members of a request in random order: those that are read and some that are not.
        mutating func members() -> [String] {
            var members = [
                #""model":\#(random.string(suffix: "m"))"#,
                #""messages":[\#((0...random.below(3)).map { _ in message() }.joined(separator: ","))]"#,
            ]
            let optional: [String] = [
                #""stream":\#(["true", "false", "null"][random.below(3)])"#,
                #""max_tokens":\#(["null", "1", "4096"][random.below(3)])"#,
                #""max_completion_tokens":\#(["null", "77"][random.below(2)])"#, #""n":\#(["null", "1", "5"][random.below(3)])"#,
                #""stream_options":\#(streamOptions())"#, #""user":\#(random.string())"#, #""temperature":\#(random.number())"#,
                #""metadata":\#(random.value())"#, #""stop":\#(random.value(depth: 1))"#, #""seed":\#(random.number())"#,
                #""tools":[{"type":"function","function":\#(random.value())}]"#,
            ]
            for member in optional where random.below(2) == 0 { members.append(member) }
            members.shuffle(using: &random.generator)
            return members
        }

        mutating func request() -> String {
            let separator = [",", " , ", ",\n"][random.below(3)]
            return "{" + members().joined(separator: separator) + "}"
        }

        private mutating func streamOptions() -> String {
            let usage = [#""include_usage":true"#, #""include_usage": false"#, #""include_usage":null"#][random.below(3)]
            return ["null", "{}", "{ }", "{\(usage)}", #"{"other":\#(random.value()),\#(usage)}"#, #"{"other":1}"#][
                random.below(6)]
        }

        private mutating func message() -> String {
            let content = [
                random.string(), "null", #"[{"type":"text","text":\#(random.string())}]"#,
                #"[{"type":"image_url","image_url":{"url":\#(random.string())}}]"#,
            ][random.below(4)]
            return #"{"role":"user","content":\#(content),"name":\#(random.string())}"#
        }
    }

    private func foundation(_ bytes: [UInt8]) -> [String: Any]? {
        (try? JSONSerialization.jsonObject(with: Data(bytes))) as? [String: Any]
    }

    private func check(_ scan: ChatRequestScan, against object: [String: Any], _ note: Comment) {
        #expect(scan.model == object["model"] as? String, note)
        #expect(scan.stream == (object["stream"] as? Bool ?? false), note)
        #expect(scan.maximumTokens == (object["max_tokens"] as? NSNumber)?.int64Value, note)
        #expect(scan.maximumCompletionTokens == (object["max_completion_tokens"] as? NSNumber)?.int64Value, note)
        #expect(scan.choices == (object["n"] as? NSNumber)?.int64Value ?? 1, note)
        #expect(scan.user == object["user"] as? String, note)
        let options = object["stream_options"] as? [String: Any]
        #expect(scan.includeUsage == (options?["include_usage"] as? Bool ?? false), note)
        let messages = object["messages"] as? [[String: Any]] ?? []
        #expect(scan.messages == Int64(messages.count), note)
        // Every byte of text that Foundation decodes is bounded by what was counted.
        var text = 0
        for message in messages {
            text += (message["content"] as? String)?.utf8.count ?? 0
            for part in message["content"] as? [[String: Any]] ?? [] { text += (part["text"] as? String)?.utf8.count ?? 0 }
            text += (message["name"] as? String)?.utf8.count ?? 0
        }
        #expect(scan.textBytes >= Int64(text), note)
    }

    /// What is found is what Foundation finds, and damage is never read as something else.
    @Test func agreesWithFoundation() throws {
        let seed = TestEnvironment.seed("requests against Foundation")
        var maker = Maker(random: RandomJSON(seed: seed))
        var refused = 0
        for round in 0..<(TestEnvironment.soak ? 100_000 : 1500) {
            let body = Array(maker.request().utf8)
            let scan = try ChatRequestScan(body)
            check(scan, against: try #require(foundation(body)), "round \(round)")
            for _ in 0..<3 {
                let damaged = maker.random.mutated(body)
                do throws(APIError) {
                    let scan = try ChatRequestScan(damaged)
                    // Foundation refuses nothing that the scan takes, and reads the same, save numbers beyond its types.
                    if let object = foundation(damaged) { check(scan, against: object, "round \(round), damaged") }
                    #expect((try? JSONValue(damaged)) != nil, "round \(round): \(String(decoding: damaged, as: UTF8.self))")
                } catch {
                    refused += 1
                    #expect(error.status == 400)
                    if error.code == "invalid_json" { #expect((try? JSONValue(damaged)) == nil, "round \(round)") }
                }
            }
        }
        #expect(refused > 500)
    }

    /// An edited body is the old one with the edits, byte for byte: here they are made by hand, member by member.
    @Test func editsTouchNothingElse() throws {
        let seed = TestEnvironment.seed("request edits")
        var maker = Maker(random: RandomJSON(seed: seed))
        for round in 0..<(TestEnvironment.soak ? 100_000 : 1500) {
            var members = maker.members()
            let text = { (members: [String]) in Array("{ \(members.joined(separator: ", ")) }".utf8) }
            let body = text(members)
            let scan = try ChatRequestScan(body)
            #expect(scan.applying(RequestEdits(), to: body) == body)
            let field: OutputLimitField = maker.random.below(2) == 0 ? .maximumTokens : .maximumCompletionTokens
            let limit = scan.outputLimit == nil ? RequestEdits.OutputLimit(field: field, tokens: 321) : nil
            let usage = maker.random.below(2) == 0
            let edits = RequestEdits(
                model: "up/\"x\"", outputLimit: limit, includeUsage: usage,
                limitField: scan.outputLimit != nil && maker.random.below(2) == 0 ? field : nil)
            let edited = scan.applying(edits, to: body)

            var added = ""
            edit("model", in: &members) { _ in #""up/\"x\"""# }
            if let field = edits.limitField { move(boundTo: field, in: &members) }
            if let limit, !edit(limit.field.rawValue, in: &members, { _ in "321" }) { added += #""\#(field.rawValue)":321,"# }
            if usage, !scan.includeUsage {
                let isEdited = edit("stream_options", in: &members) { options in
                    if options == "null" { return #"{"include_usage":true}"# }
                    if let range = options.range(of: #""include_usage""#) {
                        let value = options[range.upperBound...].replacing("false", with: "true").replacing("null", with: "true")
                        return String(options[..<range.upperBound] + value)
                    }
                    let isEmpty = options.dropFirst().allSatisfy { " }".contains($0) }
                    return #"{"include_usage":true"# + (isEmpty ? "" : ",") + options.dropFirst()
                }
                if !isEdited { added += #""stream_options":{"include_usage":true},"# }
            }
            var expected = text(members)
            expected.insert(contentsOf: added.utf8, at: 2)
            #expect(String(decoding: edited, as: UTF8.self) == String(decoding: expected, as: UTF8.self), "round \(round)")

            let again = try ChatRequestScan(edited)
            #expect(again.model == "up/\"x\"")
            #expect(again.includeUsage == (usage || scan.includeUsage))
            #expect(again.outputLimit == limit?.tokens ?? scan.outputLimit)
        }
    }

    /// The gateway's own fields are read and go to nobody, wherever they stand.
    @Test func whatIsTheGatewaysOwnIsTakenOut() throws {
        let seed = TestEnvironment.seed("requests with routing")
        var maker = Maker(random: RandomJSON(seed: seed))
        for round in 0..<(TestEnvironment.soak ? 50_000 : 1000) {
            let members = maker.members()
            var more = members
            let value = ["\"price\"", "null", "\"a\\u0062\""][maker.random.below(3)]
            more.insert("\"routing\" : \(value)", at: maker.random.below(more.count + 1))
            let flags = (maker.random.below(2) == 0, maker.random.below(2) == 0)
            if flags.0 { more.insert("\"free_models_only\":true", at: maker.random.below(more.count + 1)) }
            if flags.1 { more.insert("\"no_reasoning\": true", at: maker.random.below(more.count + 1)) }
            let separator = [",", " , ", ",\n"][maker.random.below(3)]
            let (plain, asked) = (
                Array("{\(members.joined(separator: separator))}".utf8), Array("{ \(more.joined(separator: separator))}".utf8)
            )
            let scan = try ChatRequestScan(asked)
            #expect(scan.routing == (value == "null" ? nil : value == "\"price\"" ? "price" : "ab"))
            #expect(scan.freeModelsOnly == flags.0 && scan.noReasoning == flags.1)
            let edits = RequestEdits(model: "up", outputLimit: .init(field: .maximumTokens, tokens: 5), includeUsage: true)
            let expected = try ChatRequestScan(plain).applying(edits, to: plain)
            let found = scan.applying(edits, to: asked)
            #expect(try JSONValue(found) == JSONValue(expected), "round \(round): \(String(decoding: found, as: UTF8.self))")
        }
    }

    /// Gives a bound that stands in the other field alone the name of `field`, and that one's null the other name.
    private func move(boundTo field: OutputLimitField, in members: inout [String]) {
        let other: OutputLimitField = field == .maximumTokens ? .maximumCompletionTokens : .maximumTokens
        let (head, otherHead) = ("\"\(field.rawValue)\":", "\"\(other.rawValue)\":")
        if let there = members.first(where: { $0.hasPrefix(head) }), !there.contains("null") { return }
        for (index, member) in members.enumerated() {
            if member.hasPrefix(head) {
                members[index] = otherHead + member.dropFirst(head.count)
            } else if member.hasPrefix(otherHead) {
                members[index] = head + member.dropFirst(otherHead.count)
            }
        }
    }

    /// Replaces the value of a member that is there.
    @discardableResult
    private func edit(_ name: String, in members: inout [String], _ change: (String) -> String) -> Bool {
        let head = "\"\(name)\":"
        guard let index = members.firstIndex(where: { $0.hasPrefix(head) }) else { return false }
        members[index] = head + change(String(members[index].dropFirst(head.count)))
        return true
    }
}
