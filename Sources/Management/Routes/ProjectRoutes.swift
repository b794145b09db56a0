internal import Hummingbird
internal import Ledger
internal import Money
internal import Web

extension ManagementRoutes {
    private enum Mode: String, Decodable, Sendable {
        case credits, hybrid
        case apiKeys = "api-keys"
    }

    private struct NewProject: Decodable, Sendable {
        let name: String
        let organizationId: IDText<IdentifierKinds.Organization>
        let cachingEnabled: Bool?
        let cacheDurationSeconds: WholeNumber?
        let mode: Mode?
        let usageLimit: DecimalText?
    }

    private struct ProjectPatch: Decodable, Sendable {
        let name: String?
        let cachingEnabled: Bool?
        let cacheDurationSeconds: WholeNumber?
        let mode: Mode?
        let usageLimit: Field<DecimalText>
    }

    func addProjects(to router: Router<WebContext>) {
        router.post("/projects") { request, context in
            let caller = try await caller(request, context)
            let body = try await WebBody.read(NewProject.self, from: request)
            let id = ProjectID.mint()
            var change = Management.ProjectChange(
                name: try WebText.check(body.name, field: "name"), mode: body.mode?.rawValue, caching: body.cachingEnabled,
                cacheSeconds: try Self.cacheSeconds(body.cacheDurationSeconds?.value))
            if let limit = try KeyBodies.limit(body.usageLimit?.amount, field: "usageLimit") { change.usageLimit = .set(limit) }
            try await management.addProject(id, to: body.organizationId.id, change, by: caller)
            return Response.json(["project": try await management.permitted(id, .read, by: caller).json], status: 201)
        }
        router.get("/projects/:id") { request, context in
            let caller = try await caller(request, context)
            let project = try await management.permitted(try id("id", of: context) as ProjectID, .read, by: caller)
            return Response.json(["project": project.json])
        }
        router.patch("/projects/:id") { request, context in
            let caller = try await caller(request, context)
            let id: ProjectID = try id("id", of: context)
            let body = try await WebBody.read(ProjectPatch.self, from: request)
            var change = Management.ProjectChange(
                mode: body.mode?.rawValue, caching: body.cachingEnabled,
                cacheSeconds: try Self.cacheSeconds(body.cacheDurationSeconds?.value))
            if let name = body.name { change.name = try WebText.check(name, field: "name") }
            change.usageLimit = try KeyBodies.change(body.usageLimit, field: "usageLimit")
            guard !change.isEmpty else {
                throw WebError.changesNothing("name", "mode", "cachingEnabled", "cacheDurationSeconds", "usageLimit")
            }
            try await management.change(project: id, change, by: caller)
            return Response.json([
                "message": "Project settings updated successfully",
                "project": try await management.permitted(id, .read, by: caller).json,
            ])
        }
        router.delete("/projects/:id") { request, context in
            let caller = try await caller(request, context)
            try await management.delete(project: try id("id", of: context), by: caller)
            return Response.json(["message": "Project deleted successfully"])
        }
    }

    private static func cacheSeconds(_ seconds: Int64?) throws(WebError) -> Int64? {
        guard let seconds else { return nil }
        guard (10...31_536_000).contains(seconds) else {
            throw WebError.invalid("cacheDurationSeconds", "cacheDurationSeconds must be 10 to 31536000.")
        }
        return seconds
    }
}
