internal import Catalogue
internal import Credentials
internal import Hummingbird
internal import Ledger
internal import Web

extension ManagementRoutes {
    private enum Switch: String, Decodable, Sendable { case active, inactive }

    private struct Patch: Decodable, Sendable {
        let status: Switch?
    }

    private struct Order: Decodable, Sendable {
        let organizationId: IDText<IdentifierKinds.Organization>
        let provider: String
        let providerKeyIds: [IDText<IdentifierKinds.ProviderKey>]
    }

    func addProviderKeys(to router: Router<WebContext>) {
        router.post("/keys/provider") { request, context in
            let caller = try await caller(request, context)
            let body = try await WebBody.read(NewProviderKey.self, from: request)
            let organization = body.organizationId.id
            // Whoever may not make one must not make this server call anybody either.
            _ = try await management.permitted(
                organization, .manageProviderKeys, by: caller, stranger: Management.noAccess)
            let (draft, trial) = try body.checked(by: providerKeys)
            try await providerKeys.check(trial)
            let id = ProviderKeyID.mint()
            try await management.addProviderKey(
                id, to: organization, draft, secrets: providerKeys.secrets, by: caller)
            return Response.json(["providerKey": try await management.permitted(id, .read, by: caller).json])
        }
        router.get("/keys/provider") { request, context in
            let caller = try await caller(request, context)
            var organization: OrganizationID?
            if let text = request.parameter("organizationId") {
                guard let id = OrganizationID(text) else { throw Management.noAccess }
                organization = try await management.permitted(id, .read, by: caller, stranger: Management.noAccess).id
            }
            let keys = try await management.providerKeys(of: organization, for: caller.user)
            return Response.json(["providerKeys": .array(keys.map(\.json))])
        }
        router.put("/keys/provider/order") { request, context in
            let caller = try await caller(request, context)
            let body = try await WebBody.read(Order.self, from: request)
            guard (1...Management.mostProviderKeys).contains(body.providerKeyIds.count) else {
                throw WebError.invalid(
                    "providerKeyIds", "providerKeyIds must have 1 to \(Management.mostProviderKeys) entries.")
            }
            try await management.order(
                providerKeys: body.providerKeyIds.map(\.id), of: body.provider, in: body.organizationId.id, by: caller)
            let keys = try await management.providerKeys(of: body.organizationId.id, for: caller.user)
            return Response.json([
                "message": "Provider keys ordered successfully",
                "providerKeys": .array(
                    keys.filter { $0.provider == body.provider && !$0.isDeleted }.map(\.json)),
            ])
        }
        router.patch("/keys/provider/:id") { request, context in
            let caller = try await caller(request, context)
            let id: ProviderKeyID = try id("id", of: context)
            guard let status = try await WebBody.read(Patch.self, from: request).status else {
                throw WebError.changesNothing("status")
            }
            try await management.change(providerKey: id, status: status == .active ? .active : .inactive, by: caller)
            return Response.json([
                "message": "Provider key updated successfully",
                "providerKey": try await management.permitted(id, .manageProviderKeys, by: caller).json,
            ])
        }
        router.delete("/keys/provider/:id") { request, context in
            let caller = try await caller(request, context)
            try await management.delete(
                providerKey: try id("id", of: context), secrets: providerKeys.secrets, by: caller)
            return Response.json(["message": "Provider key deleted successfully"])
        }
    }
}
