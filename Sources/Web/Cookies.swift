internal import HTTPTypes
public import Hummingbird

extension Request {
    /// The value of the first cookie of this name.
    public func cookie(_ name: String) -> String? {
        for header in headers[values: .cookie] {
            for pair in header.split(separator: ";") {
                let trimmed = pair.drop { $0 == " " }
                guard trimmed.hasPrefix(name + "=") else { continue }
                return String(trimmed.dropFirst(name.count + 1))
            }
        }
        return nil
    }
}

/// The cookie in which a browser holds the API key of the playground. Scripts can't read it; only the browser has the key.
public enum PlaygroundCookie {
    public static let name = "llmgateway_playground_key"
    /// How long the browser keeps it, in seconds: 30 days.
    public static let lifetime: Int64 = 30 * 86_400
}
