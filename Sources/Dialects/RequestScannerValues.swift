internal import JSON

extension RequestScanner {
    /// Takes steps of the cursor.
    @inline(__always)
    mutating func json<Value>(_ steps: (inout JSONCursor) throws(JSONError) -> Value) throws(ScanFailure) -> Value {
        do throws(JSONError) {
            return try steps(&cursor)
        } catch {
            throw .json(error)
        }
    }

    /// Moves over a whole value that is not read.
    @inline(__always)
    mutating func skip(_ text: RawSpan, depth: Int) throws(ScanFailure) {
        try json { cursor throws(JSONError) in try cursor.skip(text, depth: depth) }
    }

    /// Where the member called `name` stands, whose value ends here: from the quote before its name.
    func memberRange(_ name: JSONString) -> Range<Int> { name.range.lowerBound - 1..<cursor.offset }

    /// The index of a member's name among `names`; nil for one that is not read.
    @inline(__always)
    func index(_ names: FieldNames, _ name: JSONString, _ text: RawSpan) throws(ScanFailure) -> Int? {
        do throws(FieldNames.Misspelled) {
            return try names.index(name, text)
        } catch {
            throw .field(
                APIError.invalid(path(text), "a field's name must be written plainly, without escapes and in lower case"))
        }
    }

    func duplicate(_ path: String) -> APIError { APIError.invalid(path, "\"\(path)\" stands twice") }

    /// Moves over a string, which must come.
    mutating func string(_ text: RawSpan, _ path: @autoclosure () -> String) throws(ScanFailure) -> JSONString {
        guard try json({ cursor throws(JSONError) in try cursor.next(text) }) == UInt8(ascii: "\"") else {
            throw .field(try wrongType(text, path(), "a string"))
        }
        return try json { cursor throws(JSONError) in try cursor.string(text) }
    }

    /// Moves over true, false or null, which is false.
    mutating func flag(_ text: RawSpan, _ path: String) throws(ScanFailure) -> Bool {
        let first = try json { cursor throws(JSONError) in try cursor.next(text) }
        guard [UInt8(ascii: "t"), UInt8(ascii: "f"), UInt8(ascii: "n")].contains(first) else {
            throw .field(try wrongType(text, path, "true or false"))
        }
        try skip(text, depth: 1)
        return first == UInt8(ascii: "t")
    }

    /// Moves over an integer in `range`, or over null, which is nil.
    mutating func integer(_ text: RawSpan, _ path: String, _ range: ClosedRange<Int64>) throws(ScanFailure) -> Int64? {
        let first = try json { cursor throws(JSONError) in try cursor.next(text) }
        guard first != UInt8(ascii: "n") else {
            try skip(text, depth: 1)
            return nil
        }
        guard first == UInt8(ascii: "-") || first &- UInt8(ascii: "0") < 10 else {
            throw .field(try wrongType(text, path, "an integer"))
        }
        let number = try json { cursor throws(JSONError) in try cursor.number(text) }
        guard let value = number.integer(text), range.contains(value) else {
            throw .field(
                APIError.invalid(path, "\"\(path)\" must be an integer from \(range.lowerBound) to \(range.upperBound)"))
        }
        return value
    }

    /// Moves over an object, which must come, handing each member to `read` with its index among `names`, or nil.
    @inline(__always)
    mutating func object(
        _ text: RawSpan, _ names: FieldNames, path: @autoclosure () -> String, depth: Int,
        _ read: (inout RequestScanner, Int?, RawSpan) throws(ScanFailure) -> Void
    ) throws(ScanFailure) {
        guard try json({ cursor throws(JSONError) in try cursor.next(text) }) == UInt8(ascii: "{") else {
            throw .field(try wrongType(text, path(), "an object"))
        }
        guard try json({ cursor throws(JSONError) in try cursor.enter("{", "}", text, depth: depth) }) else { return }
        var seen = 0
        repeat {
            let name = try json { cursor throws(JSONError) in try cursor.name(text) }
            if depth == 2 { messageMember = name }
            let index = try index(names, name, text)
            if let index {
                guard seen & 1 << index == 0 else { throw .field(duplicate(join(path(), name.decoded(text)))) }
                seen |= 1 << index
            }
            try read(&self, index, text)
        } while try json({ cursor throws(JSONError) in try cursor.another(UInt8(ascii: "}"), text) })
    }

    private func join(_ path: String, _ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }

    /// The error of a value of the wrong type; if it is not even JSON, that is the error.
    mutating func wrongType(_ text: RawSpan, _ path: String, _ type: String) throws(ScanFailure) -> APIError {
        try skip(text, depth: 2)
        return APIError.invalid(path, "\"\(path)\" must be \(type)")
    }

    /// Where the scan stands, as a client names it: `messages[3].content`.
    func path(_ text: RawSpan) -> String? {
        guard let member else { return nil }
        var path = shown(member, text)
        if let message {
            path += "[\(message)]"
            if let messageMember { path += ".\(shown(messageMember, text))" }
        }
        return path
    }

    /// A name from the client's text, cut where it is long.
    private func shown(_ name: JSONString, _ text: RawSpan) -> String { String(name.decoded(text).prefix(64)) }

    /// The error that the client gets.
    func describe(_ failure: ScanFailure, _ text: RawSpan) -> APIError {
        switch failure {
        case .field(let error): return error
        case .json(let error):
            switch error.kind {
            case .unexpectedByte, .unexpectedEnd:
                return APIError(status: 400, message: "the body is not valid JSON: \(error)", code: "invalid_json")
            case .tooDeep, .tooMany, .invalidUTF8, .nul, .loneSurrogate:
                return APIError.invalid(path(text), "the body holds \(error)")
            }
        }
    }
}

extension JSONCursor {
    mutating func enter(
        _ open: Unicode.Scalar, _ close: Unicode.Scalar, _ text: RawSpan, depth: Int = 0
    ) throws(JSONError) -> Bool {
        try enter(UInt8(ascii: open), UInt8(ascii: close), text, depth: depth)
    }
}
