internal import Hummingbird
internal import Ledger
internal import Web

extension ManagementRoutes {
    /// `GET /logs`, `GET /logs/{id}` and `GET /logs/unique-models`: the requests of an organization, a project or a key, one of
    /// them with its bodies, and what they used.
    func addLogs(to router: Router<WebContext>) {
        router.get("/logs") { request, context in
            let caller = try await caller(request, context)
            var filter = LogFilter(scope: try await scope(of: request, by: caller))
            filter.from = try request.time("startDate")
            filter.to = try request.time("endDate")
            filter.finishReason = try request.word("finishReason")
            filter.unifiedFinishReason = try request.word("unifiedFinishReason")
            filter.provider = try request.word("provider")
            filter.model = try request.word("model")
            filter.source = try request.word("source")
            filter.providerKey = try await providerKey(of: request, by: caller)
            filter.header = try header(of: request)
            switch request.parameter("orderBy") {
            case nil, "createdAt_desc": break
            case "createdAt_asc": filter.isAscending = true
            default: throw WebError.invalid("orderBy", "orderBy must be createdAt_asc or createdAt_desc.")
            }
            filter.cursor = try request.cursor()
            filter.limit = try request.limit(filter.limit, most: 100)
            let asOf = try await management.asOf("requests")
            let page = try await management.logs(filter)
            let headers = try await management.customHeaders(of: page.logs)
            return Response.json([
                "logs": .array(page.logs.map { $0.json(headers: headers[$0.request]) }),
                "pagination": .pagination(next: page.next?.text, limit: filter.limit), "as_of": asOf,
            ])
        }
        router.get("/logs/:id") { request, context in
            let caller = try await caller(request, context)
            let missing = WebError.notFound("There is no such request.")
            let id: Ledger.RequestID = try self.id("id", of: context, else: missing)
            guard let log = try await management.log(id, for: caller.user) else { throw missing }
            let headers = try await management.customHeaders(of: [log])
            return Response.json(["log": log.json(headers: headers[id], bodies: try await management.bodies(of: id))])
        }
        router.get("/logs/unique-models") { request, context in
            let caller = try await caller(request, context)
            let (models, providers) = try await management.used(try await usageScope(of: request, by: caller))
            return Response.json([
                "models": .array(models.map(WebValue.string)), "providers": .array(providers.map(WebValue.string)),
            ])
        }
    }

    /// Whose requests are asked for: a key's, a project's, an organization's, or those of all of the caller's organizations.
    private func scope(of request: Request, by caller: Caller) async throws(WebError) -> LogFilter.Scope {
        if let text = request.parameter("apiKeyId") {
            let missing = WebError.notFound("There is no such API key.")
            guard let id = APIKeyID(text), let key = try await management.key(id, for: caller.user) else { throw missing }
            return .keys([key.id])
        }
        if let text = request.parameter("projectId") {
            guard let id = ProjectID(text) else { throw Management.noProject }
            let project = try await management.permitted(id, .read, by: caller, stranger: Management.noProject)
            return .keys(try await management.allKeys(of: project.id))
        }
        return .organizations(try await organizations(of: request, by: caller))
    }

    /// A header of the applications' own that is asked for, without its prefix.
    private func header(of request: Request) throws(WebError) -> (name: String, value: String?)? {
        guard let name = try request.word("customHeaderKey") else {
            guard try request.word("customHeaderValue") == nil else {
                throw WebError.invalid("customHeaderKey", "customHeaderValue needs a customHeaderKey.")
            }
            return nil
        }
        return (name.lowercased(), try request.word("customHeaderValue"))
    }

    /// The provider key that is asked for; one that was deleted is still a part of the past.
    private func providerKey(of request: Request, by caller: Caller) async throws(WebError) -> ProviderKeyID? {
        guard let text = try request.word("providerKeyId") else { return nil }
        let known = try await management.providerKeys(for: caller.user)
        guard let id = ProviderKeyID(text), known.contains(where: { $0.id == id }) else {
            throw WebError.notFound("There is no such provider key.")
        }
        return id
    }

    /// The organization that is asked for, or all of the caller's.
    func organizations(of request: Request, by caller: Caller) async throws(WebError) -> [OrganizationID] {
        guard let text = request.parameter("orgId") else { return try await management.organizations(of: caller.user).map(\.id) }
        guard let id = OrganizationID(text) else { throw Management.noAccess }
        return [try await management.permitted(id, .read, by: caller, stranger: Management.noAccess).id]
    }

    /// Whose usage is asked for: a project's, an organization's, or that of all of the caller's organizations.
    func usageScope(of request: Request, by caller: Caller) async throws(WebError) -> UsageScope {
        if let text = request.parameter("projectId") {
            guard let id = ProjectID(text) else { throw Management.noProject }
            return .project(try await management.permitted(id, .read, by: caller, stranger: Management.noProject).id)
        }
        return .organizations(try await organizations(of: request, by: caller))
    }
}

extension Request {
    /// A filter of the query; `all` and nothing are none.
    fileprivate func word(_ name: String) throws(WebError) -> String? {
        guard let text = parameter(name), text != "all", !text.isEmpty else { return nil }
        return try WebText.check(text, field: name, length: 1...255)
    }

    /// A time of the query.
    func time(_ name: String) throws(WebError) -> Timestamp? {
        guard let text = parameter(name) else { return nil }
        guard let time = Timestamp(iso8601: text) else {
            throw WebError.invalid(name, "\(name) must be a time such as 2026-11-24T20:33:40Z.")
        }
        return time
    }
}
