internal import JSON

extension RequestScanner {
    private static let messageNames = FieldNames(["role", "content", "audio"])
    private static let partNames = FieldNames(["type", "text", "image_url", "input_audio", "file"])
    private static let imageNames = FieldNames(["url", "detail"])
    private static let typeNames = FieldNames(["type"])
    /// Those of an answer that may not go back to every provider, behind the one that may hold such.
    private static let returnedNames = NameTable([
        "tool_calls", "reasoning", "reasoning_content", "reasoning_details", "images",
    ])
    private static let extraContent = Array("extra_content".utf8)
    private static let custom = Array("custom".utf8)
    private static let assistant = Array("assistant".utf8)

    /// The most messages of a request, which is OpenAI's own limit.
    static let maximumMessages: Int64 = 2048

    mutating func messages(_ text: RawSpan) throws(ScanFailure) {
        guard text.byte(cursor.offset) == UInt8(ascii: "[") else {
            throw .field(try wrongType(text, "messages", "an array"))
        }
        guard try json({ cursor throws(JSONError) in try cursor.enter("[", "]", text, depth: 1) }) else {
            throw .field(APIError.invalid("messages", "\"messages\" must not be empty"))
        }
        repeat {
            guard scan.messages < Self.maximumMessages else {
                message = nil
                throw .field(APIError.invalid("messages", "\"messages\" must have at most \(Self.maximumMessages) elements"))
            }
            message = scan.messages
            messageMember = nil
            try oneMessage(text)
            scan.messages += 1
        } while try json({ cursor throws(JSONError) in try cursor.another(UInt8(ascii: "]"), text) })
        message = nil
        messageMember = nil
    }

    private mutating func oneMessage(_ text: RawSpan) throws(ScanFailure) {
        var role: JSONString?
        var returned: [ReturnedMember] = []
        let current = scan.messages
        func path() -> String { "messages[\(current)]" }
        try object(text, Self.messageNames, path: path(), depth: 2) { scanner, index, text throws(ScanFailure) in
            switch index {
            case 0:
                let name = try scanner.string(text, "\(path()).role")
                guard (1...64).contains(name.decodedCount) else {
                    throw .field(
                        APIError.invalid("\(path()).role", "a role must have 1 to 64 bytes"))
                }
                role = name
            case 1: try scanner.content(text)
            case 2:
                let first = try scanner.json { cursor throws(JSONError) in try cursor.next(text) }
                if first != UInt8(ascii: "n"), scanner.scan.audioPart == nil {
                    scanner.scan.audioPart = "\(path()).audio"
                }
                try scanner.skip(text, depth: 3)
            default: try scanner.other(text, &returned)
            }
        }
        guard let role else {
            throw .field(APIError.invalid("\(path()).role", "\"\(path()).role\" is required"))
        }
        guard !returned.isEmpty, role.equals(Self.assistant, text) else { return }
        scan.edits.returned += returned
        guard let reasoning = returned.first(where: { $0.name == .reasoning }) else { return }
        let end = reasoning.range.lowerBound + 1 + ReasoningName.short.count
        guard let other = returned.first(where: { $0.name == .reasoningContent }) else {
            scan.edits.reasoningPlaces.append(end..<end)
            return
        }
        // Of all values null alone ends so. The two change their names.
        let (said, named) = (text.byte(reasoning.range.upperBound - 1), text.byte(other.range.upperBound - 1))
        guard named == UInt8(ascii: "l"), said != named else { return }
        let rest = other.range.lowerBound + 1 + ReasoningName.short.count
        scan.edits.reasoningPlaces += [end..<end, rest..<rest + ReasoningName.rest.count]
    }

    /// Moves over a member of a message that says nothing to the gateway, and notes it where not every provider takes it back.
    private mutating func other(_ text: RawSpan, _ returned: inout [ReturnedMember]) throws(ScanFailure) {
        guard let name = messageMember, let index = Self.returnedNames.index(name, text) else {
            return try counted(text, depth: 3)
        }
        guard index > 0 else { return try calls(text, &returned) }
        try counted(text, depth: 3)
        let kind = index == 1 ? ReturnedMember.Name.reasoning : index == 2 ? .reasoningContent : .other
        returned.append(ReturnedMember(range: memberRange(name), name: kind))
    }

