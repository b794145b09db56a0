internal import HTTPTypes
public import Hummingbird
internal import Ledger
public import Logging
public import NIOCore

/// What an operator may set about the routes of people.
public struct WebConfiguration: Sendable {
    /// The proxies that are believed about a client's address.
    public var trustedProxies: TrustedProxies
    /// Whose pages may send this server's cookie and read its answers.
    public var origins: OriginCheck

    public init(trustedProxies: TrustedProxies = .init(), origins: OriginCheck = .init()) {
        self.trustedProxies = trustedProxies
        self.origins = origins
    }
}

/// Answers the requests of all registered routes; whoever owns the listener asks it what its own routes don't know.
public struct WebResponder: Sendable {
    private let responder: RouterResponder<WebContext>
    /// Every path with the methods that it knows, as an OpenAPI document names them: `/orgs/{id}`, `GET`.
    public let operations: [String: Set<String>]
    private let configuration: WebConfiguration
    private let logger: Logger

    public init(_ routes: [any WebRoutes], configuration: WebConfiguration = .init(), logger: Logger) {
        let router = Router(context: WebContext.self)
        router.add(middleware: WebGuard(origins: configuration.origins))
        for routes in routes { routes.register(on: router) }
        operations = Self.operations(of: router)
        // A browser that asks what a page may do is told.
        router.refuseOtherMethods { [origins = configuration.origins] request, allow in
            origins.preflight(request) ?? .wrongMethod(allow: allow)
        }
        responder = router.buildResponder()
        self.configuration = configuration
        self.logger = logger
    }

    /// Whose pages may send this server's cookie and read its answers.
    public var origins: OriginCheck { configuration.origins }

    /// - Parameter bodies: What the bodies of all requests may have together; nil counts none.
    /// - Returns: nil when no route has the request's path.
    public func respond(to request: Request, channel: any Channel, bodies: ByteBudget? = nil) async -> Response? {
        let context = WebContext(source: .init(channel: channel, logger: logger))
        guard let bodies else { return await respond(to: request, context: context) }
        let body = CountedBody(bodies)
        // What is made of the body has gone when the answer stands.
        defer { withExtendedLifetime(body) {} }
        var counted = request
        counted.body = body.counting(request.body)
        return await respond(to: counted, context: context)
    }

    func respond(to request: Request, context: WebContext) async -> Response? {
        var context = context
        context.isHead = request.method == .head
        context.clientAddress = configuration.trustedProxies.client(peer: context.peerAddress, headers: request.headers)
        let (prepared, routed) = (context, request.routed)
        // On the ordinary pool: a connection's own event loop serves completions, which must not wait behind a password.
        let response: Response? = await withTaskExecutorPreference(globalConcurrentExecutor) { () async -> Response? in
            do {
                return try await responder.respond(to: routed, context: prepared)
            } catch is WebGuard.NoRoute {
                return nil
            } catch let error as WebError {
                return error.response()
            } catch {
                logger.error(
                    "a request failed",
                    metadata: ["path": "\(request.uri.path)", "error": "\(error)", "request": "\(prepared.webRequestID)"])
                return WebError(500, "Something went wrong here; it has been logged as \(prepared.webRequestID).").response()
            }
        }
        return response.map { secured($0, to: request, context: prepared) }
    }

    private func secured(_ response: Response, to request: Request, context: WebContext) -> Response {
        var response = response
        for (name, value) in Self.headers where response.headers[name] == nil { response.headers[name] = value }
        for field in origins.fields(for: request) { response.headers[field.name] = field.value }
        if let requestID = Self.requestID { response.headers[requestID] = context.webRequestID.description }
        return response
    }

    /// Answers are a person's own and change at once, so nobody keeps them.
    private static let headers: [(HTTPField.Name, String)] =
        [(.cacheControl, "no-store"), (.xContentTypeOptions, "nosniff")]
        + [("referrer-policy", "no-referrer"), ("x-frame-options", "DENY")].compactMap { name, value in
            HTTPField.Name(name).map { ($0, value) }
        }

    private static let requestID = HTTPField.Name("x-request-id")

    private static func operations(of router: Router<WebContext>) -> [String: Set<String>] {
        var operations: [String: Set<String>] = [:]
        for route in router.routes {
            let parts = route.path.description.split(separator: "/").map { $0.hasPrefix(":") ? "{\($0.dropFirst())}" : $0 }
            operations["/" + parts.joined(separator: "/"), default: []].insert(route.method.rawValue)
        }
        return operations
    }
}

/// Stands before every route: looks at the origin, and tells an unknown path from a handler's own 404.
struct WebGuard: RouterMiddleware {
    typealias Context = WebContext
    /// No route has the path.
    struct NoRoute: Error {}
    let origins: OriginCheck

    @concurrent
    func handle(
        _ request: Request, context: WebContext, next: @concurrent (Request, WebContext) async throws -> Response
    ) async throws -> Response {
        do {
            try origins.check(request)
            return try await next(request, context)
        } catch let error as HTTPError {
            if error.status == .notFound, context.endpointPath == "NotFound" { throw NoRoute() }
            throw WebError(error.status.code, error.body ?? error.status.reasonPhrase)
        }
    }
}
