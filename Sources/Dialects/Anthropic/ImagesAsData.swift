internal import JSON

/// Puts images as data where a request gives their addresses: Claude at Vertex AI takes no addresses
/// (https://docs.cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude/use-claude).
struct ImagesAsData {
    private let images: [String: String]

    /// - Parameter images: data URLs by the addresses.
    init(_ images: [String: String]) { self.images = images }

    static func isRemote(_ url: String) -> Bool { url.hasPrefix("https://") || url.hasPrefix("http://") }

    /// What must be fetched for the messages of a chat completion request.
    static func missing(inChat messages: JSONValue?) -> [RemoteImage] {
        var missing: [RemoteImage] = []
        for (index, message) in (messages?.elements ?? []).enumerated() {
            for (place, part) in (message["content"]?.elements ?? []).enumerated() {
                guard let url = part["image_url"]?["url"]?.text, isRemote(url) else { continue }
                missing.append(RemoteImage(url: url, path: "messages[\(index)].content[\(place)].image_url.url"))
            }
        }
        return missing
    }

    /// The messages of a chat completion request.
    func chat(_ messages: JSONValue) -> JSONValue {
        messages.eachElement { message in
            message.with("content") { content in
                content.eachElement { part in
                    part.with("image_url") { image in
                        image.with("url") { url in url.text.flatMap { images[$0] }.map { JSONValue.string($0) } ?? url }
                    }
                }
            }
        }
    }

    /// The messages of a Messages request.
    func native(_ messages: JSONValue) -> JSONValue { messages.eachElement { $0.with("content", blocks) } }

    private func blocks(_ content: JSONValue) -> JSONValue {
        content.eachElement { block in
            switch block["type"]?.text {
            case "image": block.with("source", source)
            case "tool_result": block.with("content", blocks)
            default: block
            }
        }
    }

    private func source(_ source: JSONValue) -> JSONValue {
        guard source["type"] == .string("url"), let url = source["url"]?.text, let image = images[url],
            let data = DataURL(image)
        else { return source }
        return .members([
            ("type", .string("base64")), ("media_type", .string(data.mediaType)), ("data", .string(String(data.data))),
        ])
    }
}