    /// Moves over the calls of tools, which count as prompt, and notes what stands beside them.
    private mutating func calls(_ text: RawSpan, _ returned: inout [ReturnedMember]) throws(ScanFailure) {
        guard try json({ cursor throws(JSONError) in try cursor.next(text) }) == UInt8(ascii: "[") else {
            return try counted(text, depth: 3)
        }
        let start = cursor.offset
        if try json({ cursor throws(JSONError) in try cursor.enter("[", "]", text, depth: 3) }) {
            repeat {
                try call(text, &returned)
            } while try json({ cursor throws(JSONError) in try cursor.another(UInt8(ascii: "]"), text) })
        }
        scan.textBytes += Int64(cursor.offset - start)
    }

    private mutating func call(_ text: RawSpan, _ returned: inout [ReturnedMember]) throws(ScanFailure) {
        guard try json({ cursor throws(JSONError) in try cursor.next(text) }) == UInt8(ascii: "{") else {
            return try skip(text, depth: 4)
        }
        guard try json({ cursor throws(JSONError) in try cursor.enter("{", "}", text, depth: 4) }) else { return }
        repeat {
            let name = try json { cursor throws(JSONError) in try cursor.name(text) }
            try skip(text, depth: 5)
            if name.equals(Self.extraContent, text) {
                returned.append(ReturnedMember(range: memberRange(name), name: .other))
            } else if name.equals(Self.custom, text) {
                scan.hasCustomTools = true
            }
        } while try json({ cursor throws(JSONError) in try cursor.another(UInt8(ascii: "}"), text) })
    }

    /// Moves over a value that a model may read: its text, names and all, counts as prompt.
    private mutating func counted(_ text: RawSpan, depth: Int) throws(ScanFailure) {
        _ = try json { cursor throws(JSONError) in try cursor.next(text) }
        let start = cursor.offset
        try skip(text, depth: depth)
        if text.byte(start) != UInt8(ascii: "n") { scan.textBytes += Int64(cursor.offset - start) }
    }

    private mutating func content(_ text: RawSpan) throws(ScanFailure) {
        switch try json({ cursor throws(JSONError) in try cursor.next(text) }) {
        case UInt8(ascii: "\""):
            scan.textBytes += Int64(try json { cursor throws(JSONError) in try cursor.string(text) }.decodedCount)
        case UInt8(ascii: "n"):
            try skip(text, depth: 3)
        case UInt8(ascii: "["):
            guard try json({ cursor throws(JSONError) in try cursor.enter("[", "]", text, depth: 3) }) else { return }
            var number = 0
            repeat {
                try part(text, number)
                number += 1
            } while try json({ cursor throws(JSONError) in try cursor.another(UInt8(ascii: "]"), text) })
        default:
            throw .field(try wrongType(text, "messages[\(scan.messages)].content", "a string or an array of parts"))
        }
    }

    private enum PartType: String, CaseIterable {
        case text, refusal, file
        case imageURL = "image_url"
        case inputAudio = "input_audio"
    }

    private static let partTypes = PartType.allCases.map { (type: $0, bytes: Array($0.rawValue.utf8)) }

