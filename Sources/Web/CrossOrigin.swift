public import HTTPTypes
public import Hummingbird

/// Lets the pages of the allowed origins ask this server, with a person's cookie, and read what it answers.
///
/// Source: the Fetch standard, "CORS protocol". Hummingbird's `CORSMiddleware` names its origins where it is built, tells other
/// sites' pages that they may send cookies, and leaves out what no router answers.
extension OriginCheck {
    /// The answer to a browser that asks what a page may do; nil for everybody else.
    public func preflight(_ request: Request) -> Response? {
        var headers = fields(for: request)
        guard request.method == .options, headers[.accessControlAllowOrigin] != nil else { return nil }
        headers[.accessControlAllowMethods] = "GET, POST, PUT, PATCH, DELETE"
        headers[.accessControlAllowHeaders] = "authorization, cache-control, content-type, idempotency-key, x-request-id"
        headers[.accessControlMaxAge] = "600"
        return Response(status: .noContent, headers: headers)
    }

    /// What every answer to `request` says of who may read it.
    public func fields(for request: Request) -> HTTPFields {
        var fields: HTTPFields = [.vary: "Origin"]
        guard let origin = request.headers[.origin], allows(origin) else { return fields }
        fields[.accessControlAllowOrigin] = origin
        fields[.accessControlAllowCredentials] = "true"
        return fields
    }
}
