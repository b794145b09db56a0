internal import Admission
internal import Crypto
internal import Dialects
internal import FoundationEssentials
internal import HTTPTypes
internal import JSON
internal import Ledger

/// Names a request by everything that its answer depends on: whose it is, in which format, all of the body, whatever order its
/// members have, the images that it wants to be edited, however they came, and the headers that change what a provider does.
enum RequestDigest {
    /// - Returns: SHA-256; nil for a body that is no JSON, which nobody answers anyway, or has more values than a tree may.
    static func digest(_ entered: EnteredRequest, of address: KeyAddress, headers: HTTPFields) -> [UInt8]? {
        guard let body = try? JSONValue(request: entered.edit?.fields ?? entered.original) else { return nil }
        var text: [UInt8] = []
        write(body, into: &text)
        var hasher = SHA256()
        // A length before each part, so that no two lists of parts look alike.
        func add(_ part: [UInt8]) {
            hasher.update(data: Array("\(part.count):".utf8))
            hasher.update(data: part)
        }
        add(Array("1".utf8))
        add(Array(address.organization.description.utf8))
        add(Array(address.project.description.utf8))
        add(Array(name(of: entered.entrance).utf8))
        if entered.messages != nil, let name = HTTPField.Name("anthropic-beta") {
            for value in headers[values: name] { add(Array(value.utf8)) }
        }
        add(text)
        for picture in entered.edit?.pictures ?? [] { add(picture) }
        return Array(hasher.finalize())
    }

    private static func name(of entrance: Entrance) -> String {
        switch entrance {
        case .chat, .playground: "chat"
        case .messages: "messages"
        case .responses: "responses"
        case .completions: "completions"
        case .embeddings: "embeddings"
        case .moderations: "moderations"
        case .images: "images"
        case .imageEdits: "image_edits"
        }
    }

    /// Members by name; numbers as they stand, because 1 and 1.0 may mean two things to somebody.
    private static func write(_ value: JSONValue, into text: inout [UInt8]) {
        switch value {
        case .object(let members):
            text.append(UInt8(ascii: "{"))
            for member in members.sorted(by: { $0.name < $1.name }) {
                text.appendJSON(string: member.name)
                text.append(UInt8(ascii: ":"))
                write(member.value, into: &text)
                text.append(UInt8(ascii: ","))
            }
            text.append(UInt8(ascii: "}"))
        case .array(let elements):
            text.append(UInt8(ascii: "["))
            for element in elements {
                write(element, into: &text)
                text.append(UInt8(ascii: ","))
            }
            text.append(UInt8(ascii: "]"))
        default: value.write(into: &text)
        }
    }
}
