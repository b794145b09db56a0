internal import JSON

/// Makes a value that satisfies a JSON schema, always the same one for the same schema.
///
/// It follows types, `enum`, `const`, `properties`, `required`, `items`, `prefixItems`, bounds of length, size and value,
/// `format`, `anyOf`, `oneOf`, `allOf` and `$ref` inside the schema. What it can't follow it refuses by name.
struct SchemaInstance {
    private let root: JSONValue
    private let field: String
    /// How many values may still be made: a small schema can describe a huge value.
    private var budget = 10_000

    static func make(_ schema: JSONValue, field: String) throws(APIError) -> JSONValue {
        var maker = SchemaInstance(root: schema, field: field)
        return try maker.value(schema, depth: 0, variant: 0)
    }

    private init(root: JSONValue, field: String) {
        self.root = root
        self.field = field
    }

    private static let refused = [
        "pattern", "not", "if", "contains", "dependentRequired", "dependentSchemas", "minProperties", "maxProperties",
    ]
    /// Below this depth only what is required is made, so that a schema that contains itself comes to an end.
    private static let eager = 4

    private func refuse(_ message: String) -> APIError {
        APIError.invalid(field, "the echo provider can't make a value: \(message)")
    }

    private mutating func value(_ schema: JSONValue, depth: Int, variant: Int) throws(APIError) -> JSONValue {
        budget -= 1
        guard budget > 0, depth < 64 else { throw refuse("the schema describes too large a value") }
        let schema = try resolved(schema, depth: depth)
        for keyword in Self.refused where schema[keyword] != nil { throw refuse("\"\(keyword)\" is not followed") }
        if let constant = schema["const"] { return constant }
        if let choices = schema["enum"]?.elements {
            guard !choices.isEmpty else { throw refuse("an enum is empty") }
            return choices[variant % choices.count]
        }
        if let options = (schema["anyOf"] ?? schema["oneOf"])?.elements, !options.isEmpty {
            let plain = options.first { depth > Self.eager && $0["type"]?.text == "null" }
            return try value(
                merged(without(schema, ["anyOf", "oneOf"]), plain ?? options[0]), depth: depth + 1, variant: variant)
        }
        switch type(schema, depth: depth) {
        case "object": return try object(schema, depth: depth)
        case "array": return try array(schema, depth: depth)
        case "string": return .string(try string(schema, variant: variant))
        case "integer", "number":
            guard let number = NumberInstance(schema).text(variant: variant) else { throw refuse("no number is in bounds") }
            return .number(number)
        case "boolean": return .bool(variant % 2 == 0)
        case "null": return .null
        case let other: throw refuse("\"\(other)\" is not a type")
        }
    }

    /// The schema with its `$ref` and its `allOf` put in.
    private func resolved(_ schema: JSONValue, depth: Int) throws(APIError) -> JSONValue {
        if case .bool(let allows) = schema {
            guard allows else { throw refuse("a schema allows nothing") }
            return .object([])
        }
        guard schema.fields != nil else { throw refuse("a schema must be an object") }
        var schema = schema
        var steps = 0
        while schema["$ref"] != nil || schema["allOf"] != nil {
            steps += 1
            guard steps < 64 else { throw refuse("a $ref leads to itself") }
            if let reference = schema["$ref"] {
                schema = merged(without(schema, ["$ref"]), try target(reference))
            } else if let parts = schema["allOf"]?.elements {
                schema = parts.reduce(without(schema, ["allOf"]), merged)
            } else {
                throw refuse("allOf must be an array")
            }
        }
        return schema
    }

    private func target(_ reference: JSONValue) throws(APIError) -> JSONValue {
        guard let path = reference.text, path == "#" || path.hasPrefix("#/") else {
            throw refuse("a $ref leads outside the schema")
        }
        var schema = root
        for step in path.split(separator: "/").dropFirst() {
            let name = String(step).replacing("~1", with: "/").replacing("~0", with: "~")
            let element = Int(name).flatMap { index in schema.elements.flatMap { $0.indices.contains(index) ? $0[index] : nil } }
            guard let next = schema[name] ?? element else { throw refuse("a $ref leads nowhere") }
            schema = next
        }
        return schema
    }