    private mutating func part(_ text: RawSpan, _ number: Int) throws(ScanFailure) {
        let message = scan.messages
        func path() -> String { "messages[\(message)].content[\(number)]" }
        var type: PartType?
        var isImage = false
        var isLow = false
        var audio = false
        var file = false
        try object(text, Self.partNames, path: path(), depth: 4) { scanner, index, text throws(ScanFailure) in
            switch index {
            case 0:
                let name = try scanner.string(text, "\(path()).type")
                type = Self.partTypes.first { name.equals($0.bytes, text) }?.type
                guard type != nil else {
                    throw .field(
                        APIError.invalid(
                            "\(path()).type",
                            "a content part must be one of text, refusal, image_url, input_audio and file"))
                }
            case 1:
                let string = try scanner.string(text, "\(path()).text")
                scanner.scan.textBytes += Int64(string.decodedCount)
            case 2:
                isImage = true
                isLow = try scanner.image(text, path())
            case 3:
                audio = true
                try scanner.skip(text, depth: 5)
            case 4:
                file = true
                _ = try scanner.json { cursor throws(JSONError) in try cursor.next(text) }
                let start = scanner.cursor.offset
                try scanner.skip(text, depth: 5)
                scanner.scan.fileBytes += Int64(scanner.cursor.offset - start)
            default: try scanner.counted(text, depth: 5)
            }
        }
        guard let type else {
            throw .field(APIError.invalid("\(path()).type", "\"\(path()).type\" is required"))
        }
        // A part is what its type says and what it holds: a provider may look at either.
        if isImage || type == .imageURL {
            if isLow { scan.lowDetailImages += 1 } else { scan.otherImages += 1 }
        }
        if audio || type == .inputAudio, scan.audioPart == nil { scan.audioPart = path() }
        if file || type == .file, scan.filePart == nil { scan.filePart = path() }
    }

    /// Moves over the `image_url` of a part. Returns whether it asks for low detail.
    private mutating func image(_ text: RawSpan, _ path: String) throws(ScanFailure) -> Bool {
        var isLow = false
        try object(text, Self.imageNames, path: "\(path).image_url", depth: 5) { scanner, index, text throws(ScanFailure) in
            switch index {
            case 0: _ = try scanner.string(text, "\(path).image_url.url")
            case 1:
                let first = try scanner.json { cursor throws(JSONError) in try cursor.next(text) }
                guard first != UInt8(ascii: "n") else { return try scanner.skip(text, depth: 6) }
                isLow = try scanner.string(text, "\(path).image_url.detail").equals(Array("low".utf8), text)
            default: try scanner.skip(text, depth: 6)
            }
        }
        return isLow
    }

    /// `tools` or `functions`: an array of objects; a tool that providers charge for apart is refused.
    mutating func definitions(_ text: RawSpan, _ field: Field) throws(ScanFailure) {
        let start = cursor.offset
        guard text.byte(start) != UInt8(ascii: "n") else { return try skip(text, depth: 1) }
        guard text.byte(start) == UInt8(ascii: "[") else { throw .field(try wrongType(text, field.name, "an array")) }
        guard try json({ cursor throws(JSONError) in try cursor.enter("[", "]", text, depth: 1) }) else { return }
        var number = 0
        repeat {
            let current = number
            func path() -> String { "\(field.name)[\(current)]" }
            try object(text, Self.typeNames, path: path(), depth: 3) { scanner, index, text throws(ScanFailure) in
                guard index == 0, field == .tools else { return try scanner.skip(text, depth: 4) }
                let type = try scanner.string(text, "\(path()).type")
                if type.equals(Array("function".utf8), text) { return }
                guard type.equals(Self.custom, text) else {
                    throw .field(
                        APIError.invalid("\(path()).type", "a tool must be a function or custom: what others cost has no bound"))
                }
                scanner.scan.hasCustomTools = true
            }
            number += 1
        } while try json({ cursor throws(JSONError) in try cursor.another(UInt8(ascii: "]"), text) })
        scan.hasTools = true
        scan.definitionBytes += Int64(cursor.offset - start)
    }

    mutating func responseFormat(_ text: RawSpan) throws(ScanFailure) {
        let start = cursor.offset
        guard text.byte(start) != UInt8(ascii: "n") else { return try skip(text, depth: 1) }
        var format: ChatRequestScan.ResponseFormat?
        try object(text, Self.typeNames, path: "response_format", depth: 1) { scanner, index, text throws(ScanFailure) in
            guard index == 0 else { return try scanner.skip(text, depth: 2) }
            format = .init(rawValue: try scanner.string(text, "response_format.type").decoded(text))
        }
        guard let format else {
            throw .field(
                APIError.invalid("response_format.type", "\"response_format.type\" must be text, json_object or json_schema"))
        }
        scan.responseFormat = format
        scan.definitionBytes += Int64(cursor.offset - start)
    }
}
