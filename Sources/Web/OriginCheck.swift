internal import HTTPTypes
public import Hummingbird

/// Refuses what another site's page makes a browser send with this site's cookie.
///
/// Browsers put `Origin` on every request that changes something; programs without a browser send none and have no cookie
/// that somebody else could use. So a request with a cookie and a foreign origin is a forgery, and one without an origin
/// is not.
public struct OriginCheck: Sendable {
    private let allowed: Set<String>

    /// - Parameter allowed: Further origins, such as a dashboard's: `https://app.example.com`.
    public init(allowed: [String] = []) {
        self.allowed = Set(allowed.map { Self.normal($0) })
    }

    /// - Throws: 403 for a request that changes something, carries a cookie and comes from another site's page.
    public func check(_ request: Request) throws(WebError) {
        guard ![.get, .head, .options].contains(request.method), request.headers[.cookie] != nil else { return }
        if let origin = request.headers[.origin] {
            if allows(origin) { return }
            let normal = Self.normal(origin)
            // The host that the client asked for is this server's own name, whatever it is called from outside.
            if let host = request.head.authority?.lowercased(), normal == "https://\(host)" || normal == "http://\(host)" {
                return
            }
            throw Self.forged
        }
        if let name = HTTPField.Name("sec-fetch-site"), let site = request.headers[name], site != "same-origin", site != "none" {
            throw Self.forged
        }
    }

    /// Whether it is one of the origins that were named.
    func allows(_ origin: String) -> Bool { allowed.contains(Self.normal(origin)) }

    private static let forged = WebError(403, "The request comes from another site.", code: "origin_not_allowed")

    private static func normal(_ origin: String) -> String {
        let lower = origin.lowercased()
        return lower.hasSuffix("/") ? String(lower.dropLast()) : lower
    }
}
