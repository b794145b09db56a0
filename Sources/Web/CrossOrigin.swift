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
        // Origins are trusted or they are not: no header of theirs makes a difference, and which ones there are grows.
        headers[.accessControlAllowHeaders] =
            request.headers[.accessControlRequestHeaders].flatMap { Self.isListOfNames($0) ? $0 : nil }
            ?? "authorization, cache-control, content-type, idempotency-key, x-request-id"
        headers[.accessControlMaxAge] = "600"
        return Response(status: .noContent, headers: headers)
    }

    /// What every answer to `request` says of who may read it.
    public func fields(for request: Request) -> HTTPFields {
        var fields: HTTPFields = [.vary: "Origin"]
        guard let origin = request.headers[.origin], allows(origin) else { return fields }
        fields[.accessControlAllowOrigin] = origin
        fields[.accessControlAllowCredentials] = "true"
        fields[.accessControlExposeHeaders] =
            "retry-after, x-ratelimit-limit, x-ratelimit-remaining, x-ratelimit-reset, x-request-id, x-llmgateway-request-id"
        return fields
    }

    /// Whether it is some names of headers (RFC 9110, 5.6.2 "token") with commas between them.
    private static func isListOfNames(_ text: String) -> Bool {
        (1...1024).contains(text.utf8.count)
            && text.split(separator: ",", omittingEmptySubsequences: false).allSatisfy {
                HTTPField.Name(String($0.drop { character in character == " " })) != nil
            }
    }
}
