internal import HTTPTypes
internal import Hummingbird
internal import Web

extension IdentityRoutes {
    private struct SignIn: Decodable, Sendable {
        let provider: String?
        let providerId: String?
        let callbackURL: String?
        let errorCallbackURL: String?
    }

    func registerProviders(on router: Router<WebContext>) {
        for path in ["/auth/sign-in/social", "/auth/sign-in/oauth2"] as [RouterPath] {
            on(.post, path, router) { request, context in
                let body = try await WebBody.read(SignIn.self, from: request, upTo: WebBody.smallBytes)
                guard let provider = body.provider ?? body.providerId else {
                    throw WebError.invalid("provider", "provider is required.")
                }
                let departure = try await identity.depart(
                    to: provider, callback: body.callbackURL, failure: body.errorCallbackURL, caller(request, context))
                var response = Response.json(["url": .string(departure.url), "redirect": true])
                response.headers[values: .setCookie].append(cookie.setState(departure.cookie))
                return response
            }
        }
        for path in ["/auth/callback/:provider", "/auth/oauth2/callback/:provider"] as [RouterPath] {
            on(.get, path, router) { request, context in
                guard !context.isHead else { return .wrongMethod(allow: "GET") }
                var response = try await arrive(request, context)
                response.headers[values: .setCookie].append(cookie.clearedState)
                return response
            }
        }
    }

    private func arrive(_ request: Request, _ context: WebContext) async throws -> Response {
        func parameter(_ name: Substring) -> String? { request.uri.queryParameters[name].map(String.init) }
        let journey: Identity.Journey
        do throws(IdentityError) {
            journey = try await identity.resume(
                context.part("provider"), state: parameter("state"),
                cookie: SessionCookie.token(of: request, cookie: SessionCookie.stateName))
        } catch {
            return WebError(error).response()
        }
        do throws(IdentityError) {
            let session = try await identity.arrive(
                journey, code: parameter("code"), issuer: parameter("iss"), caller(request, context))
            return began(session, in: redirect(journey.destination ?? identity.configuration.pagesURL))
        } catch {
            guard let page = journey.failurePage else { return WebError(error).response() }
            return redirect(Self.adding(error, to: page))
        }
    }
}