    private func without(_ schema: JSONValue, _ names: [String]) -> JSONValue {
        .object((schema.fields ?? []).filter { !names.contains($0.name) })
    }

    /// Both schemas at once: properties and required names of both, of everything else what the second says.
    private func merged(_ first: JSONValue, _ second: JSONValue) -> JSONValue {
        var members = first.fields ?? []
        for member in second.fields ?? [] {
            guard let index = members.firstIndex(where: { $0.name == member.name }) else {
                members.append(member)
                continue
            }
            switch (member.name, members[index].value, member.value) {
            case ("properties", .object(let own), .object(let other)):
                members[index].value = .object(own.filter { kept in !other.contains { $0.name == kept.name } } + other)
            case ("required", .array(let own), .array(let other)): members[index].value = .array(own + other)
            default: members[index].value = member.value
            }
        }
        return .object(members)
    }

    private func type(_ schema: JSONValue, depth: Int) -> String {
        switch schema["type"] {
        case .string(let name): return name
        case .array(let names):
            let names = names.compactMap(\.text)
            return depth > Self.eager && names.contains("null") ? "null" : names.first ?? "null"
        default:
            if schema["properties"] != nil || schema["required"] != nil { return "object" }
            if schema["items"] != nil || schema["prefixItems"] != nil { return "array" }
            if ["minimum", "maximum", "multipleOf"].contains(where: { schema[$0] != nil }) { return "number" }
            return depth == 0 ? "object" : "string"
        }
    }

    private mutating func object(_ schema: JSONValue, depth: Int) throws(APIError) -> JSONValue {
        let required = (schema["required"]?.elements ?? []).compactMap(\.text)
        let wanted = Set(required)
        var made: Set<String> = []
        var members: [JSONValue.Member] = []
        for property in schema["properties"]?.fields ?? [] where depth <= Self.eager || wanted.contains(property.name) {
            guard made.insert(property.name).inserted else { continue }
            members.append(.init(property.name, try value(property.value, depth: depth + 1, variant: 0)))
        }
        for name in required where made.insert(name).inserted {
            // A required name without a schema of its own has that of all further names.
            let schema = schema["additionalProperties"] ?? .bool(true)
            members.append(.init(name, try value(schema, depth: depth + 1, variant: 0)))
        }
        return .object(members)
    }

    private mutating func array(_ schema: JSONValue, depth: Int) throws(APIError) -> JSONValue {
        let first = schema["prefixItems"]?.elements ?? []
        let least = Int(clamping: schema["minItems"]?.int64 ?? 0)
        let most = Int(clamping: schema["maxItems"]?.int64 ?? .max)
        let items = schema["items"] ?? .bool(true)
        let wanted = depth <= Self.eager && items != .bool(false) ? max(1, first.count) : first.count
        let count = max(least, min(wanted, most))
        guard count <= budget, count <= most else { throw refuse("an array is too long or has no length in bounds") }
        var elements: [JSONValue] = []
        for index in 0..<count {
            elements.append(try value(index < first.count ? first[index] : items, depth: depth + 1, variant: index))
        }
        return .array(elements)
    }

    private static let formats = [
        "date-time": "2026-01-01T00:00:00Z", "date": "2026-01-01", "time": "00:00:00Z", "duration": "P1D",
        "email": "echo@example.com", "hostname": "example.com", "ipv4": "127.0.0.1", "ipv6": "::1",
        "uuid": "00000000-0000-4000-8000-000000000000", "uri": "https://example.com/",
    ]

    private mutating func string(_ schema: JSONValue, variant: Int) throws(APIError) -> String {
        let least = Int(clamping: schema["minLength"]?.int64 ?? 0)
        let most = Int(clamping: schema["maxLength"]?.int64 ?? .max)
        guard least <= most, least <= 100_000 else { throw refuse("a string is too long or has no length in bounds") }
        let text = schema["format"]?.text.flatMap { Self.formats[$0] } ?? (variant == 0 ? "echo" : "echo\(variant)")
        guard text.count <= most else { return String(text.suffix(most)) }
        return text + String(repeating: "o", count: max(0, least - text.count))
    }
}
