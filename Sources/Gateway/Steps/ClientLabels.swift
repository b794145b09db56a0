internal import HTTPTypes

/// What an application says about its request, to find it again. It decides nothing.
struct ClientLabels: Sendable, Equatable {
    /// A header of the application's own, without the prefix `x-llmgateway-`.
    struct Header: Sendable, Equatable {
        let name: String
        let value: String
    }

    /// Where the request comes from: `x-source`, else `HTTP-Referer` without its query, else a client that is known by its name.
    let source: String?
    let headers: [Header]

    private static let prefix = "x-llmgateway-"
    private static let most = 16
    private static let sourceName = HTTPField.Name("x-source")
    private static let refererName = HTTPField.Name("http-referer")

    /// - Throws: 400 for an `x-source` of other characters than a host and a path have, or too many or too long headers.
    init(_ fields: HTTPFields) throws(GatewayError) {
        var headers: [Header] = []
        for field in fields where field.name.canonicalName.utf8.starts(with: Self.prefix.utf8) {
            let name = field.name.canonicalName
            guard headers.count < Self.most, name.utf8.count <= 64 + Self.prefix.utf8.count, field.value.utf8.count <= 512,
                name.utf8.count > Self.prefix.utf8.count
            else {
                throw GatewayError.invalid(
                    "A request may have \(Self.most) headers x-llmgateway-*, with names of 64 and values of 512 bytes.",
                    param: name)
            }
            headers.append(Header(name: String(name.dropFirst(Self.prefix.count)), value: field.value))
        }
        self.headers = headers
        source = try Self.source(fields)
    }

    private static func source(_ fields: HTTPFields) throws(GatewayError) -> String? {
        if let name = sourceName, let text = fields[name] {
            guard let source = source(text) else {
                throw GatewayError.invalid(
                    "The x-source header must be 1 to 255 of the characters a-z, A-Z, 0-9, dot, slash and hyphen.",
                    param: "x-source")
            }
            return source
        }
        // A library sends it by itself: one that can't be used is left out rather than held against the request.
        if let name = refererName, let text = fields[name] { return source(String(text.prefix { $0 != "?" && $0 != "#" })) }
        return fields[.userAgent]?.hasPrefix("claude-cli/") == true ? "claude-cli" : nil
    }

    /// Without the protocol and `www.`; nil when something else stands in it.
    private static func source(_ text: String) -> String? {
        var rest = Substring(text)
        for start in ["https://", "http://", "www."] where rest.lowercased().hasPrefix(start) {
            rest = rest.dropFirst(start.count)
        }
        guard (1...255).contains(rest.utf8.count) else { return nil }
        let isPlain = rest.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x2F: true
            default: false
            }
        }
        return isPlain ? String(rest) : nil
    }
}
