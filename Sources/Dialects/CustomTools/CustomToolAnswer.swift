internal import JSON
internal import Money

/// An answer to a ``FunctionChat``: what it calls by a custom tool's name is a call of that tool, whole and in pieces.
struct CustomToolAnswer: ForeignAnswer {
    private let names: Set<String>
    private var answer: any ForeignAnswer
    private var reader = EventReader()
    private var choices: [Int64: Calls] = [:]
    private let maximumHeldBytes: Int
    private var heldBytes = 0

    /// The calls of one choice of a stream.
    private struct Calls {
        var numbers = StreamedCalls()
        /// nil for one of a function.
        var inputs: [CustomToolInput?] = []
    }

    private static let calls = Array("\"tool_calls\"".utf8)

    /// - Parameters:
    ///   - answer: Reads it as chat completions.
    ///   - maximumHeldBytes: The most that is kept of all calls until it is sure what they are called with.
    init(_ answer: any ForeignAnswer, names: Set<String>, maximumHeldBytes: Int = 64 << 10) {
        self.answer = answer
        self.names = names
        self.maximumHeldBytes = maximumHeldBytes
    }

    var error: APIError? { answer.error }
    var isMalformed: Bool { answer.isMalformed || reader.isTooLong || heldBytes > maximumHeldBytes }
    var usage: TokenUsage? { answer.usage }

    func refusal(status: Int, body: [UInt8]) -> APIError { answer.refusal(status: status, body: body) }

    func hiddenError(in body: [UInt8]) -> APIError? { answer.hiddenError(in: body) }

    func completion(_ body: [UInt8]) throws(ChatResponseError) -> [UInt8] {
        let body = try answer.completion(body)
        // What is no completion is found out where it is read.
        guard body.firstPlace(of: Self.calls, from: 0) != nil, let completion = try? JSONValue(body) else { return body }
        return completion.with("choices") { choices in
            choices.eachElement { choice in
                choice.with("message") { message in message.with("tool_calls") { calls in calls.eachElement(whole) } }
            }
        }.bytes
    }

    private func whole(_ call: JSONValue) -> JSONValue {
        let function = call["function"]
        guard let name = function?["name"]?.text, names.contains(name) else { return call }
        return Self.custom(call, input: CustomToolInput.text(of: function?["arguments"]?.text ?? ""))
    }

    mutating func feed(_ bytes: [UInt8]) -> [UInt8] { events(answer.feed(bytes)) }

    mutating func end() -> [UInt8] {
        var output = events(answer.end())
        var reader = self.reader
        reader.end { data in
            // Half an event at the very end is a broken connection, not a broken provider.
            if Self.isDone(data) || (try? JSONValue(data)) != nil { take(data, into: &output) }
            return true
        }
        return output
    }

    private mutating func events(_ chunks: [UInt8]) -> [UInt8] {
        guard !chunks.isEmpty else { return [] }
        var output: [UInt8] = []
        // Moved out, so that its events can change the rest.
        var reader = self.reader
        self.reader = EventReader()
        reader.feed(chunks) { data in
            take(data, into: &output)
            return true
        }
        self.reader = reader
        return output
    }

    private static func isDone(_ data: [UInt8]) -> Bool { data.elementsEqual("[DONE]".utf8) }

    private mutating func take(_ data: [UInt8], into output: inout [UInt8]) {
        output += "data: ".utf8
        if data.firstPlace(of: Self.calls, from: 0) != nil, let chunk = try? JSONValue(data) {
            chunk.with("choices") { choices in choices.eachElement { choice in pieces(of: choice) } }.write(into: &output)
        } else {
            // Line feeds of JSON's own are between tokens, so they can become spaces.
            output += data.map { $0 == 0x0A ? 0x20 : $0 }
        }
        output += "\n\n".utf8
    }

    private mutating func pieces(of choice: JSONValue) -> JSONValue {
        let index = choice["index"]?.int64 ?? 0
        return choice.with("delta") { delta in
            delta.with("tool_calls") { calls in calls.eachElement { piece in take(piece, of: index) } }
        }
    }

    private mutating func take(_ piece: JSONValue, of choice: Int64) -> JSONValue {
        var calls = choices.removeValue(forKey: choice) ?? Calls()
        defer { choices[choice] = calls }
        let function = piece["function"]
        let (number, isFirst) = calls.numbers.take(piece)
        if isFirst { calls.inputs.append(names.contains(function?["name"]?.text ?? "") ? CustomToolInput() : nil) }
        let before = calls.inputs[number]?.heldBytes ?? 0
        guard let input = calls.inputs[number]?.feed(function?["arguments"]?.text ?? "") else { return piece }
        heldBytes += (calls.inputs[number]?.heldBytes ?? 0) - before
        return Self.custom(piece, input: input)
    }

    /// A call of a function, or a piece of one, as that of a custom tool.
    private static func custom(_ call: JSONValue, input: String) -> JSONValue {
        let name = call["function"]?["name"]
        return call.replacing("function", with: "custom", .members([("name", name), ("input", .string(input))]))
    }
}
