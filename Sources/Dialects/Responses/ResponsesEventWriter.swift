internal import JSON

/// Writes the events of a stream of the Responses API, numbered.
struct ResponsesEventWriter: Sendable {
    private var bytes: [UInt8] = []
    private var number = 0

    /// What was written since it was last asked.
    mutating func take() -> [UInt8] {
        defer { bytes = [] }
        return bytes
    }

    mutating func write(_ type: String, _ members: [(String, JSONValue?)]) {
        bytes += Self.event(type, number, members)
        number += 1
    }

    /// An event of an item.
    mutating func write(_ type: String, at place: Int, of id: String, _ members: [(String, JSONValue?)]) {
        write(type, [("item_id", .string(id)), ("output_index", .integer(place))] + members)
    }

    mutating func begin(_ item: JSONValue, at place: Int) {
        write("response.output_item.added", [("output_index", .integer(place)), ("item", item)])
    }

    mutating func end(_ item: JSONValue, at place: Int) {
        write("response.output_item.done", [("output_index", .integer(place)), ("item", item)])
    }

    mutating func delta(
        _ type: String, _ text: String, at place: Int, of id: String, _ members: [(String, JSONValue?)] = []
    ) {
        write(type, at: place, of: id, members + [("delta", .string(text))])
    }

    mutating func write(_ error: APIError) {
        bytes += event(error)
        number += 1
    }

    func event(_ error: APIError) -> [UInt8] {
        Self.event(
            "error", number,
            [
                ("code", .string(error.code)), ("message", .string(error.message)),
                ("param", error.param.map { .string($0) } ?? .null),
            ])
    }

    private static func event(_ type: String, _ number: Int, _ members: [(String, JSONValue?)]) -> [UInt8] {
        let data = JSONValue.members(
            [("type", .string(type)), ("sequence_number", .integer(number))] + members)
        return Array("event: \(type)\ndata: ".utf8) + data.bytes + Array("\n\n".utf8)
    }
}
