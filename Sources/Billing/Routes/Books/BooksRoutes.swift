internal import Finance
internal import Hummingbird
internal import Ledger
internal import Postgres
internal import Web

/// What is asked of an organization's books: the same as the commands `balance`, `credits list`, `statement`, `journal`,
/// `ledger export` and `ledger proof` answer.
extension BillingRoutes {
    func addBooks(to router: Router<WebContext>) {
        addGrants(to: router)
        router.get("/orgs/:id/balance") { request, context in
            let organization = try await reader(request, context)
            let balance = try await read { finance throws(FinanceError) in
                try await finance.balance(of: organization, try Self.view(request))
            }
            switch try Self.form(request) {
            case .json: return Response.json(balance.json)
            case .csv: return Response.csv([Balance.columns, balance.values])
            }
        }
        router.get("/orgs/:id/statement") { request, context in
            try await statement(of: try await reader(request, context), request)
        }
        router.get("/orgs/:id/journal") { request, context in
            try await journal(of: try await reader(request, context), request)
        }
        // An export has every event, also of keys and members: that is an owner's.
        router.get("/orgs/:id/export") { request, context in
            try await export(of: try await reader(request, context, isOwnersAlone: true), request)
        }
        router.get("/orgs/:id/proof") { request, context in
            try await proof(of: try await reader(request, context, isOwnersAlone: true), request)
        }
    }

    /// The organization of the path, for a member of it, and for the administrators of the installation, who keep all books.
    private func reader(
        _ request: Request, _ context: WebContext, isOwnersAlone: Bool = false
    ) async throws(WebError) -> OrganizationID {
        let refusal: WebError
        do throws(WebError) {
            return try await asked(
                request, context, organization: context.part("id"), isOwnersAlone: isOwnersAlone
            ).organization
        } catch {
            guard error.status == 403 || error.status == 404 else { throw error }
            refusal = error
        }
        let caller = try await sessions.caller(request, context)
        guard let organization = OrganizationID(context.part("id")), try await sessions.isAdministrator(caller.user) else {
            throw refusal
        }
        let isThere = try await billing.rows(
            "SELECT 1 FROM organizations.organizations WHERE organization = $1", [.uuid(organization.uuid)], { _ in true })
        guard isThere == [true] else { throw refusal }
        return organization
    }

    /// `GET /orgs/{id}/grants`: by age.
    private func addGrants(to router: Router<WebContext>) {
        router.get("/orgs/:id/grants") { request, context in
            let organization = try await reader(request, context)
            let limit = try Self.limit(request)
            let isOpen: Bool
            switch request.parameter("open") {
            case nil, "false": isOpen = false
            case "true": isOpen = true
            default: throw WebError.invalid("open", "open must be true or false.")
            }
            let after = try Self.number(request, "cursor", in: 1...Int64.max) ?? 0
            if try Self.form(request) == .csv {
                return csv(CreditGrant.columns, after: after) { finance, after throws(FinanceError) in
                    let page = try await finance.grants(of: organization, isOpen: isOpen, after: after, limit: Self.largestPage)
                    return (page.map(\.values), page.last?.position)
                }
            }
            let found = try await read { finance throws(FinanceError) in
                try await finance.grants(of: organization, isOpen: isOpen, after: after, limit: limit + 1)
            }
            let shown = found.prefix(Int(limit))
            let next = found.count > shown.count ? shown.last.map { String($0.position) } : nil
            return Response.json(["grants": .array(shown.map(\.json)), "pagination": Self.pagination(next, limit)])
        }
    }

    private static func view(_ request: Request) throws(FinanceError) -> BalanceView {
        var views: [BalanceView] = []
        do throws(WebError) {
            if let time = try time(request, "at") { views.append(.at(time)) }
            if let time = try time(request, "effective") { views.append(.effective(time)) }
        } catch {
            throw FinanceError(.invalid, field: error.field, error.message)
        }
        if let text = request.parameter("position") {
            guard let position = Int64(text), position >= 0 else {
                throw FinanceError(.invalid, field: "position", "position must be a whole number, not below zero.")
            }
            views.append(.position(position))
        }
        guard views.count <= 1 else {
            throw FinanceError(.invalid, field: "at", "Give one of at, position and effective.")
        }
        return views.first ?? .now
    }
}
