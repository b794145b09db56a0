internal import JSON

/// The members of a request with where they stand; what nobody took is refused at the end.
struct RequestFields {
    private(set) var ranges: [String: Range<Int>] = [:]
    private var values: [JSONValue.Member] = []

    init(_ body: [UInt8]) throws(APIError) {
        let text = body.span.bytes
        var cursor = JSONCursor(maximumValues: JSONValue.maximumRequestValues)
        do throws(JSONError) {
            guard try cursor.next(text) == UInt8(ascii: "{") else {
                try cursor.skip(text, depth: 0)
                try cursor.end(text)
                values = [.init("", .null)]
                return
            }
            if try cursor.enter("{", "}", text) {
                repeat {
                    let name = try cursor.name(text)
                    _ = try cursor.next(text)
                    let start = cursor.offset
                    let value = try cursor.value(text, depth: 1)
                    // An escaped name is none of those that are known, and is refused with the rest.
                    let said = name.isEscaped ? "\\" + name.decoded(text) : name.decoded(text)
                    if ranges.updateValue(start..<cursor.offset, forKey: said) != nil {
                        values.append(.init("\\" + said, value))
                    } else {
                        values.append(.init(said, value))
                    }
                } while try cursor.another(UInt8(ascii: "}"), text)
            }
            try cursor.end(text)
        } catch {
            throw APIError(status: 400, message: "the body is not valid JSON: \(error)", code: "invalid_json")
        }
    }

    /// The value of a member that is there and not null.
    mutating func take(_ name: String) throws(APIError) -> JSONValue? {
        if values.first?.name == "" { throw .invalid(nil, "the body must be a JSON object") }
        guard let index = values.firstIndex(where: { $0.name == name }) else { return nil }
        let value = values.remove(at: index).value
        return value == .null ? nil : value
    }

    /// A string.
    mutating func text(_ name: String) throws(APIError) -> String? {
        guard let value = try take(name) else { return nil }
        guard let text = value.text else { throw .invalid(name, "\"\(name)\" must be a string") }
        return text
    }

    /// True or false.
    mutating func flag(_ name: String) throws(APIError) -> Bool? {
        guard let value = try take(name) else { return nil }
        guard let flag = value.flag else { throw .invalid(name, "\"\(name)\" must be true or false") }
        return flag
    }

    /// - Throws: 400 naming the first member that was not taken.
    func end() throws(APIError) {
        for field in values where field.value != .null || field.name.hasPrefix("\\") {
            let name = String(field.name.drop { $0 == "\\" }.prefix(64))
            throw .invalid(
                name,
                field.name.hasPrefix("\\") ? "\"\(name)\" stands twice or is escaped" : "\"\(name)\" is not known or not served")
        }
    }
}
