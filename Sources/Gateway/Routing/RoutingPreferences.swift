internal import Dialects
internal import HTTPTypes

/// What a client says about where its request should go.
struct RoutingPreferences: Sendable, Hashable {
    var strategy = RoutingStrategy.auto
    /// Only the first route is tried: `X-No-Fallback`.
    var isAlone = false
    /// What names the conversation that the request belongs to, so that a provider's own cache is found again.
    var session: String?

    /// Reads `routing`, `X-No-Fallback`, and what names a session: `X-Session-Id`, else `prompt_cache_key`, else `user`.
    ///
    /// - Throws: 400 naming the field.
    init(_ incoming: IncomingRequest, _ scan: ChatRequestScan) throws(GatewayError) {
        if let text = scan.routing {
            guard let known = RoutingStrategy(rawValue: text) else {
                let names = RoutingStrategy.allCases.map(\.rawValue).joined(separator: ", ")
                throw GatewayError.invalid("\"routing\" must be one of \(names)", param: "routing")
            }
            strategy = known
        }
        if let value = Self.noFallback.flatMap({ incoming.headers[$0] }) {
            switch value.lowercased() {
            case "true", "1": isAlone = true
            case "false", "0": break
            default: throw GatewayError.invalid("The x-no-fallback header must be true or false.", param: "x-no-fallback")
            }
        }
        session = scan.promptCacheKey ?? scan.user
        if let header = Self.sessionID.flatMap({ incoming.headers[$0] }) {
            guard (1...256).contains(header.utf8.count) else {
                throw GatewayError.invalid("The x-session-id header must be 1 to 256 characters.", param: "x-session-id")
            }
            session = header
        }
    }

    private static let noFallback = HTTPField.Name("x-no-fallback")
    private static let sessionID = HTTPField.Name("x-session-id")
}
