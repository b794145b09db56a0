public import Hummingbird

/// The cookie in which a browser holds the API key of the playground. Scripts can't read it; only the browser has the key.
public enum PlaygroundCookie {
    /// The cookie's name.
    public static let name = "llmgateway_playground_key"
    /// How long the browser keeps it, in seconds: 30 days.
    private static let lifetime: Int64 = 30 * 86_400

    /// The `Set-Cookie` of a key.
    ///
    /// - Parameter attributes: What this server's cookies are set with, see ``SessionSource/cookieAttributes``.
    public static func set(_ token: String, _ attributes: String) -> String {
        "\(name)=\(token)\(attributes); Max-Age=\(lifetime)"
    }

    /// The `Set-Cookie` that removes it.
    public static func cleared(_ attributes: String) -> String { "\(name)=\(attributes); Max-Age=0" }
}

/// Tells whether a browser may use the key of its cookie. The service of organizations does.
public protocol PlaygroundKeys: Sendable {
    /// Lets through the person who is signed in and has made the key. The cookie alone proves nothing: it outlives the session,
    /// and whoever uses the browser next has it too.
    ///
    /// - Throws: 401 when nobody is signed in, or the key is none that they made.
    func check(_ token: String, of request: Request, _ context: WebContext) async throws(WebError)
}
