internal import Hummingbird
internal import Ledger
internal import Web

extension ManagementRoutes {
    /// How many movements a page has when the caller does not say: existing clients of this API ask for all at once.
    private static let page: Int64 = 1_000

    /// `GET /orgs/{id}/transactions` and `GET /orgs/{id}/referral-stats`.
    func addTransactions(to router: Router<WebContext>) {
        router.get("/orgs/:id/transactions") { request, context in
            let caller = try await caller(request, context)
            let organization = try await readable(context, by: caller)
            let limit = try request.limit(Self.page, most: Self.page)
            var before: Int64?
            if let text = request.parameter("cursor") {
                guard let position = Int64(text), position > 0 else {
                    throw WebError.invalid("cursor", "cursor is not one of this list.")
                }
                before = position
            }
            let asOf = try await management.asOf("transactions", "payments")
            let found = try await management.transactions(of: organization, before: before, limit: limit + 1)
            let shown = found.prefix(Int(limit))
            let next = found.count > shown.count ? shown.last.map { String($0.position) } : nil
            return Response.json([
                "transactions": .array(shown.map(\.json)),
                "pagination": .pagination(next: next, limit: limit), "as_of": asOf,
            ])
        }
        router.get("/orgs/:id/referral-stats") { request, context in
            let caller = try await caller(request, context)
            let organization = try await readable(context, by: caller)
            return Response.json(["referredCount": .integer(try await management.referredCount(of: organization))])
        }
    }

    private func readable(_ context: WebContext, by caller: Caller) async throws(WebError) -> OrganizationID {
        let id: OrganizationID = try id("id", of: context, else: Management.noAccess)
        return try await management.permitted(id, .read, by: caller, stranger: Management.noAccess).id
    }
}
