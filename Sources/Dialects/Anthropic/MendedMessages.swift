internal import JSON

/// The messages of a Messages request as Anthropic itself takes them, where the client hands back what another model answered:
/// the ids of calls that are none there.
struct MendedMessages {
    let messages: JSONValue

    init(_ original: JSONValue) {
        messages = .array((original.elements ?? []).map { Self.mended($0) })
    }

    private static func mended(_ message: JSONValue) -> JSONValue {
        guard let blocks = message["content"]?.elements else { return message }
        return message.replacing("content", with: .array(blocks.map { taken($0) }))
    }

    private static func taken(_ block: JSONValue) -> JSONValue {
        switch block["type"]?.text {
        case "tool_use": block.naming("id")
        case "tool_result": block.naming("tool_use_id")
        default: block
        }
    }
}

extension JSONValue {
    fileprivate func replacing(_ name: String, with value: JSONValue) -> JSONValue {
        .object((fields ?? []).map { $0.name == name ? Member(name, value) : $0 })
    }

    /// The block with an id of a call that Anthropic takes.
    fileprivate func naming(_ name: String) -> JSONValue {
        guard let id = self[name]?.text, !id.isCallID else { return self }
        return replacing(name, with: .string(id.asCallID))
    }
}
