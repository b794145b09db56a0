internal import HTTPTypes
public import Hummingbird

/// The fields that an HTML form sends.
public struct WebForm: Sendable {
    private let fields: [String: String]

    /// Reads the body of a request when it is that of a form; nil for any other, whose body is left as it is.
    ///
    /// - Throws: see ``WebBody/bytes(of:upTo:within:)``.
    public init?(_ request: Request) async throws(WebError) {
        guard request.headers[.contentType]?.lowercased().hasPrefix("application/x-www-form-urlencoded") == true else {
            return nil
        }
        self.init(encoded: String(decoding: try await WebBody.bytes(of: request, upTo: WebBody.smallBytes), as: UTF8.self))
    }

    init(encoded: String) {
        let pairs = encoded.split(separator: "&").map { pair in
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            func text(_ part: Substring) -> String { PercentEncoding.decode(String(part).replacing("+", with: " ")) }
            return (text(parts[0]), parts.count > 1 ? text(parts[1]) : "")
        }
        fields = Dictionary(pairs) { first, _ in first }
    }

    /// What a field holds; empty when there is none of this name.
    public subscript(_ name: String) -> String { fields[name] ?? "" }
}
