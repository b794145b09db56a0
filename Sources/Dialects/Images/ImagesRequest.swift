internal import JSON

/// A request for images in OpenAI's format (https://platform.openai.com/docs/api-reference/images/create), which a provider of that
/// format gets as it came.
public enum ImagesRequest {
    /// What is passed on. Nothing else is, because it may ask for more images than `n` says, or for dearer ones.
    static let known: Set<String> = [
        "model", "prompt", "n", "size", "quality", "response_format", "style", "aspect_ratio", "user", "background", "moderation",
        "output_format", "output_compression", "stream", "routing",
    ]

    /// The same of a request to edit images, beside the images.
    static let knownOfEdits = known.subtracting(["style"]).union(["input_fidelity"])

    /// - Throws: 400 naming a field that is not known, or stands twice, or asks for what is not served.
    public static func check(_ body: [UInt8]) throws(APIError) {
        var fields = try RequestFields(body)
        try check(&fields, known: known)
    }

    static func check(_ fields: inout RequestFields, known: Set<String>) throws(APIError) {
        for name in known.sorted() {
            guard let value = try fields.take(name) else { continue }
            switch name {
            case "output_compression":
                guard let percent = value.int64, (0...100).contains(percent) else {
                    throw .invalid(name, "\"output_compression\" must be an integer from 0 to 100")
                }
            case "response_format":
                guard value == .string("b64_json") || value == .string("url") else {
                    throw .invalid(name, "\"response_format\" must be b64_json or url")
                }
            case "n", "stream": continue
            default: guard value.text != nil else { throw .invalid(name, "\"\(name)\" must be a string") }
            }
        }
        try fields.end()
    }
}
