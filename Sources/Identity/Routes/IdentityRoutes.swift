internal import HTTPTypes
public import Hummingbird
public import Ledger
public import Web

/// The routes of people, as existing clients of this API call them: `/auth/*` and `/user/*`.
public struct IdentityRoutes: WebRoutes {
    let identity: Identity

    public init(_ identity: Identity) { self.identity = identity }

    public func register(on router: Router<WebContext>) {
        registerReferral(to: router)
        registerBeacon(on: router)
        registerSessions(on: router)
        registerMailboxes(on: router)
        registerPages(on: router)
        registerUser(on: router)
        registerPasskeys(on: router)
        registerProviders(on: router)
    }

    /// Adds a route whose refusals are the identity service's. Whatever changes something is refused to a page of another
    /// site, cookie or not: a page that signs its visitor in to its own account is a forgery too.
    func on(
        _ method: HTTPRequest.Method, _ path: RouterPath, _ router: Router<WebContext>,
        _ answer: @escaping @Sendable (Request, WebContext) async throws -> Response
    ) {
        router.on(path, method: method) { request, context -> Response in
            do {
                if method != .get { try checkOrigin(request) }
                return try await answer(request, context)
            } catch let error as IdentityError {
                throw WebError(error)
            }
        }
    }

    private func checkOrigin(_ request: Request) throws(IdentityError) {
        guard let given = request.headers[.origin] else { return }
        let origin = IdentityConfiguration.origin(of: given)
        if let origin, identity.configuration.origins.contains(origin) { return }
        // The name that the client itself calls this server by.
        if let origin, let host = request.head.authority?.lowercased(), origin == "http://\(host)" || origin == "https://\(host)"
        {
            return
        }
        throw IdentityError(.forbidden, status: 403, "The request comes from another site")
    }

    /// Where the request comes from, with the token that it shows.
    func caller(_ request: Request, _ context: WebContext) -> Caller {
        Caller(
            address: context.clientAddress, userAgent: request.headers[.userAgent],
            token: SessionCookie.token(of: request), referral: Referral(of: request)?.reference)
    }

    /// Who is signed in, with the token that says so.
    func authenticated(
        _ request: Request
    ) async throws(IdentityError) -> (person: User, session: Session, token: SecretToken) {
        guard let token = SessionCookie.token(of: request), let found = try await identity.session(token) else {
            throw .unauthorized
        }
        return (found.person, found.session, token)
    }

    /// An answer that begins a session: the cookie for browsers, the token for others.
    func signedIn(_ session: NewSession, _ body: WebValue, isRemembered: Bool = true) -> Response {
        began(session, in: Response.json(body), isRemembered: isRemembered)
    }

    /// The same answer with the cookie of a session. What another person's session has left in the browser goes with it.
    func began(_ session: NewSession, in response: Response, isRemembered: Bool = true) -> Response {
        var response = response
        response.headers[values: .setCookie].append(cookie.set(session.token, isRemembered: isRemembered))
        if let before = session.before, before != session.person.id {
            response.headers[values: .setCookie].append(PlaygroundCookie.cleared(cookie.attributes))
        }
        return response
    }

    /// An answer that ends the browser's session, and takes what it held for the person.
    func signedOut(_ body: WebValue) -> Response {
        var response = Response.json(body)
        response.headers[values: .setCookie] += [cookie.cleared, PlaygroundCookie.cleared(cookie.attributes)]
        return response
    }

    var cookie: SessionCookie { identity.cookie }

    /// A redirect, which nobody keeps.
    func redirect(_ url: String) -> Response {
        Response(status: .found, headers: [.location: url, .cacheControl: "no-store"])
    }
}

extension WebError {
    init(_ error: IdentityError) {
        self.init(error.status, error.message, field: error.field, code: error.code.rawValue, retryAfter: error.retryAfter)
    }
}

extension Identity {
    var cookie: SessionCookie { SessionCookie(isSecure: configuration.usesHTTPS, domain: configuration.cookieDomain) }
}

extension Identity: SessionSource {
    public var cookieAttributes: String { cookie.attributes }

    public func isAdministrator(_ user: UserID) async throws(WebError) -> Bool {
        do throws(IdentityError) {
            return try await self.user(user).map(isAdministrator) ?? false
        } catch {
            throw WebError(error)
        }
    }

    public func signUps() async throws(WebError) -> SignUps {
        do throws(IdentityError) {
            return try await countPeople()
        } catch {
            throw WebError(error)
        }
    }

    /// Who sent the request, by cookie or bearer session token.
    public func signedIn(_ request: Request, _ context: WebContext) async throws(WebError) -> SignedIn {
        guard let token = SessionCookie.token(of: request) else { throw .unauthorized }
        do throws(IdentityError) {
            guard let found = try await session(token) else { throw IdentityError.unauthorized }
            return SignedIn(user: found.person.id, session: found.session.id.description)
        } catch {
            throw WebError(error)
        }
    }

    /// The people of these ids; whoever was forgotten is missing.
    public func people(_ ids: [UserID]) async throws(WebError) -> [UserID: Person] {
        do throws(IdentityError) {
            let people = try await users(ids).map {
                Person(id: $0.id, email: $0.email, name: $0.name, isEmailVerified: $0.isEmailVerified)
            }
            return Dictionary(people.map { ($0.id, $0) }) { first, _ in first }
        } catch {
            throw WebError(error)
        }
    }
}
