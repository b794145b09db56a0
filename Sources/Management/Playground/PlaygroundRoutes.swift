internal import HTTPTypes
public import Hummingbird
internal import Ledger
public import Web

extension ManagementRoutes {
    private struct Ensure: Decodable, Sendable { let projectId: String }

    /// `POST /playground/ensure-key` and `GET /playground/key`: the API key that a person's browser uses in the playground.
    func addPlayground(to router: Router<WebContext>) {
        router.post("/playground/ensure-key") { request, context in
            let caller = try await caller(request, context)
            let body = try await WebBody.read(Ensure.self, from: request)
            guard let project = ProjectID(body.projectId) else { throw Management.noProject }
            let key = try await management.playgroundKey(of: project, held: request.cookie(PlaygroundCookie.name), by: caller)
            var answer: [(String, WebValue)] = [("ok", true), ("token", .string(key.token))]
            if !key.isObeyed { answer.append(("message", "The key is recorded and works in a moment.")) }
            var response = Response.json(.object(answer), status: key.isObeyed ? 200 : 202)
            response.headers[values: .setCookie].append(PlaygroundCookie.set(key.token, sessions.cookieAttributes))
            return response
        }
        router.get("/playground/key") { request, context in
            let caller = try await caller(request, context)
            let held = request.cookie(PlaygroundCookie.name)
            return Response.json(["hasKey": .bool(try await management.hasPlaygroundKey(held: held, caller.user))])
        }
    }
}

extension ManagementRoutes: PlaygroundKeys {
    public func check(_ token: String, of request: Request, _ context: WebContext) async throws(WebError) {
        let caller = try await caller(request, context)
        guard try await management.hasMade(keyOf: token, caller.user) else {
            throw WebError(401, "The key in the browser's cookie is none of yours: ask /playground/ensure-key for one.")
        }
    }
}
