import Dialects
import JSON
import TestSupport
import Testing

@Suite struct SchemaTests {
    /// What echo answers to a schema, and whether it satisfies it.
    private func instance(_ schema: String) throws -> JSONValue {
        let body = Body.with(#""response_format":{"type":"json_schema","json_schema":{"name":"n","schema":\#(schema)}}"#)
        var provider = try EchoProvider(request: body, id: "a", created: 0)
        let answer = try JSONValue(provider.next() ?? [])
        let text = answer["choices"]?.elements?.first?["message"]?["content"]?.text ?? ""
        return try JSONValue(Array(text.utf8))
    }

    private func check(_ schema: String, _ note: Comment? = nil) throws {
        let value = try instance(schema)
        let root = try JSONValue(Array(schema.utf8))
        let problem = Validator(root: root).problem(value, root, depth: 0)
        #expect(problem == nil, note ?? "\(schema)")
    }

    @Test(arguments: [
        #"{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"integer"}},"required":["a","b"],"additionalProperties":false}"#,
        #"{"type":"object","properties":{"steps":{"type":"array","items":{"type":"object","properties":{"explanation":{"type":"string"},"output":{"type":"string"}},"required":["explanation","output"],"additionalProperties":false}},"final_answer":{"type":"string"}},"required":["steps","final_answer"],"additionalProperties":false}"#,
        #"{"type":"array","items":{"enum":["a","b"]},"minItems":2}"#, #"{"enum":[3,null]}"#, #"{"const":{"a":[1]}}"#,
        #"{"type":["null","string"]}"#, #"{"type":"string","minLength":9,"maxLength":9}"#, #"{"type":"string","maxLength":2}"#,
        #"{"type":"integer","minimum":5,"exclusiveMaximum":7}"#, #"{"type":"integer","exclusiveMinimum":-9,"maximum":-8}"#,
        #"{"type":"number","minimum":0.25,"maximum":0.75}"#, #"{"type":"number","exclusiveMinimum":0,"exclusiveMaximum":1}"#,
        #"{"type":"integer","multipleOf":7,"minimum":1}"#, #"{"type":"boolean"}"#, #"{"type":"null"}"#, #"{}"#, "true",
        #"{"anyOf":[{"type":"integer"},{"type":"string"}]}"#,
        #"{"oneOf":[{"type":"object","properties":{"k":{"const":"x"}},"required":["k"]}]}"#,
        #"{"allOf":[{"properties":{"a":{"type":"string"}},"required":["a"]},{"properties":{"b":{"type":"null"}},"required":["b"]}],"type":"object"}"#,
        #"{"$defs":{"node":{"type":"object","properties":{"value":{"type":"integer"},"next":{"anyOf":[{"$ref":"\u0023/$defs/node"},{"type":"null"}]}},"required":["value","next"],"additionalProperties":false}},"$ref":"\u0023/$defs/node"}"#,
        #"{"type":"object","properties":{"children":{"type":"array","items":{"$ref":"\u0023"}}},"required":["children"]}"#,
        #"{"type":"array","prefixItems":[{"type":"string"},{"type":"integer"}],"items":false}"#,
        #"{"type":"object","required":["free"],"additionalProperties":{"type":"integer"}}"#, #"{"type":"array","maxItems":0}"#,
        #"{"definitions":{"a/b":{"type":"boolean"}},"properties":{"x":{"$ref":"\u0023/definitions/a~1b"}},"required":["x"]}"#,
    ])
    func makesWhatSatisfiesASchema(_ schema: String) throws {
        try check(schema)
    }

    @Test(arguments: [
        #"{"type":"string","pattern":"^a"}"#, #"{"not":{}}"#, #"{"$ref":"https://example.com/s"}"#, #"{"$ref":"\u0023/nowhere"}"#,
        #"{"$ref":"\u0023"}"#, #"{"enum":[]}"#, "false", #"{"type":"thing"}"#, #"{"type":"integer","minimum":3,"maximum":2}"#,
        #"{"type":"string","minLength":3,"maxLength":2}"#, #"{"type":"array","minItems":99999999}"#,
        #"{"type":"object","properties":{"a":{"$ref":"\u0023"}},"required":["a"]}"#,
        #"{"type":"object","properties":{"a":{"$ref":"\u0023"},"b":{"$ref":"\u0023"},"c":{"$ref":"\u0023"}},"required":["a","b","c"]}"#,
    ])
    func refusesWhatItCannotMake(_ schema: String) {
        #expect {
            try instance(schema)
        } throws: {
            ($0 as? APIError)?.param == "response_format.json_schema.schema" && ($0 as? APIError)?.status == 400
        }
    }

    /// Random schemas of the kinds that people write.
    @Test func makesWhatSatisfiesRandomSchemas() throws {
        let seed = TestEnvironment.seed("schemas")
        var random = RandomJSON(seed: seed)
        for round in 0..<500 { try check(schema(&random, depth: 3), "round \(round)") }
    }

