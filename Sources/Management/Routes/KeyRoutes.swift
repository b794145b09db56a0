internal import Hummingbird
internal import Ledger
internal import Web

extension ManagementRoutes {
    func addKeys(to router: Router<WebContext>) {
        router.post("/keys/api") { request, context in
            let caller = try await caller(request, context)
            let draft = try KeyBodies.draft(try await WebBody.read(KeyBodies.New.self, from: request))
            let (id, token) = (APIKeyID.mint(), APIKeyToken())
            return try await shown(id, token, caller) { () async throws(WebError) in
                try await management.addKey(id, token: token, draft, by: caller)
            }
        }
        router.get("/keys/api") { request, context in
            Response.json(try await list(request, by: try await caller(request, context)))
        }
        router.patch("/keys/api/:id") { request, context in
            let caller = try await caller(request, context)
            let id: APIKeyID = try id("id", of: context)
            let change = try KeyBodies.change(try await WebBody.read(KeyBodies.Patch.self, from: request))
            try await management.change(key: id, change, by: caller)
            return try await changed(id, caller, "API key updated successfully")
        }
        router.patch("/keys/api/limit/:id") { request, context in
            let caller = try await caller(request, context)
            let id: APIKeyID = try id("id", of: context)
            let change = try KeyBodies.change(try await WebBody.read(KeyBodies.Limits.self, from: request))
            try await management.change(key: id, change, by: caller)
            return try await changed(id, caller, "API key usage limit updated successfully")
        }
        router.post("/keys/api/:id/roll") { request, context in
            let caller = try await caller(request, context)
            let id: APIKeyID = try id("id", of: context)
            let token = APIKeyToken()
            return try await shown(id, token, caller) { () async throws(WebError) in
                try await management.roll(key: id, token: token, by: caller)
            }
        }
        router.delete("/keys/api/:id") { request, context in
            let caller = try await caller(request, context)
            try await management.delete(key: try id("id", of: context), by: caller)
            return Response.json(["message": "API key deleted successfully"])
        }
    }

    /// Does the change and answers with the key and its secret, for the one time.
    ///
    /// A change that is recorded but not yet obeyed is answered with the secret all the same: it is shown now or never.
    private func shown(
        _ id: APIKeyID, _ token: APIKeyToken, _ caller: Caller, after change: () async throws(WebError) -> Void
    ) async throws(WebError) -> Response {
        do {
            try await change()
        } catch  where error.status == 202 {
            return Response.json(
                [
                    "apiKey": ["id": .id(id), "token": .string(token.secret)],
                    "message": .string(error.message),
                ], status: 202)
        }
        let record = try await management.readable(id, by: caller)
        let rules = try await management.rules(of: [id])[id] ?? []
        let creator = try await creators(of: [record])
        return Response.json([
            "apiKey": record.json(creator: record.createdBy.flatMap { creator[$0] }, rules: rules, token: token)
        ])
    }

    private func changed(_ id: APIKeyID, _ caller: Caller, _ message: String) async throws(WebError) -> Response {
        let record = try await management.readable(id, by: caller)
        let creators = try await creators(of: [record])
        let rules = try await management.rules(of: [id])[id] ?? []
        return Response.json([
            "message": .string(message),
            "apiKey": record.json(creator: record.createdBy.flatMap { creators[$0] }, rules: rules),
        ])
    }

    private func creators(of keys: [KeyRecord]) async throws(WebError) -> [UserID: Person] {
        let ids = Set(keys.compactMap(\.createdBy))
        return ids.isEmpty ? [:] : try await sessions.people(ids.sorted())
    }

    private func list(_ request: Request, by caller: Caller) async throws(WebError) -> WebValue {
        let mine: Bool
        switch request.parameter("filter") {
        case nil, "all": mine = false
        case "mine": mine = true
        default: throw WebError.invalid("filter", "filter must be mine or all.")
        }
        var project: ProjectRecord?
        if let text = request.parameter("projectId") {
            guard let id = ProjectID(text) else { throw Management.noProject }
            project = try await management.permitted(id, .read, by: caller, stranger: Management.noProject)
        }
        let keys = try await management.keys(of: project?.id, for: caller.user, mine: mine)
        let creators = try await creators(of: keys)
        let rules = try await management.rules(of: keys.map(\.id))
        var answer: [(String, WebValue)] = [
            (
                "apiKeys",
                .array(keys.map { $0.json(creator: $0.createdBy.flatMap { creators[$0] }, rules: rules[$0.id] ?? []) })
            )
        ]
        if let project {
            answer.append(
                (
                    "planLimits",
                    [
                        "currentCount": .integer(try await management.keyCount(of: project.id)),
                        "maxKeys": .integer(PlanLimits(plan: project.plan).keys), "plan": .string(project.plan),
                    ]
                ))
        }
        let first = try await management.organizations(of: caller.user).first?.role
        answer.append(("userRole", .string((project?.role ?? first ?? .developer).rawValue)))
        return .object(answer)
    }
}