    private func schema(_ random: inout RandomJSON, depth: Int) -> String {
        switch random.below(depth > 0 ? 9 : 6) {
        case 0: return #"{"type":"string","minLength":\#(random.below(7)),"maxLength":\#(random.below(7) + 6)}"#
        case 1:
            let least = random.below(200) - 100
            return #"{"type":"integer","minimum":\#(least),"maximum":\#(least + random.below(50))}"#
        case 2: return #"{"type":"\#(["boolean", "null", "number", "string"][random.below(4)])"}"#
        case 3: return #"{"enum":[\#(random.value(depth: 1)),\#(random.value(depth: 1))]}"#
        case 4: return #"{"const":\#(random.value(depth: 1))}"#
        case 5: return #"{"type":["\#(["string", "integer"][random.below(2)])","null"]}"#
        case 6: return #"{"anyOf":[\#(schema(&random, depth: depth - 1)),{"type":"null"}]}"#
        case 7:
            return
                #"{"type":"array","items":\#(schema(&random, depth: depth - 1)),"minItems":\#(random.below(3)),"maxItems":\#(random.below(3) + 2)}"#
        default:
            let names = (0..<random.below(4)).map { "p\($0)" }
            let properties = names.map { #""\#($0)":\#(schema(&random, depth: depth - 1))"# }
            let required = names.filter { _ in random.below(2) == 0 }.map { #""\#($0)""# }
            return
                #"{"type":"object","properties":{\#(properties.joined(separator: ","))},"required":[\#(required.joined(separator: ","))],"additionalProperties":false}"#
        }
    }
}

/// Says what of a value does not satisfy a schema: written for these tests and apart from what they test.
private struct Validator {
    let root: JSONValue

    func problem(_ value: JSONValue, _ schema: JSONValue, depth: Int) -> String? {
        guard depth < 100 else { return "too deep" }
        if case .bool(let allows) = schema { return allows ? nil : "nothing is allowed" }
        if let reference = schema["$ref"]?.text {
            var target = root
            for step in reference.split(separator: "/").dropFirst() {
                target = target[String(step).replacing("~1", with: "/")] ?? .bool(false)
            }
            if let problem = problem(value, target, depth: depth + 1) { return problem }
        }
        if let constant = schema["const"], constant != value { return "not the constant" }
        if let choices = schema["enum"]?.elements, !choices.contains(value) { return "not in the enum" }
        for part in schema["allOf"]?.elements ?? [] {
            if let problem = problem(value, part, depth: depth + 1) { return problem }
        }
        for keyword in ["anyOf", "oneOf"] {
            if let options = schema[keyword]?.elements {
                let matching = options.filter { problem(value, $0, depth: depth + 1) == nil }.count
                if matching == 0 || (keyword == "oneOf" && matching > 1) { return "\(keyword) is matched \(matching) times" }
            }
        }
        let types = schema["type"].map { $0.elements?.compactMap(\.text) ?? [$0.text ?? ""] } ?? []
        if !types.isEmpty, !types.contains(where: { isType(value, $0) }) { return "not of type \(types)" }
        return object(value, schema, depth) ?? array(value, schema, depth) ?? string(value, schema) ?? number(value, schema)
    }

    private func isType(_ value: JSONValue, _ type: String) -> Bool {
        switch (value, type) {
        case (.null, "null"), (.bool, "boolean"), (.string, "string"), (.array, "array"), (.object, "object"),
            (.number, "number"):
            true
        case (.number(let text), "integer"): Double(text).map { $0 == $0.rounded() } ?? false
        default: false
        }
    }

    private func object(_ value: JSONValue, _ schema: JSONValue, _ depth: Int) -> String? {
        guard let fields = value.fields else { return nil }
        if Set(fields.map(\.name)).count != fields.count { return "a name stands twice" }
        for name in schema["required"]?.elements ?? [] where value[name.text ?? ""] == nil { return "\(name) is missing" }
        let properties = schema["properties"]
        for field in fields {
            let known = properties?[field.name]
            guard let rule = known ?? schema["additionalProperties"] else { continue }
            if let problem = problem(field.value, rule, depth: depth + 1) { return "\(field.name): \(problem)" }
        }
        return nil
    }

    private func array(_ value: JSONValue, _ schema: JSONValue, _ depth: Int) -> String? {
        guard let elements = value.elements else { return nil }
        let first = schema["prefixItems"]?.elements ?? []
        if Int64(elements.count) < schema["minItems"]?.int64 ?? 0 { return "too few elements" }
        if Int64(elements.count) > schema["maxItems"]?.int64 ?? .max { return "too many elements" }
        for (index, element) in elements.enumerated() {
            guard let rule = index < first.count ? first[index] : schema["items"] else { continue }
            if let problem = problem(element, rule, depth: depth + 1) { return "[\(index)]: \(problem)" }
        }
        return nil
    }

    private func string(_ value: JSONValue, _ schema: JSONValue) -> String? {
        guard let text = value.text else { return nil }
        if Int64(text.unicodeScalars.count) < schema["minLength"]?.int64 ?? 0 { return "too short" }
        return Int64(text.unicodeScalars.count) > schema["maxLength"]?.int64 ?? .max ? "too long" : nil
    }

    private func number(_ value: JSONValue, _ schema: JSONValue) -> String? {
        guard case .number(let text) = value, let number = Double(text) else { return nil }
        let bound = { (name: String) -> Double? in if case .number(let text) = schema[name] { Double(text) } else { nil } }
        if let least = bound("minimum"), number < least { return "too small" }
        if let most = bound("maximum"), number > most { return "too large" }
        if let least = bound("exclusiveMinimum"), number <= least { return "too small" }
        if let most = bound("exclusiveMaximum"), number >= most { return "too large" }
        if let step = bound("multipleOf"), number.truncatingRemainder(dividingBy: step) != 0 { return "no multiple" }
        return nil
    }
}
